//! How others speak: one file per foreign format. An adapter turns a file into [`Record`]s and nothing else;
//! they go through the same actors as live facts.

pub use crate::events::Record;
