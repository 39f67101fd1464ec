//! What it looks like: disposable views of the log, and the answers computed from them when reading.
//!
//! A view holds one entry per session or mark, a register with a version made only of what the player sent,
//! so merging is commutative, associative and idempotent. What people ask for is computed from the entries
//! with the [`Policy`] of the moment. Nothing here names an actor or HTTP.

pub mod answer;
pub mod policy;
pub mod store;

pub use answer::{
    Alternative, Answer, AnswerError, Answers, By, Candidate, DecidedBy, Explain, HistoryQuery,
    Items, Lost, Now, Playing, ProfileSeen, Resume, SessionAnswer, Source, TitleAnswer, TitleInfo,
    Watch, WatchTime, WatchTimeQuery, When,
};
pub use policy::Policy;
pub use store::{Entry, Version, View, ViewError, ViewStore};
pub use store::{Freshness, MemoryViews, MemoryViewsOptions, Recorded, playing, project};
