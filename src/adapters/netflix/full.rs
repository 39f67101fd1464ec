//! A row of `ViewingActivity.csv`: one session, from its start to its bookmark.
//!
//! Its length is that of the session and not of the title, which therefore stays unknown.

use std::collections::BTreeSet;

use super::header::FullColumns;
use super::lines::Line;
use super::{DateOrder, OddRow, cell, date, title};
use crate::events::{
    AHEAD_MS_MAX, About, Fact, Kind, Mark, MarkKind, Media, ProfileId, Reason, Record, SessionId,
    Timestamp,
};

/// The longest session that is recorded.
const SESSION_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How many profiles are named when the wanted one is not among them.
const OTHERS_MAX: usize = 8;

/// Reads rows of the full file.
pub(super) struct Full {
    columns: FullColumns,
    order: DateOrder,
    now: Timestamp,
    wanted: Option<Wanted>,
}

/// The only profile to read.
struct Wanted {
    profile: ProfileId,
    is_found: bool,
    others: BTreeSet<ProfileId>,
}

impl Full {
    pub(super) fn new(
        columns: FullColumns,
        order: DateOrder,
        now: Timestamp,
        profile: Option<ProfileId>,
    ) -> Self {
        let wanted =
            profile.map(|profile| Wanted { profile, is_found: false, others: BTreeSet::new() });
        Self { columns, order, now, wanted }
    }

    /// What a row comes to; none for the row of a profile that is not wanted.
    ///
    /// # Errors
    /// Says what is odd about the row.
    pub(super) fn records(&mut self, line: &Line) -> Result<Option<Vec<Record>>, String> {
        let name = cell::text(line.cell(self.columns.profile)?);
        let profile = cell::id(&name).ok_or("Profile Name is empty")?;
        if self.wanted.as_mut().is_some_and(|wanted| !wanted.takes(&profile)) {
            return Ok(None);
        }
        let row = Row::read(line, &self.columns, self.order)?;
        if row.start.since_ms(self.now) > AHEAD_MS_MAX {
            return Err(format!("Start Time {} is more than 24 h in the future", row.start));
        }
        row.records(profile, self.now).map(Some)
    }

    /// What to say, once, when the file had rows, but none of the wanted profile.
    pub(super) fn nothing_found(&mut self) -> Option<OddRow> {
        let Wanted { profile, is_found, others } = self.wanted.take()?;
        let others: Vec<&str> = others.iter().map(ProfileId::as_str).collect();
        (!is_found && !others.is_empty()).then(|| {
            let others = others.join(", ");
            let reason = format!("no row is of profile {profile}; the file has rows of {others}");
            OddRow { line: 1, reason }
        })
    }
}

impl Wanted {
    fn takes(&mut self, profile: &ProfileId) -> bool {
        let is_it = self.profile == *profile;
        self.is_found |= is_it;
        if !is_it && self.others.len() < OTHERS_MAX {
            self.others.insert(profile.clone());
        }
        is_it
    }
}

/// A row, understood.
struct Row {
    title: String,
    device: String,
    supplemental: String,
    attributes: Attributes,
    start: Timestamp,
    duration_ms: u64,
    bookmark_ms: u64,
}

impl Row {
    fn read(line: &Line, columns: &FullColumns, order: DateOrder) -> Result<Self, String> {
        let in_column = |name: &'static str| move |why: String| format!("{name} {why}");
        let optional = |column: Option<usize>| {
            cell::text(column.and_then(|column| line.cell(column).ok()).unwrap_or_default())
        };
        let row = Self {
            title: cell::text(line.cell(columns.title)?),
            device: optional(columns.device),
            supplemental: optional(columns.supplemental),
            attributes: Attributes::of(&optional(columns.attributes)),
            start: date::instant(line.cell(columns.start)?, order)
                .map_err(in_column("Start Time"))?,
            duration_ms: cell::length_ms(line.cell(columns.duration)?)
                .map_err(in_column("Duration"))?,
            bookmark_ms: cell::length_ms(line.cell(columns.bookmark)?)
                .map_err(in_column("Bookmark"))?,
        };
        if row.duration_ms > SESSION_MS_MAX {
            return Err("Duration is more than 24 h, longer than a session may last".to_owned());
        }
        Ok(row)
    }

    fn records(self, profile: ProfileId, now: Timestamp) -> Result<Vec<Record>, String> {
        let session = self.session(&profile);
        let title = cell::title_id(&self.title).ok_or("Title is empty")?;
        let end = self.start.plus_ms(i64::try_from(self.duration_ms).unwrap_or(i64::MAX));
        let about = Box::new(About {
            profile: Some(profile.clone()),
            title: Some(title.clone()),
            ..self.about()
        });
        let started = Fact {
            seq: Some(0),
            at: Some(self.start),
            about: Some(about.clone()),
            ..Fact::new(session, Kind::Started, self.bookmark_ms.saturating_sub(self.duration_ms))
        };
        let stopped = Fact {
            seq: Some(1),
            at: Some(end),
            reason: Some(Reason::User),
            about: Some(about),
            ..Fact::new(session, Kind::Stopped, self.bookmark_ms)
        };
        let hidden = self.attributes.was_hidden.then(|| Mark {
            command: SessionId::derived(end, cell::hash(&[b"hidden", session.as_bytes()])),
            profile,
            at: end,
            received_at: now,
            kind: MarkKind::TitleHidden { title },
        });
        let facts = [started, stopped].into_iter().map(Record::Fact);
        Ok(facts.chain(hidden.map(Record::Mark)).collect())
    }

    /// Rows that repeat each other are one session; rows that differ in anything of these are not.
    fn session(&self, profile: &ProfileId) -> SessionId {
        let hash = cell::hash(&[
            profile.as_str().as_bytes(),
            &self.start.ms().to_le_bytes(),
            &self.duration_ms.to_le_bytes(),
            self.title.as_bytes(),
            self.device.as_bytes(),
            &self.bookmark_ms.to_le_bytes(),
        ]);
        SessionId::derived(self.start, hash)
    }

    fn about(&self) -> About {
        let shown = title::shown(&self.title);
        let is_episode = shown.series.is_some() || shown.episode.is_some();
        About {
            device: cell::id(&self.device),
            media: Some(media(&self.supplemental, is_episode)),
            name: Some(cell::display(&self.title)),
            series: shown.series.map(cell::display),
            season: shown.season,
            episode: shown.episode,
            autoplay: self.attributes.is_autoplay.then_some(true),
            source: Some("netflix".into()),
            bookmark: Some(true),
            ..About::default()
        }
    }
}

/// What the column Attributes says, joined with semicolons.
#[derive(Default)]
struct Attributes {
    is_autoplay: bool,
    was_hidden: bool,
}

impl Attributes {
    fn of(cell: &str) -> Self {
        let mut attributes = Self::default();
        for attribute in cell.split(';').map(str::trim) {
            attributes.was_hidden |= attribute == "View was hidden";
            // Of `None`, `Unspecified`, `Visibility_Timeout` and `User_Interaction`, only the last
            // is a person's doing.
            let action = attribute.strip_prefix("Autoplayed: user action:").map(str::trim);
            attributes.is_autoplay |= action.is_some_and(|action| action != "User_Interaction");
        }
        attributes
    }
}

fn media(supplemental: &str, is_episode: bool) -> Media {
    match supplemental {
        "" if is_episode => Media::Episode,
        "" => Media::Movie,
        "TRAILER" | "TEASER_TRAILER" | "MARKETING_TRAILER" | "PREVIEW" | "PROMOTIONAL" => {
            Media::Trailer
        }
        // HOOK, RECAP, BUMPER, FEATURETTE, TUTORIAL, BONUS_VIDEO, and whatever comes next.
        _ => Media::Clip,
    }
}
