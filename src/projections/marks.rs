//! One entry per kind of word of a person on a title, the latest of each; every `watched` is kept.

use super::projection::title_label;
use super::{Entry, Projection, Recorded, Version, View};
use crate::events::codec::{decode_mark, encode_mark};
use crate::events::{Mark, MarkKind, SessionId, TitleId};

/// Entries by kind and title; the value is the mark, an `undone` cut down to the one title.
pub(super) struct Marks;

impl Projection for Marks {
    fn view(&self) -> View {
        View::MARKS
    }

    fn version(&self) -> u32 {
        1
    }

    fn project(&self, recorded: &Recorded<'_>) -> Vec<Entry> {
        let Recorded::Mark(mark) = recorded else { return vec![] };
        match &mark.kind {
            MarkKind::TitleHidden { title }
            | MarkKind::TitleShown { title }
            | MarkKind::MarkedWatched { title, .. }
            | MarkKind::MarkedUnwatched { title }
            | MarkKind::PositionSet { title, .. } => vec![entry(mark, title)],
            MarkKind::Undone { since, titles } => {
                let each = titles.iter().map(|restored| {
                    let kind = MarkKind::Undone { since: *since, titles: vec![restored.clone()] };
                    entry(&Mark { kind, ..(*mark).clone() }, &restored.title)
                });
                each.collect()
            }
        }
    }
}

fn entry(mark: &Mark, title: &TitleId) -> Entry {
    let mut key = [mark.kind.as_str().as_bytes(), b"\0", title.as_str().as_bytes()].concat();
    if matches!(mark.kind, MarkKind::MarkedWatched { .. }) {
        key.push(0);
        key.extend_from_slice(mark.command.as_bytes());
    }
    Entry {
        view: View::MARKS,
        scope: Some(mark.profile.clone()),
        version: version(mark),
        rank: None,
        label: title_label(title),
        key: key.into(),
        value: encode_mark(mark).into(),
        expires_at: None,
    }
}

fn version(mark: &Mark) -> Version {
    let at = u64::try_from(mark.at.ms()).unwrap_or(0);
    Version(at, u128::from_be_bytes(*mark.command.as_bytes()))
}

/// The mark in an entry of this view; `None` when it is not one.
pub(super) fn mark_of(version: Version, value: &[u8]) -> Option<Mark> {
    let command = SessionId::from_bytes(version.1.to_be_bytes()).ok()?;
    decode_mark(command, value).ok()
}
