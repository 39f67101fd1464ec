//! What no signal brought, a sweep does.

use std::sync::Arc;
use std::time::Duration;

use viewlog::actors::Limits;
use viewlog::events::memory::MemoryLog;
use viewlog::events::{Clock, EventLog, Mark, MarkKind, Scope, SessionId, Slice};
use viewlog::projections::{MemoryViewsOptions, Pass, Sweep, Swept, ViewStore};

use super::Node;
use super::observed::ObservedViews;
use crate::support::{at, home, id, session, watch};

const HOUR_S: i64 = 3_600;
/// When nodes of these tests begin.
const BEGUN_S: i64 = 100_000;

/// A node that marks, its views, and a sweeper that is asked by hand.
struct House {
    node: Node,
    views: Arc<ObservedViews>,
}

impl House {
    /// Views are complete and hold the first two facts of a session.
    async fn begun() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
        let mut deaf = None;
        let limits = Limits { marks: true, ..Node::limits() };
        let node = Node::within(&log, limits, |clock| {
            let views = ObservedViews::new(clock);
            deaf = Some(Arc::clone(&views));
            views
        });
        let house = Self { node, views: deaf.unwrap() };
        assert_eq!(
            house.node.record(&home(), watch(session(1), 9)[..2].to_vec()).await.recorded,
            2
        );
        house.node.everything(&home()).await;
        house.node.system.projector().flush().await;
        house
    }

    fn sweep(&self, holder: &str) -> Sweep {
        Sweep {
            log: Arc::clone(&self.node.log),
            views: Arc::clone(&self.node.views),
            clock: Arc::clone(&self.node.clock) as Arc<dyn Clock>,
            holder: holder.to_owned(),
            append_deadline: Duration::from_secs(10),
            tell_erased: Box::new(|_| {}),
        }
    }

    async fn swept(&self, pass: Pass) -> Swept {
        self.sweep("one").slice(Slice::of(&home()), pass).await.unwrap().0
    }

    fn later(&self, seconds: i64) {
        self.node.clock.set(at(BEGUN_S + seconds));
    }

    /// Loses every signal of what `work` does.
    async fn unheard(&self, work: impl Future<Output = ()>) {
        self.views.deaf(true);
        work.await;
        self.node.system.projector().flush().await;
        self.views.deaf(false);
    }

    async fn facts(&self, from: usize, to: usize) {
        let facts = watch(session(1), 9)[from..to].to_vec();
        assert_eq!(self.node.record(&home(), facts).await.recorded, to - from);
    }

    async fn answers(&self) -> serde_json::Value {
        self.node.everything(&home()).await
    }

    /// The answers lack something; the first sweep of the window brings it.
    async fn is_put_right_by_a_sweep(&self) {
        let expected = self.expected().await;
        assert_ne!(self.answers().await, expected);
        self.later(20 * 60);
        self.swept(Pass::First).await;
        assert_eq!(self.answers().await, expected);
    }

    /// What the answers are when they are folded from the log.
    async fn expected(&self) -> serde_json::Value {
        Node::on(&self.node.log, MemoryViewsOptions::default()).everything(&home()).await
    }
}

#[actix_web::test]
async fn a_lost_signal_costs_a_window_and_no_event() {
    let house = House::begun().await;
    house.unheard(house.facts(2, 9)).await;
    let expected = house.expected().await;
    assert_ne!(house.answers().await, expected);
    assert_eq!(house.swept(Pass::First).await.sessions, 0, "the window is open");
    house.later(20 * 60);
    assert!(house.swept(Pass::First).await.sessions >= 1);
    assert_eq!(house.answers().await, expected);
    assert_eq!(house.swept(Pass::First).await, Swept::default(), "once is enough");
}

#[actix_web::test]
async fn a_word_that_no_signal_told_of_is_swept_too() {
    let house = House::begun().await;
    let mark = Mark {
        command: SessionId::derived(at(BEGUN_S), 99),
        profile: id("anna"),
        at: at(BEGUN_S),
        received_at: at(BEGUN_S),
        kind: MarkKind::TitleHidden { title: id("film") },
    };
    house.unheard(house.node.say(&home(), mark)).await;
    house.is_put_right_by_a_sweep().await;
}

#[actix_web::test]
async fn every_window_is_swept_a_second_time_from_all_rows() {
    let house = House::begun().await;
    house.later(20 * 60);
    house.swept(Pass::First).await;
    // The first sweep was deaf to it, as to what a slow region wrote after it.
    house.later(0);
    house.unheard(house.facts(2, 9)).await;
    house.later(HOUR_S);
    house.swept(Pass::First).await;
    let expected = house.expected().await;
    assert_ne!(house.answers().await, expected);
    assert_eq!(house.swept(Pass::Second).await.sessions, 0, "not yet");
    house.later(5 * HOUR_S);
    assert!(house.swept(Pass::Second).await.sessions >= 1);
    assert_eq!(house.answers().await, expected);
}

#[actix_web::test]
async fn what_was_erased_elsewhere_is_swept_out_of_these_views() {
    let house = House::begun().await;
    house
        .unheard(async {
            house.node.system.accounts().erase(home(), Scope::Account).await.unwrap();
        })
        .await;
    house.is_put_right_by_a_sweep().await;
}

#[actix_web::test]
async fn a_slice_is_swept_by_one_at_a_time() {
    let house = House::begun().await;
    house.later(20 * 60);
    let slice = Slice::of(&home());
    let name = format!("sweep:{}:First", slice.number());
    let minute = Duration::from_secs(60);
    assert!(house.views.lease(&name, "other", minute).await.unwrap());
    assert_eq!(house.swept(Pass::First).await, Swept::default());
    // Whoever has it may be dead: nothing of it counts as swept before it is.
    let (_, rest) = house.sweep("one").slice(slice, Pass::First).await.unwrap();
    assert!(rest.since <= at(BEGUN_S), "{rest:?}");
    house.views.release(&name, "other").await.unwrap();
    assert!(house.swept(Pass::First).await.windows > 0);
    let (_, rest) = house.sweep("one").slice(slice, Pass::First).await.unwrap();
    assert!(rest.since > at(BEGUN_S), "{rest:?}");
}

#[actix_web::test]
async fn an_operator_sweeps_from_an_instant_on_whatever_was_swept_before() {
    let house = House::begun().await;
    house.unheard(house.facts(2, 9)).await;
    let expected = house.expected().await;
    let swept =
        house.sweep("by hand").since(Slice::of(&home()), at(BEGUN_S), Pass::Second).await.unwrap();
    assert_eq!(swept.sessions, 1);
    assert_eq!(house.answers().await, expected);
}
