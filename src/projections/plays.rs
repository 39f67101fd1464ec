//! One entry per session and profile: what resume points, history and watch time are computed from.

use bytes::Bytes;

use super::projection::title_label;
use super::{Entry, Projection, Recorded, View, now};

/// Entries by session, ranked by when the position last moved, found by title; the value is the
/// state.
pub(super) struct Plays;

impl Projection for Plays {
    fn view(&self) -> View {
        View::PLAYS
    }

    fn version(&self) -> u32 {
        1
    }

    fn project(&self, recorded: &Recorded<'_>) -> Vec<Entry> {
        let Recorded::Session(state) = recorded else { return vec![] };
        let (Some(profile), Some(title)) = (&state.about.profile, &state.about.title) else {
            return vec![];
        };
        let key = state.session.as_bytes();
        vec![Entry {
            view: View::PLAYS,
            scope: Some(profile.clone()),
            key: Bytes::copy_from_slice(key),
            version: now::version(state),
            rank: Some(state.moved_at().ms()),
            label: title_label(title),
            value: now::value(state),
            expires_at: None,
        }]
    }
}
