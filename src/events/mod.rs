//! What happened: facts, events, the session fold, marks, and the log that keeps them.
//!
//! A playback session is its own stream and numbers its own facts, so nothing here needs a lock or
//! a leader: the same set of facts gives the same [`State`], whatever order or node it came
//! through. Everything but the logs is pure: no clock, no randomness, no I/O. Policy (what counts
//! as finished, where to resume) is not here; it is applied when reading, in
//! [`crate::projections`].

pub mod cassandra;
pub mod codec;
pub mod embedded;
mod erased;
mod event;
mod fact;
mod fence;
mod fold;
mod id;
mod intervals;
pub mod json;
mod log;
mod mark;
pub mod memory;
mod part;
mod record;
mod skew;
mod slice;
mod state;
mod stored;
mod time;

pub use event::{Event, Order};
pub use fact::{AHEAD_MS_MAX, About, Fact, Invalid, Kind, Media, Reason};
pub use fence::{Fence, Scope};
pub use fold::{FOLD_VERSION, fold};
pub use id::{AccountId, DeviceId, Id, IdError, ProfileId, SessionId, TitleId, Week};
pub use intervals::Intervals;
pub use log::{
    AccountRange, Append, AppendError, Compacted, Damage, Depth, Erased, EventLog, EventRow, Gone,
    Health, ReadError, SessionKey, SnapshotRow, Stored, Survey,
};
pub use mark::{Mark, MarkKind, Restored};
pub use part::{Part, Parts};
pub use record::Record;
pub use skew::{Skew, ahead_ms};
pub use slice::{DirtyMark, Slice, Window};
pub use state::{Phase, Stamp, State};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
