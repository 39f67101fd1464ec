//! How others speak: one file per foreign format.
//!
//! An adapter turns a file into [`Record`]s and nothing else; they go through the same actors as
//! live facts. What a row says wrong is told with its line, and the other rows are read.

pub mod netflix;
pub mod table;
pub mod viewlog;

pub use crate::events::Record;
