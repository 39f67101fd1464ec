//! Rebuilding, verifying and compacting, from outside and beside readers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use viewlog::events::codec::encode_snapshot;
use viewlog::events::{
    AccountRange, Append, Clock, Depth, EventRow, FOLD_VERSION, Order, SessionKey, SnapshotRow,
    fold,
};
use viewlog::projections::{
    Difference, MemoryViewsOptions, Progress, Rebuild, Recorded, Renew, Source, When, project,
    rebuild, verify,
};

use super::Node;
use crate::support::{at, home, id, session, watch};

pub(super) async fn verified(node: &Node) -> Vec<Difference> {
    verified_by(node, Arc::default()).await
}

async fn verified_by(node: &Node, progress: Arc<Progress>) -> Vec<Difference> {
    let stores = (node.log.as_ref(), node.views.as_ref(), node.clock.as_ref() as &dyn Clock);
    let settle = async || node.system.projector().flush().await;
    verify(stores, &renew(node), None, progress, settle).await.unwrap()
}

pub(super) fn renew(node: &Node) -> Box<Renew> {
    let accounts = node.system.accounts().clone();
    Box::new(move |account, week| {
        let accounts = accounts.clone();
        Box::pin(async move { accounts.renew(account, week).await.is_ok() })
    })
}

async fn rebuilt(node: &Node, progress: &Arc<Progress>) -> u64 {
    let work = Rebuild {
        log: Arc::clone(&node.log),
        views: Arc::clone(&node.views),
        clock: Arc::clone(&node.clock) as Arc<dyn Clock>,
        renew: renew(node),
    };
    rebuild(work, Arc::clone(progress)).await.unwrap().events
}

async fn some_accounts(node: &Node, count: u128) {
    for number in 0..count {
        let events = watch(session(number), 40);
        node.record(&id(&format!("account-{number}")), events).await;
    }
}

#[actix_web::test]
async fn a_rebuild_folds_every_event_and_changes_no_answer() {
    let node = Node::fresh().await;
    some_accounts(&node, 5).await;
    let before = node.everything(&id("account-3")).await;
    let generation = node.views.generation().await;
    let progress = Arc::new(Progress::default());
    assert_eq!(rebuilt(&node, &progress).await, 200);
    assert_eq!((progress.done(), progress.total(), progress.events()), (5, 5, 200));
    assert!(node.views.generation().await > generation);
    let answer = node.answers.now(&id("account-3"), When::default()).await.unwrap();
    assert_eq!(answer.source, Source::Views, "what was read before is rebuilt, not dropped");
    assert_eq!(node.everything(&id("account-3")).await, before);
    assert!(verified(&node).await.is_empty());
    node.system.stop().await;
}

#[actix_web::test]
async fn readers_and_writers_notice_nothing_of_a_rebuild() {
    let node = Node::fresh().await;
    some_accounts(&node, 30).await;
    node.everything(&id("account-7")).await;
    let progress = Arc::new(Progress::default());
    let asked = asked_until(rebuilt(&node, &progress), &node).await;
    assert!(asked > 0);
    node.record(&id("account-7"), watch(session(99), 20)).await;
    node.system.projector().flush().await;
    assert!(verified(&node).await.is_empty());
    node.system.stop().await;
}

/// How often an account was answered from its views while something went on.
async fn asked_until(work: impl Future<Output = u64>, node: &Node) -> usize {
    let (mut work, account, mut asked) = (std::pin::pin!(work), id("account-7"), 0);
    loop {
        tokio::select! {
            biased;
            _ = &mut work => return asked,
            answer = node.answers.now(&account, When::default()) => {
                assert_eq!(answer.unwrap().source, Source::Views);
                asked += 1;
                tokio::task::yield_now().await;
            }
        }
    }
}

#[actix_web::test]
async fn a_rebuild_goes_on_where_it_stopped() {
    let node = Node::fresh().await;
    some_accounts(&node, 4).await;
    let opened = node.views.generation().await + 1;
    let note = format!("{opened} {FOLD_VERSION} account-1");
    node.log.set_note("rebuild", Some(note.as_bytes())).await.unwrap();
    let progress = Arc::new(Progress::default());
    assert_eq!(rebuilt(&node, &progress).await, 80);
    assert_eq!(node.log.note("rebuild").await.unwrap(), None);
    assert_eq!(rebuilt(&node, &Arc::default()).await, 160);
    node.system.stop().await;
}

#[actix_web::test]
async fn a_wrong_snapshot_is_found_and_a_rebuild_renews_it() {
    let node = Node::fresh().await;
    let events = watch(session(1), 40);
    node.record(&home(), events.clone()).await;
    let mut wrong = fold(None, &events).unwrap();
    wrong.position_ms = 1;
    let mut append = Append::new(home());
    append.snapshots.push(SnapshotRow { session: session(1), body: encode_snapshot(&wrong) });
    node.log.append(&append).await.unwrap();
    let found = verified(&node).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].session, Some(session(1)));
    rebuilt(&node, &Arc::default()).await;
    assert!(verified(&node).await.is_empty());
    node.system.stop().await;
}

#[actix_web::test]
async fn what_views_lack_is_found_and_merged() {
    let node = Node::fresh().await;
    node.record(&home(), watch(session(1), 40)).await;
    node.everything(&home()).await;
    // Written behind the views' back.
    let events = watch(session(2), 40);
    let mut append = Append::new(home());
    append.events = events
        .iter()
        .map(|event| EventRow {
            session: session(2),
            order: event.order,
            body: viewlog::events::codec::encode_event(event),
        })
        .collect();
    node.log.append(&append).await.unwrap();
    let found = verified(&node).await;
    assert!(found.iter().all(|difference| difference.session == Some(session(2))), "{found:?}");
    assert_eq!(found.len(), 1, "in plays; in now it is past its time");
    assert!(verified(&node).await.is_empty());
    node.system.stop().await;
}

#[actix_web::test]
async fn what_is_in_the_views_alone_is_found_and_taken_out() {
    let node = Node::fresh().await;
    node.record(&home(), watch(session(1), 40)).await;
    let before = node.everything(&home()).await;
    let never = fold(None, &watch(session(2), 40)).unwrap();
    let entries = project(&Recorded::Session(&never));
    node.views.merge(vec![(home(), entries)]).await.unwrap();
    assert_ne!(node.everything(&home()).await, before);
    let found = verified(&node).await;
    let told: Vec<_> = found.iter().map(|one| (one.session, one.what.as_str())).collect();
    assert_eq!(told, [(Some(session(2)), "in a view alone")]);
    assert_eq!(node.everything(&home()).await, before);
    assert!(verified(&node).await.is_empty());
    node.system.stop().await;
}

#[actix_web::test]
async fn a_verification_goes_on_where_it_stopped_with_what_it_had_found() {
    let node = Node::fresh().await;
    some_accounts(&node, 4).await;
    let name = format!("verify {FOLD_VERSION} {}", AccountRange::ALL);
    let found = json!({ "account": "account-0", "session": session(0), "what": "odd" });
    let noted = json!({ "through": "account-1", "found": [found] }).to_string();
    node.views.set_notice(&name, noted.as_bytes(), Duration::from_secs(60)).await.unwrap();
    let progress = Arc::new(Progress::default());
    let found = verified_by(&node, Arc::clone(&progress)).await;
    assert_eq!((progress.done(), progress.events()), (2, 80));
    assert_eq!(found[0].what, "odd");
    node.clock.advance_ms(1_000);
    assert!(verified(&node).await.is_empty(), "the next one begins anew");
    node.system.stop().await;
}

#[actix_web::test]
async fn damage_is_reported_by_session() {
    let node = Node::fresh().await;
    node.record(&home(), watch(session(1), 40)).await;
    let mut append = Append::new(home());
    let order = Order { seq: 40, fingerprint: 1 };
    append.events.push(EventRow { session: session(1), order, body: vec![0; 9] });
    node.log.append(&append).await.unwrap();
    let found = verified(&node).await;
    assert!(found[0].what.contains("cannot be read"), "{found:?}");
    node.system.stop().await;
}

#[actix_web::test]
async fn compaction_keeps_closed_sessions_as_their_snapshots_and_their_facts_as_duplicates() {
    let node = Node::fresh().await;
    let log = Arc::clone(&node.log);
    let events = watch(session(1), 40);
    node.record(&home(), events.clone()).await;
    let before = node.everything(&home()).await;
    let early = node.system.accounts().compact(home(), at(0)).await.unwrap();
    assert_eq!((early.sessions, early.events), (0, 0), "its week is not closed");
    node.clock.set(at(40 * 86_400));
    let done = node.system.accounts().compact(home(), at(30 * 86_400)).await.unwrap();
    assert_eq!((done.sessions, done.events), (1, 40));
    node.clock.set(at(100_000));
    let key = SessionKey { account: home(), session: session(1) };
    assert!(log.events(&key, 0..=u64::MAX).await.unwrap().is_empty());
    assert_eq!(node.everything(&home()).await, before);
    node.views.forget(&home()).await.unwrap();
    assert_eq!(node.everything(&home()).await, before);
    let outcome = node.record(&home(), events.clone()).await;
    assert_eq!((outcome.recorded, outcome.duplicates), (0, 40));

    let mut late = watch(session(1), 41).pop().unwrap();
    late.fact.position_ms = 500_000;
    let late = viewlog::events::Event::new(late.fact, late.received_at, None);
    assert_eq!(node.record(&home(), vec![late]).await.recorded, 1);
    node.system.stop().await;
    let stored = log.week(&home(), session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(stored[0].clone().state().unwrap().facts, 41);
    let again = Node::on(&log, MemoryViewsOptions::default());
    assert!(verified(&again).await.is_empty());
    rebuilt(&again, &Arc::default()).await;
    let stored = log.week(&home(), session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(stored[0].clone().state().unwrap().facts, 41);
    again.system.stop().await;
}

#[test]
fn entries_say_nothing_of_compaction() {
    let mut state = fold(None, &watch(session(1), 9)).unwrap();
    let before = project(&Recorded::Session(&state));
    state.compacted_through = Some(state.seq);
    assert_eq!(project(&Recorded::Session(&state)), before);
}
