//! A mark: a person's word on a title, each its own one-event session in week 0.

use super::{Fence, ProfileId, Scope, SessionId, Timestamp, TitleId};

/// A person's word, recorded.
///
/// It acts on plays whose position last moved at or before its time, so new activity overrules it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The command's own id; repeating a command records nothing.
    pub command: SessionId,
    /// Who said it.
    pub profile: ProfileId,
    /// From when it counts: later than anything it was meant to act on.
    pub at: Timestamp,
    /// When the server had it.
    pub received_at: Timestamp,
    /// What was said.
    pub kind: MarkKind,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq)]
pub enum MarkKind {
    /// Out of continue watching.
    TitleHidden {
        /// The title.
        title: TitleId,
    },
    /// Back into continue watching.
    TitleShown {
        /// The title.
        title: TitleId,
    },
    /// Finished once more, elsewhere.
    MarkedWatched {
        /// The title.
        title: TitleId,
        /// When it was watched, if that was said.
        watched_at: Option<Timestamp>,
    },
    /// Earlier plays no longer count as finished nor hold a resume point.
    MarkedUnwatched {
        /// The title.
        title: TitleId,
    },
    /// As if stopped here.
    PositionSet {
        /// The title.
        title: TitleId,
        /// Where.
        position_ms: u64,
    },
    /// Back to how things were; what that was is written here, so that no fold has to look back.
    Undone {
        /// The instant gone back to.
        since: Timestamp,
        /// Each title that changed, as it was.
        titles: Vec<Restored>,
    },
}

/// A title as it was at the instant an undo goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The title.
    pub title: TitleId,
    /// Its resume point, if it had one.
    pub position_ms: Option<u64>,
    /// Whether it had been finished there; such a title is not continued.
    pub finished: bool,
    /// How often it had been finished.
    pub times_finished: u32,
    /// Whether it was hidden.
    pub hidden: bool,
}

impl Mark {
    /// Up to when it is erased, if it is. A command that comes again is as old as its id, and one
    /// that was erased by its id never comes again.
    pub fn erased_through(&self, fences: &[Fence]) -> Option<Timestamp> {
        let given_at = self.at.min(self.command.time());
        let around = Fence::through(fences, &Scope::around_mark(self));
        let by_id = Fence::through(fences, &[Scope::Session(self.command)]);
        around.filter(|through| given_at <= *through).max(by_id)
    }
}

impl MarkKind {
    /// The one title that it is about; an undo speaks of many.
    pub fn title(&self) -> Option<&TitleId> {
        match self {
            Self::TitleHidden { title }
            | Self::TitleShown { title }
            | Self::MarkedWatched { title, .. }
            | Self::MarkedUnwatched { title }
            | Self::PositionSet { title, .. } => Some(title),
            Self::Undone { .. } => None,
        }
    }

    /// The name used on the wire and in view keys.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TitleHidden { .. } => "title_hidden",
            Self::TitleShown { .. } => "title_shown",
            Self::MarkedWatched { .. } => "marked_watched",
            Self::MarkedUnwatched { .. } => "marked_unwatched",
            Self::PositionSet { .. } => "position_set",
            Self::Undone { .. } => "undone",
        }
    }

    /// True when it speaks of `title`.
    pub fn names(&self, title: &TitleId) -> bool {
        match self {
            Self::Undone { titles, .. } => titles.iter().any(|restored| restored.title == *title),
            _ => self.title() == Some(title),
        }
    }
}
