//! Who does it: actix actors, one per active account, supervised, behind one small module.
//!
//! No other file knows how actors are started, addressed or supervised than `host.rs`.

mod account;
mod accounts;
mod append;
mod crash;
mod doubts;
mod drainer;
mod erasures;
mod exchange;
mod feed;
mod gather;
mod host;
mod lags;
mod leave;
mod outbox;
mod outcome;
mod pace;
mod projector;
mod roles;
mod shard;
mod spooling;
mod sweeper;
mod system;

pub use accounts::Accounts;
pub use exchange::ExchangeObserved;
pub use feed::{Feeds, Subscription, Update};
pub use host::{Budget, KindVitals, Vitals};
pub use outcome::{
    Compaction, Durability, Outcome, Receipt, Recorded, Refusal, Refused, Submission,
};
pub use pace::PaceObserved;
pub use projector::{Projector, Signal};
pub use roles::{NoRoles, Role, Roles};
pub use spooling::SpoolObserved;
pub use sweeper::SweepingObserved;
pub use system::{Chaos, Kinds, Limits, Observed, ObservedKind, System};

pub(crate) use system::Deps;
