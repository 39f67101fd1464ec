//! The projection: the third of three seams. A pure function from what was recorded to view
//! entries.

use bytes::Bytes;

use super::{Entry, View, marks, now, plays};
use crate::events::{Mark, State, TitleId};

/// What was recorded, as the views take it in.
#[derive(Debug, Clone, Copy)]
pub enum Recorded<'a> {
    /// A session, folded.
    Session(&'a State),
    /// A person's word.
    Mark(&'a Mark),
}

/// The same, on its way to the views.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A session, folded.
    Session(State),
    /// A person's word.
    Mark(Mark),
}

impl Subject {
    /// As the views take it in.
    pub fn recorded(&self) -> Recorded<'_> {
        match self {
            Self::Session(state) => Recorded::Session(state),
            Self::Mark(mark) => Recorded::Mark(mark),
        }
    }
}

/// Makes the entries of one view.
///
/// A pure function: no clock, no policy, nothing but its argument. The version of an entry grows
/// with what players and persons sent, so that entries merge in any order. Whoever changes what an
/// entry looks like changes the version, and views are made anew.
pub trait Projection: Sync {
    /// The view that the entries are of.
    fn view(&self) -> View;

    /// Changes whenever the same input would give other entries.
    fn version(&self) -> u32;

    /// The entries of what was recorded.
    fn project(&self, recorded: &Recorded<'_>) -> Vec<Entry>;
}

/// Every view there is.
pub const PROJECTIONS: [&dyn Projection; 3] = [&now::Now, &plays::Plays, &marks::Marks];

/// The entries of what was recorded, in every view.
pub fn project(recorded: &Recorded<'_>) -> Vec<Entry> {
    PROJECTIONS.iter().flat_map(|projection| projection.project(recorded)).collect()
}

/// The label of everything of a title.
pub(super) fn title_label(title: &TitleId) -> Bytes {
    Bytes::copy_from_slice(title.as_str().as_bytes())
}

/// The title of a label; `None` when it is of something else.
pub(super) fn title_of(label: &[u8]) -> Option<TitleId> {
    TitleId::new(std::str::from_utf8(label).ok()?).ok()
}
