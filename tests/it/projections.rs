//! Live views = refilled views = a fold in memory; rebuilding, verifying and compacting leave every
//! answer as it was.

mod away;
mod beside;
mod doubt;
mod maintenance;
mod observed;
mod properties;
mod signals;
mod skew;
mod sweeps;
mod tampered;

use std::sync::Arc;
use std::time::Duration;

use viewlog::actors::{Limits, Outcome, Submission, System};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{AccountId, Clock, Event, EventLog, ManualClock, Mark, SystemClock};
use viewlog::projections::{
    Answers, Freshness, HistoryQuery, Items, MemoryViews, MemoryViewsOptions, Person, Policy,
    ProfileSeen, RedisViews, RedisViewsOptions, ViewStore, When,
};

use crate::redis_views;
use crate::servers::stores::{self, Stores};
use crate::support::{at, id};

/// A node: actors, views and answers over a log.
struct Node {
    log: Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    clock: Arc<ManualClock>,
    answers: Answers,
    system: System,
    _stores: Option<Stores>,
}

impl Node {
    fn on(log: &Arc<dyn EventLog>, options: MemoryViewsOptions) -> Self {
        Self::with(log, |clock| Arc::new(MemoryViews::new(options, clock)))
    }

    fn limits() -> Limits {
        Limits { shards: 1, append_deadline: Duration::from_millis(500), ..Limits::default() }
    }

    /// A node with views of another kind.
    fn with(
        log: &Arc<dyn EventLog>,
        make: impl FnOnce(Arc<ManualClock>) -> Arc<dyn ViewStore>,
    ) -> Self {
        Self::within(log, Self::limits(), make)
    }

    /// The same within other limits.
    fn within(
        log: &Arc<dyn EventLog>,
        limits: Limits,
        make: impl FnOnce(Arc<ManualClock>) -> Arc<dyn ViewStore>,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(at(100_000)));
        let dyn_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let views = make(Arc::clone(&clock));
        let (policy, freshness) = (Arc::new(Policy::default()), Arc::new(Freshness::default()));
        let answers = Answers::new(
            (Arc::clone(log), Arc::clone(&views)),
            Arc::clone(&policy),
            (Arc::clone(&freshness), Arc::clone(&dyn_clock)),
            4,
        );
        let shared = (policy, freshness, dyn_clock);
        let system = System::start(Arc::clone(log), Arc::clone(&views), shared, limits);
        Self { log: Arc::clone(log), views, clock, answers, system, _stores: None }
    }

    /// A node over stores in memory, or over a fleet's where a suite is run once more on them.
    async fn fresh() -> Self {
        if !stores::are_a_fleets() {
            let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
            return Self::on(&log, MemoryViewsOptions::default());
        }
        let stores = Stores::empty().await;
        let log: Arc<dyn EventLog> = Arc::new(stores.open_log(Arc::new(SystemClock)).await);
        let redis = redis_views::way(&stores.views);
        let limits = Limits { marks: true, ..Self::limits() };
        let mut node = Self::within(&log, limits, |clock| {
            Arc::new(RedisViews::new(redis, RedisViewsOptions::default(), clock))
        });
        node._stores = Some(stores);
        node
    }

    async fn record(&self, account: &AccountId, events: Vec<Event>) -> Outcome {
        let events = events.into_iter().enumerate();
        let facts = events.map(|(index, event)| Submission { index, event });
        self.system.accounts().record(vec![(account.clone(), facts.collect())]).await
    }

    async fn say(&self, account: &AccountId, mark: Mark) {
        self.system.accounts().mark(account.clone(), mark).await.unwrap();
    }

    /// Everything that can be asked of an account, as JSON without where it was read.
    async fn everything(&self, account: &AccountId) -> serde_json::Value {
        everything(&self.answers, account).await
    }
}

/// Everything that can be asked of an account, as JSON without where it was read.
async fn everything(answers: &Answers, account: &AccountId) -> serde_json::Value {
    let when = When::default();
    let profiles: Items<ProfileSeen> = answers.profiles(account, when).await.unwrap().body;
    let mut all = vec![
        serde_json::to_value(answers.now(account, when).await.unwrap().body).unwrap(),
        serde_json::to_value(&profiles).unwrap(),
    ];
    for seen in profiles.items {
        let person = Person { account: account.clone(), profile: seen.profile };
        let next = answers.continue_watching(&person, 500, when).await.unwrap().body;
        let query = HistoryQuery { limit: 500, ..HistoryQuery::default() };
        let history = answers.history(&person, &query, when).await.unwrap().body;
        all.push(serde_json::to_value(next).unwrap());
        all.push(serde_json::to_value(history).unwrap());
        for title in ["film", "series", "third"] {
            let title = id(title);
            let page = answers.title(&person, &title, when).await.unwrap();
            all.push(serde_json::to_value(page.map(|page| page.body)).unwrap());
            let resume = answers.resume(&person, &[title], (when, false)).await.unwrap();
            all.push(serde_json::to_value(resume.body).unwrap());
        }
    }
    serde_json::Value::Array(all)
}
