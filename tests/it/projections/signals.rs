//! What is recorded reaches the views that are there, whatever fails between the log and them.

use std::sync::Arc;

use viewlog::events::memory::MemoryLog;
use viewlog::events::{AccountId, EventLog};
use viewlog::projections::{MemoryViewsOptions, When};

use super::Node;
use super::observed::ObservedViews;
use crate::support::{Failure, FlakyLog, eventually, home, id, session, watch};

async fn positions(node: &Node) -> Vec<u64> {
    node.system.projector().flush().await;
    let playing = node.answers.now(&home(), When::default()).await.unwrap().body.playing;
    playing.iter().map(|one| one.position_ms).collect()
}

/// A node whose views of the account are complete and hold the first two facts of a session.
async fn begun(log: &Arc<FlakyLog>) -> Node {
    let node = Node::on(&(Arc::clone(log) as Arc<dyn EventLog>), MemoryViewsOptions::default());
    node.clock.set(crate::support::at(30));
    node.everything(&home()).await;
    assert_eq!(node.record(&home(), watch(session(1), 9)[..2].to_vec()).await.recorded, 2);
    assert_eq!(positions(&node).await, [10_000]);
    node
}

#[actix_web::test]
async fn a_panic_while_an_append_is_in_flight_loses_neither_answer_nor_signal() {
    let log = Arc::new(FlakyLog::default());
    let node = begun(&log).await;
    let held = log.hold().await;
    let appends = log.appends();
    let fact = watch(session(1), 9)[2..3].to_vec();
    let account = home();
    let recording = node.record(&account, fact);
    let failing = async {
        eventually("the append is on its way", async || log.appends() > appends).await;
        node.system.accounts().panic(&home());
        let failed = async || node.system.observe().kinds[0].restarts == 1;
        eventually("the actor failed", failed).await;
        drop(held);
    };
    let (outcome, ()) = tokio::join!(recording, failing);
    assert_eq!(outcome.recorded, 1, "{outcome:?}");
    assert_eq!(positions(&node).await, [20_000]);
    assert_eq!(node.record(&home(), watch(session(1), 9)[3..4].to_vec()).await.recorded, 1);
    assert_eq!(positions(&node).await, [30_000]);
    node.system.stop().await;
}

#[actix_web::test]
async fn what_was_written_though_refused_shows_in_the_next_answer() {
    let log = Arc::new(FlakyLog::default());
    let node = begun(&log).await;
    log.fail(Failure::InDoubt, usize::MAX);
    let outcome = node.record(&home(), watch(session(1), 9)[2..3].to_vec()).await;
    assert_eq!(outcome.refused.len(), 1);
    log.fail(Failure::InDoubt, 0);
    assert_eq!(positions(&node).await, [20_000]);
    let again = node.record(&home(), watch(session(1), 9)[2..3].to_vec()).await;
    assert_eq!(again.duplicates, 1);
    assert_eq!(positions(&node).await, [20_000]);
    node.system.stop().await;
}

/// A node with views of these households, and the way to see what is merged into them.
async fn observed(households: &[AccountId]) -> (Node, Arc<ObservedViews>) {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let mut observed = None;
    let node = Node::with(&log, |clock| {
        let views = ObservedViews::new(clock);
        observed = Some(Arc::clone(&views));
        views
    });
    for household in households {
        node.everything(household).await;
    }
    (node, observed.unwrap())
}

#[actix_web::test]
async fn what_is_urgent_waits_for_some_heartbeats_and_not_for_all() {
    const PLAYERS: u128 = 1_500;
    let (crowd, hasty): (AccountId, AccountId) = (id("crowd"), id("hasty"));
    let (node, views) = observed(&[crowd.clone(), hasty.clone()]).await;
    for number in 0..PLAYERS {
        node.record(&crowd, watch(session(number), 9)[..1].to_vec()).await;
    }
    node.system.projector().flush().await;
    drop(views.merges());

    let held = views.hold().await;
    for number in 0..PLAYERS {
        node.record(&crowd, watch(session(number), 9)[1..2].to_vec()).await;
    }
    let flushing = node.system.projector().flush();
    let hurrying = async {
        node.record(&hasty, watch(session(1), 9)[..1].to_vec()).await;
        drop(held);
    };
    tokio::join!(flushing, hurrying);
    let merges = views.merges();
    let heartbeats: usize =
        merges.iter().flatten().filter(|household| **household == crowd).count();
    assert_eq!(u128::try_from(heartbeats).unwrap(), PLAYERS, "each is merged once");
    let turn = merges.iter().position(|merge| merge.contains(&hasty)).unwrap();
    let before: usize = merges[..turn].iter().map(Vec::len).sum();
    assert!(before <= 500, "{before} heartbeats went before what is urgent");
    node.system.stop().await;
}
