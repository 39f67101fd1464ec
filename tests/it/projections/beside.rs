//! Two nodes that take facts of one account by turns, or in the same moment, on one log.

use std::sync::Arc;

use viewlog::actors::Limits;
use viewlog::events::codec::encode_snapshot;
use viewlog::events::{
    Append, Compacted, Depth, Event, EventLog, Fact, Kind, ManualClock, Mark, MarkKind, SessionId,
    SessionKey, SnapshotRow, State, fold,
};
use viewlog::projections::{MemoryViews, MemoryViewsOptions, ViewStore};

use super::Node;
use super::maintenance::verified;
use crate::support::{FlakyLog, at, event, eventually, fact, home, id, session, watch};

/// Two nodes that share the log and the views; the views of the household are there.
struct Beside {
    log: Arc<FlakyLog>,
    one: Node,
    other: Node,
}

impl Beside {
    async fn begun() -> Self {
        let log = Arc::new(FlakyLog::default());
        let clock = Arc::new(ManualClock::new(at(100_000)));
        let views = MemoryViews::new(MemoryViewsOptions::default(), clock);
        let views: Arc<dyn ViewStore> = Arc::new(views);
        let as_log = Arc::clone(&log) as Arc<dyn EventLog>;
        let limits = || Limits { marks: true, ..Node::limits() };
        let node = || Node::within(&as_log, limits(), |_| Arc::clone(&views));
        let beside = Self { one: node(), other: node(), log };
        beside.one.everything(&home()).await;
        beside
    }

    /// What a node answers that reads the log alone.
    async fn log_says(&self) -> serde_json::Value {
        let log = Arc::clone(&self.log) as Arc<dyn EventLog>;
        let straight = Node::on(&log, MemoryViewsOptions::default());
        let everything = straight.everything(&home()).await;
        straight.system.stop().await;
        everything
    }

    async fn views_come_to_it(&self) {
        let expected = self.log_says().await;
        eventually("the views say what the log says", async || {
            for node in [&self.one, &self.other] {
                node.system.projector().flush().await;
            }
            self.one.everything(&home()).await == expected
        })
        .await;
    }

    async fn stop(self) {
        self.one.system.stop().await;
        self.other.system.stop().await;
    }
}

#[actix_web::test]
async fn facts_recorded_in_the_same_moment_on_two_nodes_are_in_the_views_without_a_sweep() {
    let beside = Beside::begun().await;
    let (account, facts) = (home(), watch(session(1), 9));
    for pair in facts.chunks_exact(2) {
        let (held, before) = (beside.log.hold().await, beside.log.appends());
        let releasing = async {
            let appends = async || beside.log.appends() == before + 2;
            eventually("both are on their way", appends).await;
            drop(held);
        };
        let (first, second, ()) = tokio::join!(
            beside.one.record(&account, pair[..1].to_vec()),
            beside.other.record(&account, pair[1..].to_vec()),
            releasing,
        );
        assert_eq!((first.recorded, second.recorded), (1, 1));
        beside.views_come_to_it().await;
    }
    beside.stop().await;
}

#[actix_web::test]
async fn a_session_of_a_week_that_another_node_registered_is_not_taken_for_new() {
    const WEEK_S: i64 = 7 * 86_400;
    let beside = Beside::begun().await;
    beside.other.record(&home(), watch(session(1), 9)).await;
    let later = SessionId::derived(at(-WEEK_S), 2);
    let facts = watch(later, 9);
    assert_eq!(beside.one.record(&home(), facts[..6].to_vec()).await.recorded, 6);
    // Names are left out once they are known.
    let nameless = |event: &Event| {
        let fact = Fact { about: None, ..event.fact.clone() };
        Event::new(fact, event.received_at, None)
    };
    let taken = beside.other.record(&home(), facts[6..].iter().map(nameless).collect()).await;
    assert_eq!((taken.recorded, taken.refused.len()), (3, 0), "{taken:?}");
    beside.views_come_to_it().await;
    beside.stop().await;
}

#[actix_web::test]
async fn a_command_given_to_one_node_is_known_to_the_other() {
    let beside = Beside::begun().await;
    let said = |command: u128, title: &str| {
        let kind = MarkKind::TitleHidden { title: id(title) };
        let (command, at) = (SessionId::derived(at(0), command), at(0));
        Mark { command, profile: id("anna"), at, received_at: at, kind }
    };
    for (node, number) in [(&beside.one, 1), (&beside.other, 2)] {
        node.say(&home(), said(number, "series")).await;
    }
    beside.one.say(&home(), said(3, "film")).await;
    beside.other.say(&home(), said(3, "third")).await;
    let kept = beside.log.marks(&home()).await.unwrap();
    let third = kept.iter().filter(|mark| mark.command == SessionId::derived(at(0), 3));
    assert_eq!(third.collect::<Vec<_>>(), [&said(3, "film")], "what was acknowledged stays");
    beside.views_come_to_it().await;
    beside.stop().await;
}

/// A fact of the first session with this number, and somewhere else.
fn told(seq: u32, position_s: u64) -> Event {
    let kind = if seq == 0 { Kind::Started } else { Kind::Progressed };
    event(fact(session(1), seq, kind, position_s))
}

#[actix_web::test]
async fn a_fact_that_another_node_recorded_is_no_conflict_and_a_wrong_snapshot_is_mended() {
    let beside = Beside::begun().await;
    let Beside { one, other, .. } = &beside;
    one.record(&home(), vec![told(0, 0)]).await;
    other.record(&home(), vec![told(1, 60)]).await;
    // This node does not know better.
    assert_eq!(one.record(&home(), vec![told(1, 1)]).await.recorded, 1);
    let again = one.record(&home(), vec![told(1, 60)]).await;
    assert_eq!((again.duplicates, again.refused.len()), (1, 0), "{again:?}");
    let ended = event(fact(session(1), 2, Kind::Stopped, 90));
    assert_eq!(other.record(&home(), vec![ended]).await.recorded, 1);

    for node in [one, other] {
        node.system.projector().flush().await;
    }
    let found = verified(one).await;
    assert!(found.iter().any(|one| one.what.contains("snapshot")), "{found:?}");
    let stored = beside.log.week(&home(), session(1).week(), Depth::Snapshots).await.unwrap();
    let state = stored.into_iter().next().unwrap().state().unwrap();
    assert!(state.conflict && state.facts == 4, "{state:?}");
    assert_eq!(verified(one).await, []);
    beside.views_come_to_it().await;
    beside.stop().await;
}

#[actix_web::test]
async fn a_snapshot_that_alone_knows_what_was_compacted_is_not_taken_away() {
    let beside = Beside::begun().await;
    let facts = watch(session(1), 6);
    beside.one.record(&home(), facts.clone()).await;
    let mut state = fold(None, &facts[..5]).unwrap();
    state.compacted_through = Some(4);
    let snapshot =
        |state: &State| SnapshotRow { session: session(1), body: encode_snapshot(state) };
    let key = SessionKey { account: home(), session: session(1) };
    let compacted = Compacted { key, snapshot: snapshot(&state), through: 4 };
    beside.log.compact(compacted).await.unwrap();
    // As a node writes it that did not hear of the compaction, and then a fact.
    let mut forgetful = Append::new(home());
    forgetful.snapshots = vec![snapshot(&fold(None, &facts).unwrap())];
    beside.log.append(&forgetful).await.unwrap();
    assert_eq!(verified(&beside.one).await, []);
    beside.one.system.accounts().renew(home(), session(1).week()).await.unwrap();
    let week = beside.log.week(&home(), session(1).week(), Depth::Facts).await.unwrap();
    let left = week.into_iter().next().unwrap().state().unwrap();
    assert_eq!((left.facts, left.position_ms), (6, 50_000));
    beside.views_come_to_it().await;
    beside.stop().await;
}

#[actix_web::test]
async fn views_of_other_words_than_the_log_are_made_anew() {
    let beside = Beside::begun().await;
    // Sent again to the node that does not know it, a fact is recorded again: the log keeps one of
    // the two by when they were written, the views by their bytes.
    for (number, receipts_ms) in [(1, [0, 24_000]), (2, [24_000, 0])] {
        let told = |seq, kind, at_ms| {
            let fact = Fact { at: None, ..fact(session(number), seq, kind, 60) };
            vec![Event::new(fact, at(100).plus_ms(at_ms), None)]
        };
        beside.one.record(&home(), told(0, Kind::Started, 0)).await;
        for (node, at_ms) in [&beside.other, &beside.one].into_iter().zip(receipts_ms) {
            assert_eq!(node.record(&home(), told(1, Kind::Progressed, at_ms)).await.recorded, 1);
            node.system.projector().flush().await;
        }
    }
    let found = verified(&beside.one).await;
    assert!(found.iter().any(|one| one.what.contains("not what its facts say")), "{found:?}");
    assert_eq!(verified(&beside.one).await, []);
    assert_eq!(beside.one.everything(&home()).await, beside.log_says().await);
    beside.stop().await;
}
