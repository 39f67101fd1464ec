//! Whatever is delivered in whatever order, with reads, panics, evictions and restarts in between:
//! the answers are those of the set of facts. On every log and every kind of views.

use std::sync::Arc;

use proptest::prelude::*;
use viewlog::actors::Limits;
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    About, AccountId, Event, EventLog, Fact, Kind, ManualClock, Mark, MarkKind, Reason, SessionId,
};
use viewlog::projections::MemoryViewsOptions;

use super::Node;
use crate::cassandra;
use crate::redis_views;
use crate::support::{at, id};

const DAY_S: i64 = 86_400;

/// What happens to a node.
#[derive(Debug, Clone)]
enum Step {
    /// This fact is delivered.
    Fact(usize),
    /// This mark is said.
    Mark(usize),
    /// Somebody reads everything of this account.
    Read(usize),
    /// The actor of this account panics.
    Panic(usize),
    /// What is queued is merged.
    Flush,
    /// The node is replaced by another on the same log.
    Restart,
    /// A month goes by and the log is compacted.
    Compact,
}

/// Makes a node, or another on the same log and views.
type Make<'a> = dyn Fn(&Arc<dyn EventLog>) -> Node + 'a;

/// What a story is played on.
struct Stage<'a> {
    log: Arc<dyn EventLog>,
    /// What the accounts' names begin with, where others have the same log.
    prefix: String,
    make: &'a Make<'a>,
}

impl<'a> Stage<'a> {
    fn in_memory(make: &'a Make<'a>) -> Self {
        Self { log: Arc::new(MemoryLog::default()), prefix: String::new(), make }
    }

    fn account(&self, number: usize) -> AccountId {
        id(&format!("{}{}", self.prefix, ["one", "two", "three"][number % 3]))
    }

    fn node(&self) -> Node {
        (self.make)(&self.log)
    }
}

/// The moves of a session, its title, and whether it is Anna's.
type Told = (Vec<(Kind, u64)>, usize, bool);

/// Six sessions over three accounts, one fact every ten seconds with pauses, seeks and ends.
fn facts() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let kinds = prop::sample::select(vec![
        Kind::Progressed,
        Kind::Progressed,
        Kind::Paused,
        Kind::Resumed,
        Kind::Seeked,
        Kind::Stopped,
    ]);
    let session = prop::collection::vec((kinds, 0..40_u64), 1..12);
    prop::collection::vec((session, 0..3_usize, any::<bool>()), 1..6).prop_map(|sessions| {
        let of_session = |(number, (moves, title, anna)): (usize, Told)| {
            let begun = i64::try_from(number).unwrap() * 4_000;
            let session = SessionId::derived(at(begun), number as u128);
            let about = About {
                profile: Some(id(if anna { "anna" } else { "berta" })),
                title: Some(id(["film", "series", "third"][title])),
                ..About::default()
            };
            let mut position_ms = 0;
            let moves = [(Kind::Started, 0)].into_iter().chain(moves).zip(0..);
            let events = moves.map(move |((kind, seconds), seq)| {
                position_ms += seconds * 1_000;
                let mut fact = Fact::new(session, kind, position_ms);
                fact.seq = Some(seq);
                fact.at = Some(at(begun + i64::from(seq) * 30));
                fact.duration_ms = Some(200_000);
                fact.reason = (kind == Kind::Stopped).then_some(Reason::User);
                fact.about = Some(Box::new(about.clone()));
                let received_at = at(begun + i64::from(seq) * 30 + 1);
                (number, Event::new(fact, received_at, None))
            });
            events.collect::<Vec<_>>()
        };
        sessions.into_iter().enumerate().flat_map(of_session).collect()
    })
}

fn marks() -> Vec<(usize, Mark)> {
    let title = id("film");
    let kinds = [
        MarkKind::TitleHidden { title: title.clone() },
        MarkKind::MarkedWatched { title: title.clone(), watched_at: Some(at(-DAY_S)) },
        MarkKind::PositionSet { title: title.clone(), position_ms: 42_000 },
        MarkKind::MarkedUnwatched { title },
    ];
    let mark = |(number, kind): (usize, MarkKind)| {
        let said_at = at(5_000 + i64::try_from(number).unwrap() * 2_000);
        let command = SessionId::derived(said_at, number as u128);
        let profile = id("anna");
        (number, Mark { command, profile, at: said_at, received_at: said_at, kind })
    };
    kinds.into_iter().enumerate().map(mark).collect()
}

/// Every fact and mark at least once, in any order, with everything else in between.
fn story(facts: usize, marks: usize) -> impl Strategy<Value = Vec<Step>> {
    let needed: Vec<Step> = (0..facts).map(Step::Fact).chain((0..marks).map(Step::Mark)).collect();
    let extra = prop_oneof![
        4 => (0..facts).prop_map(Step::Fact),
        6 => (0..3_usize).prop_map(Step::Read),
        1 => (0..3_usize).prop_map(Step::Panic),
        2 => Just(Step::Flush),
        1 => Just(Step::Restart),
        1 => Just(Step::Compact),
    ];
    prop::collection::vec(extra, 5..40)
        .prop_flat_map(move |extra| Just([needed.clone(), extra].concat()).prop_shuffle())
}

async fn run(facts: &[(usize, Event)], steps: &[Step], stage: &Stage<'_>) -> Node {
    let mut node = stage.node();
    let marks = marks();
    for step in steps {
        match step {
            Step::Fact(number) => deliver(&node, &facts[*number], stage).await,
            Step::Mark(number) => {
                let (of, mark) = &marks[*number];
                node.say(&stage.account(*of), mark.clone()).await;
            }
            Step::Read(number) => drop(node.everything(&stage.account(*number)).await),
            Step::Panic(number) => node.system.accounts().panic(&stage.account(*number)),
            Step::Flush => node.system.projector().flush().await,
            Step::Restart => {
                node.system.stop().await;
                node = stage.node();
            }
            Step::Compact => {
                node.clock.set(at(60 * DAY_S));
                for number in 0..3 {
                    let before = at(30 * DAY_S);
                    let account = stage.account(number);
                    let compacted = node.system.accounts().compact(account, before);
                    // A panic just before it is an answer, too.
                    let _ = compacted.await;
                }
                node.clock.set(at(100_000));
            }
        }
    }
    node.system.projector().flush().await;
    node
}

/// As a player would: a fact that is refused because its actor failed is sent again.
async fn deliver(node: &Node, (session, event): &(usize, Event), stage: &Stage<'_>) {
    loop {
        let outcome = node.record(&stage.account(*session), vec![event.clone()]).await;
        if outcome.refused.is_empty() {
            return;
        }
    }
}

/// The same facts in their order on a log in memory, read once.
async fn folded(facts: &[(usize, Event)]) -> Node {
    let steps: Vec<Step> =
        (0..facts.len()).map(Step::Fact).chain((0..marks().len()).map(Step::Mark)).collect();
    let make = |log: &Arc<dyn EventLog>| Node::on(log, MemoryViewsOptions::default());
    run(facts, &steps, &Stage::in_memory(&make)).await
}

/// In memory, so many bytes of it.
async fn compare_in(bytes_max: usize, facts: Vec<(usize, Event)>, steps: Vec<Step>) {
    let options = MemoryViewsOptions { bytes_max, ..MemoryViewsOptions::default() };
    let make = |log: &Arc<dyn EventLog>| Node::on(log, options.clone());
    compare(facts, steps, &Stage::in_memory(&make)).await;
}

/// In Redis, where views outlive the node.
async fn compare_in_redis(plays_max: usize, facts: Vec<(usize, Event)>, steps: Vec<Step>) {
    let Some(make) = nodes_on_redis(plays_max) else { return };
    compare(facts, steps, &Stage::in_memory(&make)).await;
}

/// In Redis, with the log on Cassandra.
async fn compare_in_a_fleet(facts: Vec<(usize, Event)>, steps: Vec<Step>) {
    let (Some(log), Some(make)) = (cassandra::log().await, nodes_on_redis(1_000)) else { return };
    let prefix = redis_views::fresh_prefix();
    compare(facts, steps, &Stage { log, prefix, make: &make }).await;
}

/// Nodes that share views of their own; they mark what changes, as in a fleet.
fn nodes_on_redis(plays_max: usize) -> Option<impl Fn(&Arc<dyn EventLog>) -> Node> {
    let prefix = redis_views::fresh_prefix();
    let made = move |clock: &Arc<ManualClock>| redis_views::shared_under(&prefix, plays_max, clock);
    made(&Arc::new(ManualClock::new(at(0))))?;
    let limits = Limits { marks: true, ..Node::limits() };
    Some(move |log: &Arc<dyn EventLog>| {
        Node::within(log, limits.clone(), |clock| Arc::new(made(&clock).unwrap()))
    })
}

async fn compare(facts: Vec<(usize, Event)>, steps: Vec<Step>, stage: &Stage<'_>) {
    let node = run(&facts, &steps, stage).await;
    let straight = folded(&facts).await;
    for number in 0..3 {
        let account = stage.account(number);
        let named = ["one", "two", "three"][number];
        let expected = straight.everything(&id(named)).await;
        assert_eq!(node.everything(&account).await, expected, "live");
        assert_eq!(node.everything(&account).await, expected, "read again");
        node.views.forget(&account).await.unwrap();
        assert_eq!(node.everything(&account).await, expected, "refilled");
    }
    node.system.stop().await;
    straight.system.stop().await;
}

fn stories() -> impl Strategy<Value = (Vec<(usize, Event)>, Vec<Step>)> {
    facts().prop_flat_map(|facts| {
        let steps = story(facts.len(), marks().len());
        (Just(facts), steps)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn live_views_are_refilled_views_are_a_fold_in_memory((facts, steps) in stories()) {
        actix_rt::System::new().block_on(compare_in(1 << 20, facts, steps));
    }

    #[test]
    fn evicted_and_refilled_all_the_time_the_answers_are_the_same((facts, steps) in stories()) {
        actix_rt::System::new().block_on(compare_in(4_000, facts, steps));
    }

    #[test]
    fn views_in_redis_outlive_nodes_and_the_answers_are_the_same((facts, steps) in stories()) {
        actix_rt::System::new().block_on(compare_in_redis(1_000, facts, steps));
    }

    #[test]
    fn below_the_floor_of_views_in_redis_the_answers_are_the_same((facts, steps) in stories()) {
        actix_rt::System::new().block_on(compare_in_redis(2, facts, steps));
    }
}

proptest! {
    // Every step of a story waits for a server's disk.
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn on_cassandra_and_redis_the_answers_are_the_same((facts, steps) in stories()) {
        actix_rt::System::new().block_on(compare_in_a_fleet(facts, steps));
    }
}
