//! Facts that the log does not take, and the spool in which they wait for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use viewlog::actors::{Durability, Limits, Outcome, Refusal, SpoolObserved, Submission, System};
use viewlog::events::embedded::{EmbeddedOptions, Kept, OpenError, Spool};
use viewlog::events::{
    AccountId, Clock, Event, EventLog, Kind, ManualClock, Scope, SessionId, SessionKey, Timestamp,
};
use viewlog::projections::{Freshness, MemoryViews, MemoryViewsOptions, Policy};

use crate::embedded::copy;
use crate::support::{
    Failure, FlakyLog, at, event, eventually, fact, folded, home, id, session, watch,
};

const ROOM: u64 = 1 << 20;
/// How long the log is tried.
const SOON: Duration = Duration::from_millis(200);

fn open(dir: &Path, bytes_max: u64) -> Result<Arc<Spool>, OpenError> {
    Spool::open(dir, bytes_max, EmbeddedOptions::default()).map(Arc::new)
}

/// A node whose log can be made to fail.
struct Node {
    flaky: Arc<FlakyLog>,
    log: Arc<dyn EventLog>,
    system: System,
    spool: Arc<Spool>,
}

impl Node {
    fn begun(dir: &Path) -> Self {
        Self::with(Arc::default(), open(dir, ROOM).unwrap(), SOON)
    }

    fn with(flaky: Arc<FlakyLog>, spool: Arc<Spool>, append_deadline: Duration) -> Self {
        let log = Arc::clone(&flaky) as Arc<dyn EventLog>;
        let limits = Limits { shards: 2, append_deadline, ..Limits::default() };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(at(3_600)));
        let views = Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(&clock)));
        let shared = (Arc::new(Policy::default()), Arc::new(Freshness::default()), clock);
        let system = System::start(Arc::clone(&log), views, shared, limits);
        system.spool(Arc::clone(&spool), true);
        Self { flaky, log, system, spool }
    }

    fn away(&self) {
        self.flaky.fail(Failure::Unavailable, usize::MAX);
    }

    fn back(&self) {
        self.flaky.fail(Failure::Unavailable, 0);
    }

    async fn record(&self, account: &AccountId, events: &[Event]) -> Outcome {
        let submission =
            |(index, event): (usize, &Event)| Submission { index, event: event.clone() };
        let submissions = events.iter().enumerate().map(submission).collect();
        self.system.accounts().record(vec![(account.clone(), submissions)]).await
    }

    fn observed(&self) -> SpoolObserved {
        self.system.observe().spool.unwrap()
    }

    async fn drained(&self) {
        eventually("nothing waits", async || self.spool.standing().facts == 0).await;
        eventually("all is counted", async || {
            let SpoolObserved { spooled, replayed, dropped, .. } = self.observed();
            replayed + dropped >= spooled
        })
        .await;
    }

    async fn events(&self, session: SessionId) -> Vec<Event> {
        let key = SessionKey { account: home(), session };
        self.log.events(&key, 0..=u64::MAX).await.unwrap()
    }
}

fn refusals(outcome: &Outcome) -> Vec<&Refusal> {
    outcome.refused.iter().map(|refused| &refused.refusal).collect()
}

#[actix_web::test]
async fn what_the_log_does_not_take_waits_and_comes_to_it_as_it_was_received() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::begun(dir.path());
    let events = watch(session(1), 40);
    let before = node.record(&home(), &events[..10]).await;
    assert_eq!((before.recorded, before.durability), (10, Durability::Store));
    node.away();
    let spooled = node.record(&home(), &events[10..30]).await;
    assert_eq!((spooled.recorded, spooled.durability), (20, Durability::Node), "{spooled:?}");
    assert_eq!(spooled.sessions[0].seq, 29);
    let again = node.record(&home(), &events[25..35]).await;
    assert_eq!((again.recorded, again.duplicates), (5, 5), "{again:?}");
    let standing = node.observed().standing;
    assert_eq!((standing.facts, standing.oldest_at), (25, Some(events[10].received_at)));
    node.back();
    node.drained().await;
    let after = node.record(&home(), &events[35..]).await;
    assert_eq!((after.recorded, after.durability), (5, Durability::Store), "{after:?}");
    let recorded = node.events(session(1)).await;
    let received: Vec<_> = recorded.iter().map(|event| (event.order, event.received_at)).collect();
    let sent: Vec<_> = events.iter().map(|event| (event.order, event.received_at)).collect();
    assert_eq!(received, sent);
    assert_eq!(folded(&node.log, &home()).await[0].played_ms, 390_000);
    node.system.stop().await;
}

#[actix_web::test]
async fn an_append_in_doubt_that_is_also_spooled_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::begun(dir.path());
    node.flaky.fail(Failure::InDoubt, usize::MAX);
    let events = watch(session(1), 5);
    assert_eq!(node.record(&home(), &events).await.durability, Durability::Node);
    node.flaky.fail(Failure::InDoubt, 0);
    node.drained().await;
    assert_eq!(node.events(session(1)).await.len(), 5);
    assert_eq!(node.observed().replayed, 5);
    node.system.stop().await;
}

#[actix_web::test]
async fn a_household_whose_facts_the_log_did_not_take_waits_for_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let deadline = Duration::from_secs(2);
    let node = Node::with(Arc::default(), open(dir.path(), ROOM).unwrap(), deadline);
    node.away();
    let begun = Instant::now();
    assert_eq!(node.record(&home(), &watch(session(1), 3)).await.durability, Durability::Node);
    let waited = begun.elapsed();
    assert!(waited > deadline / 2, "the log is tried first: {waited:?}");
    for number in 2..6 {
        let spooled = node.record(&home(), &watch(session(number), 3)).await;
        assert_eq!((spooled.recorded, spooled.durability), (3, Durability::Node), "{spooled:?}");
    }
    let waited = begun.elapsed() - waited;
    assert!(waited < deadline, "and not again: {waited:?}");
    node.back();
    node.drained().await;
    assert_eq!(folded(&node.log, &home()).await.len(), 5);
    node.system.stop().await;
}

#[actix_web::test]
async fn what_its_session_refuses_in_the_end_is_dropped_for_all_to_see() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::begun(dir.path());
    node.record(&home(), &watch(session(1), 3)).await;
    node.away();
    let conflict = event(fact(session(1), 1, Kind::Progressed, 77));
    let next = event(fact(session(1), 3, Kind::Progressed, 30));
    let spooled = node.record(&home(), &[conflict, next]).await;
    assert_eq!((spooled.recorded, spooled.durability), (2, Durability::Node));
    node.back();
    node.drained().await;
    let SpoolObserved { replayed, dropped, last_dropped, .. } = node.observed();
    assert_eq!((replayed, dropped), (1, 1));
    let why = last_dropped.unwrap();
    assert!(why.contains("seq 1 is recorded with other content"), "{why}");
    assert_eq!(node.events(session(1)).await.len(), 4);
    node.system.stop().await;
}

#[actix_web::test]
async fn facts_of_nobody_known_are_not_kept_and_those_of_known_sessions_are() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::begun(dir.path());
    let bare = |number: u128, seq: u32| {
        let mut bare = fact(session(number), seq, Kind::Progressed, u64::from(seq) * 10);
        bare.about = None;
        event(bare)
    };
    node.record(&home(), &watch(session(1), 2)).await;
    node.away();
    let known = node.record(&home(), &[bare(1, 2)]).await;
    assert_eq!((known.recorded, known.durability), (1, Durability::Node), "{known:?}");
    let unknown = node.record(&home(), &[bare(2, 1)]).await;
    let [Refusal::StoreUnavailable { detail, .. }] = refusals(&unknown)[..] else {
        panic!("{unknown:?}");
    };
    assert!(detail.contains("title and profile"), "{detail}");
    assert_eq!((unknown.recorded, unknown.durability), (0, Durability::Store));
    node.record(&home(), &watch(session(2), 1)).await;
    let known = node.record(&home(), &[bare(2, 1)]).await;
    assert_eq!((known.recorded, known.durability), (1, Durability::Node), "{known:?}");
    node.back();
    node.drained().await;
    assert_eq!(node.observed().dropped, 0);
    assert_eq!(node.events(session(2)).await.len(), 2);
    node.system.stop().await;
}

#[actix_web::test]
async fn a_full_spool_refuses_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::with(Arc::default(), open(dir.path(), 1_000).unwrap(), SOON);
    node.away();
    let events = watch(session(1), 40);
    let outcome = node.record(&home(), &events).await;
    assert!(outcome.recorded > 2 && !outcome.refused.is_empty(), "{outcome:?}");
    assert_eq!(outcome.recorded + outcome.refused.len(), 40);
    let full = |refusal: &&Refusal| match refusal {
        Refusal::StoreUnavailable { detail, .. } => detail.contains("no more room"),
        _ => false,
    };
    assert!(refusals(&outcome).iter().all(full), "{outcome:?}");
    assert_eq!(node.observed().turned_away, outcome.refused.len() as u64);
    assert!(node.spool.standing().bytes <= 1_000);
    node.back();
    node.drained().await;
    assert_eq!(node.events(session(1)).await.len(), outcome.recorded);
    assert_eq!(node.spool.standing().bytes, 0);
    node.system.stop().await;
}

#[actix_web::test]
async fn what_is_left_by_a_process_that_died_comes_to_the_log_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let flaky = Arc::new(FlakyLog::default());
    let events = watch(session(1), 20);
    let node = Node::with(Arc::clone(&flaky), open(dir.path(), ROOM).unwrap(), SOON);
    node.away();
    node.record(&home(), &events).await;
    let in_use = open(dir.path(), ROOM).err();
    assert!(matches!(in_use, Some(OpenError::InUse { .. })), "{in_use:?}");
    // What the system has been handed, as after kill -9.
    let left = tempfile::tempdir().unwrap();
    copy(dir.path(), left.path());
    node.system.stop().await;
    let opened = open(left.path(), ROOM).unwrap();
    assert_eq!(opened.standing().facts, 20);
    let next = Node::with(flaky, opened, SOON);
    next.back();
    eventually("nothing waits", async || next.spool.standing().facts == 0).await;
    assert_eq!(next.events(session(1)).await.len(), 20);
    next.system.stop().await;
}

#[actix_web::test]
async fn what_is_erased_leaves_the_spool_and_does_not_come_back_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::begun(dir.path());
    let mut other = watch(session(2), 4);
    for event in &mut other {
        event.fact.about.as_mut().unwrap().title = Some(id("other"));
    }
    node.away();
    node.record(&home(), &[watch(session(1), 10), other].concat()).await;
    let scope = Scope::Title(id("anna"), id("film"));
    // The log of this test fails appends alone.
    let receipt = node.system.accounts().erase(home(), scope).await.unwrap();
    assert_eq!((receipt.spool, node.spool.standing().facts), (10, 4));
    let refused = node.record(&home(), &watch(session(1), 10)).await;
    assert_eq!(refused.durability, Durability::Node, "nobody can be asked");
    node.back();
    eventually("the fence refuses them", async || node.observed().dropped == 10).await;
    eventually("nothing waits", async || node.spool.standing().facts == 0).await;
    assert_eq!(folded(&node.log, &home()).await.len(), 1);
    node.system.stop().await;
}

#[tokio::test]
async fn a_fact_is_kept_once_also_by_two_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), ROOM).unwrap();
    let (home, events) = (home(), watch(session(1), 30));
    let rows: Vec<_> = events.iter().map(|event| (&home, event)).collect();
    let (one, other) = tokio::join!(spool.keep(&rows), spool.keep(&rows));
    let both = [one.unwrap(), other.unwrap()].concat();
    assert_eq!(both.iter().filter(|kept| **kept == Kept::New).count(), 30);
    assert_eq!(spool.standing().facts, 30);
    let page = spool.page(None, 20).unwrap();
    let rest = spool.page(page.last().map(|last| last.page()).as_ref(), 20).unwrap();
    assert_eq!((page.len(), rest.len()), (20, 10));
    assert!(!spool.holds_before(&page[0]) && spool.holds_before(&rest[0]));
    assert_eq!(spool.remove(&page).await.unwrap(), 20);
    assert_eq!(spool.remove(&page).await.unwrap(), 0);
    let standing = spool.standing();
    let oldest = Timestamp::from_ms(events[20].received_at.ms());
    assert_eq!((standing.facts, standing.oldest_at), (10, Some(oldest)));
    assert!(spool.holds(&home, session(1)) && !spool.holds(&home, session(2)));
    spool.tidy_up().unwrap();
    assert_eq!(spool.page(None, 100).unwrap().len(), 10);
}

#[tokio::test]
async fn who_hangs_up_leaves_nothing_half_counted() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), ROOM).unwrap();
    let (home, events) = (home(), watch(session(1), 30));
    let rows: Vec<_> = events.iter().map(|event| (&home, event)).collect();
    let mut keeping = Box::pin(spool.keep(&rows));
    assert!(futures_util::poll!(&mut keeping).is_pending());
    drop(keeping);
    eventually("all of it is written", async || spool.page(None, 100).unwrap().len() == 30).await;
    assert_eq!(spool.keep(&rows).await.unwrap(), [Kept::Before; 30]);
    let waiting = spool.page(None, 100).unwrap();
    assert_eq!(spool.remove(&waiting).await.unwrap(), 30);
    assert_eq!((spool.standing().facts, spool.standing().bytes), (0, 0));
}
