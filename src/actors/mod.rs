//! Who does it: actix actors, one per active account, supervised, behind one small module.
//!
//! No other file knows how actors are started, addressed or supervised than `host.rs`.

mod outcome;

pub use outcome::{Durability, Outcome, Recorded, Refusal, Refused, Submission};
