//! What an import brings: facts as players send them, or events with all that a server once added.

use super::{Event, Fact, Mark, State};

/// One thing to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A fact; received when it is imported.
    Fact(Fact),
    /// An event with all that the server once added to it.
    Event(Event),
    /// A person's word.
    Mark(Mark),
    /// A session of which compaction left only the state.
    Snapshot(State),
}
