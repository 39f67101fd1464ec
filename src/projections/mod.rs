//! What it looks like: disposable views of the log, and the answers computed from them when
//! reading.
//!
//! A view holds one entry per session or mark, a register with a version made only of what the
//! player sent, so merging is commutative, associative and idempotent. What people ask for is
//! computed from the entries with the [`Policy`] of the moment. Nothing here names an actor or
//! HTTP.

pub mod answer;
mod answers;
mod doubt;
mod freshness;
mod maintain;
mod marks;
mod memory;
mod notices;
mod now;
mod plays;
mod policy;
mod projection;
mod redis;
pub mod shapes;
mod shelf;
mod store;

pub use self::redis::{
    Delivered, Heard, Lags, LastWord, Others, Redis, RedisAnswer, RedisFound, RedisOptions,
    RedisServer, RedisUrl, RedisUrlError, RedisViews, RedisViewsOptions, Relay, RelayStanding,
    Seen, Signals, SignalsOptions, SignalsStanding, Silent, SweptAgo, Through, Whose,
};
pub use answer::{
    Answer, AnswerError, By, HistoryQuery, Items, Person, Source, WatchTimeQuery, When,
};
pub use answers::Answers;
pub use doubt::{Doubt, DoubtCause, OpenDoubt};
pub use freshness::Freshness;
pub use maintain::{
    Difference, MayPass, Pages, Pass, Progress, Rebuild, RebuildError, Rebuilt, Renew, Rest,
    StoresError, Sweep, Swept, TellErased, account_ranges, count_accounts, patiently, rebuild,
    verify,
};
pub use memory::{MemoryViews, MemoryViewsOptions};
pub use notices::{leave_notice, read_notice};
pub use now::{playing, version_text};
pub use policy::{Policy, Thresholds};
pub use projection::{PROJECTIONS, Projection, Recorded, Subject, project};
pub use shapes::{
    Alternative, Candidate, DecidedBy, Explain, Lost, Now, Playing, ProfileSeen, Resume,
    SessionAnswer, TitleAnswer, TitleInfo, Watch, WatchTime,
};
pub use store::{
    CLOCKS_MS, Entry, Fill, Found, Page, Position, Query, Select, Standing, Target, Version, View,
    ViewError, ViewStore,
};
