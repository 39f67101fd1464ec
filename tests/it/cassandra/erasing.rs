//! Erasing on a store that several nodes write to, with clocks that differ.

use viewlog::events::{Erased, Event, EventLog, Fence, Scope, Survey};

use super::*;
use crate::support::{erase, eventually};

fn erased(account: &AccountId, at: viewlog::events::Timestamp) -> Erased {
    Erased {
        account: account.clone(),
        fence: Fence { scope: Scope::Account.key(), at },
        sessions: vec![session(1)],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    }
}

/// Something that happened after whatever is erased here.
fn later(seq: u32) -> Event {
    let mut fact = event(session(1), seq).fact;
    let at = SystemClock.now().plus_ms(3_600_000);
    fact.at = Some(at);
    Event::new(fact, at, None)
}

async fn count(log: &CassandraLog, account: &AccountId) -> usize {
    let stored = log.session(&key(account, session(1))).await.unwrap();
    stored.map_or(0, |stored| stored.events.len())
}

#[tokio::test]
async fn an_erasure_takes_what_was_written_before_and_leaves_what_is_written_after() {
    let Some(log) = log().await else { return };
    let account = account("before");
    fill(&log, &account, 1, 9).await;
    let gone = erase(log.as_ref(), erased(&account, SystemClock.now())).await.unwrap();
    assert_eq!((gone.events, gone.is_everywhere), (9, true));
    assert_eq!(count(&log, &account).await, 0);
    log.append(&append(&account, &[later(20)])).await.unwrap();
    assert_eq!(count(&log, &account).await, 1);
    // Once more with the same fence: what came after it was not meant, and the caller says so.
    let mut again = erased(&account, SystemClock.now());
    again.sessions.clear();
    erase(log.as_ref(), again).await.unwrap();
    assert_eq!(count(&log, &account).await, 1);
}

#[tokio::test]
async fn a_node_whose_clock_is_behind_the_fence_is_heard_all_the_same() {
    let (Some(log), Some(behind)) = (log().await, log_at(clock_at(-60)).await) else { return };
    let account = account("behind");
    fill(&log, &account, 1, 9).await;
    erase(log.as_ref(), erased(&account, SystemClock.now())).await.unwrap();
    for seq in 20..23 {
        behind.append(&append(&account, &[later(seq)])).await.unwrap();
    }
    assert_eq!(count(&behind, &account).await, 3);
    assert_eq!(count(&log, &account).await, 3);
    // A later snapshot replaces an earlier one, although the clock stands still behind the fence.
    let account = self::account("behind-too");
    let mut fence = erased(&account, SystemClock.now());
    fence.fence.scope = Scope::Session(session(1)).key();
    erase(log.as_ref(), fence).await.unwrap();
    let events: Vec<_> = (0..40).map(|seq| event(session(2), seq)).collect();
    for upto in [10, 40] {
        let mut batch = append(&account, &events[..upto]);
        batch.snapshots = vec![snapshot_of(&fold(None, &events[..upto]).unwrap())];
        behind.append(&batch).await.unwrap();
    }
    let stored = log.session(&key(&account, session(2))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, fold(None, &events));
}

#[tokio::test]
async fn what_a_clock_ahead_of_the_fence_wrote_is_erased_all_the_same() {
    let (Some(log), Some(ahead)) = (log().await, log_at(clock_at(60)).await) else { return };
    let account = account("before-its-time");
    fill(&ahead, &account, 1, 9).await;
    let gone = erase(log.as_ref(), erased(&account, SystemClock.now())).await.unwrap();
    assert_eq!(gone.events, 9);
    assert_eq!(count(&log, &account).await, 0);
    // And who writes next is later than the deletion, though not than its own clock.
    log.append(&append(&account, &[later(20)])).await.unwrap();
    assert_eq!(count(&log, &account).await, 1);
    let other = log_at(clock_at(0)).await.unwrap();
    other.append(&append(&account, &[later(21)])).await.unwrap();
    assert_eq!(count(&log, &account).await, 2);
}

#[tokio::test]
async fn what_another_node_writes_while_an_erasure_is_on_its_way_stays() {
    let (Some(log), Some(other)) = (log().await, log().await) else { return };
    let account = account("meanwhile");
    fill(&log, &account, 1, 9).await;
    let mut erased = erased(&account, SystemClock.now());
    erased.survey = log.survey(&account, &erased.sessions, &[]).await.unwrap();
    erased.fence.at = SystemClock.now();
    eventually("it is later", async || SystemClock.now() > erased.fence.at).await;
    other.append(&append(&account, &[later(20)])).await.unwrap();
    assert_eq!(log.erase(erased).await.unwrap().events, 9);
    assert_eq!(count(&log, &account).await, 1);
}

#[tokio::test]
async fn a_fence_never_goes_back_whoever_writes_it() {
    let (Some(one), Some(other)) = (log().await, log_at(clock_at(60)).await) else { return };
    let account = account("fence");
    erase(one.as_ref(), erased(&account, at(500))).await.unwrap();
    erase(other.as_ref(), erased(&account, at(400))).await.unwrap();
    let fences = one.fences(&account).await.unwrap();
    assert_eq!(fences, [Fence { scope: Scope::Account.key(), at: at(500) }]);
    assert!(one.weeks(&account).await.unwrap().is_empty());
}
