//! How others speak: one file per foreign format. An adapter turns a file into [`Record`]s and nothing else;
//! they go through the same actors as live facts.

use crate::events::{Event, Fact, Mark, State};

/// One thing to be recorded, as an import reads it.
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
