//! The log on a real Cassandra: what the contract leaves open, and what only a shared store can do.

mod bounds;
mod copies;
mod erasing;
mod faults;
mod keyspace;
mod requests;
mod schema;
mod served;

use std::sync::Arc;

use viewlog::events::cassandra::CassandraLog;
use viewlog::events::codec::encode_event;
use viewlog::events::{
    AccountId, Append, Clock, Compacted, Depth, EventLog, EventRow, ManualClock, Order,
    SystemClock, fold,
};

use self::keyspace::Keyspace;
use crate::log_contract::{
    account, append, at, event, keeps_the_contract, key, session, snapshot_of,
};

/// A log on the run's own keyspace; `None`, said aloud, where there is no server.
pub(crate) async fn log() -> Option<Arc<CassandraLog>> {
    log_at(Arc::new(SystemClock)).await
}

pub(crate) async fn log_at(clock: Arc<dyn Clock>) -> Option<Arc<CassandraLog>> {
    let keyspace = Keyspace::shared().await?;
    Some(Arc::new(CassandraLog::open(&keyspace.options, clock).await.unwrap()))
}

/// Now, and so many seconds later or earlier.
fn clock_at(offset_s: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemClock.now().plus_ms(offset_s * 1_000)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_cassandra_keeps_the_contract() {
    let Some(log) = log().await else { return };
    keeps_the_contract(|| Arc::clone(&log) as Arc<dyn EventLog>).await;
}

#[tokio::test]
async fn numbers_and_fingerprints_of_all_64_bits_come_in_their_order() {
    let Some(log) = log().await else { return };
    let account = account("great");
    let numbers = [0, 1, 127, 128, 255, 256, 32_768, u64::MAX >> 1, (u64::MAX >> 1) + 1, u64::MAX];
    let mut orders: Vec<Order> = (numbers.iter())
        .flat_map(|seq| {
            [0, 1, u64::MAX >> 1, u64::MAX].map(|n| Order { seq: *seq, fingerprint: n })
        })
        .collect();
    let mut batch = Append::new(account.clone());
    let row =
        |order: &Order| EventRow { session: session(1), order: *order, body: body_of(*order) };
    batch.events = orders.iter().rev().map(row).collect();
    log.append(&batch).await.unwrap();
    orders.sort();
    let read = async |from, to| {
        let events = log.events(&key(&account, session(1)), from..=to).await.unwrap();
        events.into_iter().map(|event| event.order).collect::<Vec<_>>()
    };
    assert_eq!(read(0, u64::MAX).await, orders);
    assert_eq!(read(u64::MAX, u64::MAX).await, orders[36..]);
    assert_eq!(read(256, u64::MAX >> 1).await, orders[20..32]);
    assert_eq!(read(0, 0).await, orders[..4]);
}

/// A body that decodes whatever its place.
fn body_of(order: Order) -> Vec<u8> {
    let mut event = event(session(1), 0);
    // A number would have to fit in 32 bits; a clock takes as many as there are.
    event.fact.seq = None;
    event.order = order;
    encode_event(&event)
}

#[tokio::test]
async fn two_nodes_that_append_the_same_events_keep_them_once() {
    let (Some(one), Some(other)) = (log().await, log_at(clock_at(-20)).await) else { return };
    let account = account("twice");
    let events: Vec<_> = (0..9).map(|seq| event(session(1), seq)).collect();
    for log in [&one, &other, &one] {
        log.append(&append(&account, &events)).await.unwrap();
    }
    let stored = other.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.events, events);
}

#[tokio::test]
async fn a_compaction_wins_over_a_snapshot_of_a_clock_that_is_ahead() {
    let (Some(log), Some(ahead)) = (log().await, log_at(clock_at(60)).await) else { return };
    let account = account("ahead");
    let events: Vec<_> = (0..8).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    let mut state = fold(None, &events).unwrap();
    batch.snapshots = vec![snapshot_of(&state)];
    ahead.append(&batch).await.unwrap();
    state.compacted_through = Some(7);
    let key = key(&account, session(1));
    let compacted = Compacted { key: key.clone(), snapshot: snapshot_of(&state), through: 7 };
    log.compact(compacted).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week[0].snapshot.as_ref(), Some(&state));
    // A player that sends it all again, later, changes nothing.
    ahead.append(&append(&account, &events)).await.unwrap();
    let stored = log.session(&key).await.unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.events.len()), (Some(state), 0));
}

/// Appends as many events as are asked for, some hundreds at a time.
async fn fill(log: &CassandraLog, account: &AccountId, id: u128, count: u32) {
    let events: Vec<_> = (0..count).map(|seq| event(session(id), seq)).collect();
    for events in events.chunks(500) {
        log.append(&append(account, events)).await.unwrap();
    }
}
