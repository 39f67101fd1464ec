//! Much at once: appends of many and of large rows, weeks of many sessions, sessions of many rows.

use std::collections::{BTreeMap, BTreeSet};

use viewlog::events::codec::encode_found;
use viewlog::events::{DirtyMark, SessionId, Slice, SnapshotRow, Window};

use super::keyspace::make;
use super::*;

#[tokio::test]
async fn five_hundred_large_rows_are_one_append() {
    let Some(log) = log().await else { return };
    let account = account("large");
    let mut batch = append(&account, &[event(session(1), 0)]);
    // Nothing reads as an event here; each row is there all the same.
    batch.events = (0..500)
        .map(|n| {
            let order = Order { seq: n, fingerprint: n };
            let bytes = if n == 7 { 200_000 } else { 8_000 };
            EventRow { session: session(u128::from(n % 3)), order, body: vec![7; bytes] }
        })
        .collect();
    log.append(&batch).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    let rows = week.iter().map(|stored| stored.damage.as_ref().unwrap().rows);
    assert_eq!(rows.collect::<Vec<_>>(), [167, 167, 166]);
}

#[tokio::test]
async fn an_append_of_several_weeks_is_found_in_each() {
    let Some(log) = log().await else { return };
    let account = account("weeks");
    let ids: Vec<SessionId> =
        (0..5).map(|week| SessionId::derived(at(week * 7 * 86_400), 1)).collect();
    let events: Vec<_> = (0..200).map(|n| event(ids[n as usize % ids.len()], n / 5)).collect();
    let mut batch = append(&account, &events);
    batch.weeks.sort();
    batch.weeks.dedup();
    log.append(&batch).await.unwrap();
    assert_eq!(log.weeks(&account).await.unwrap().len(), 5);
    for id in ids {
        let week = log.week(&account, id.week(), Depth::Facts).await.unwrap();
        assert_eq!((week.len(), week[0].events.len()), (1, 40));
    }
}

#[tokio::test]
async fn a_fact_and_the_snapshot_of_any_week_are_kept() {
    let Some(log) = log().await else { return };
    for days in [0, 7] {
        let account = account(&format!("both-{days}"));
        let [one, other] =
            [(0, 1), (days, 2)].map(|(days, n)| SessionId::derived(at(days * 86_400), n));
        let mut batch = append(&account, &[event(one, 0)]);
        batch.weeks = BTreeSet::from([one.week(), other.week()]).into_iter().collect();
        batch.snapshots = vec![snapshot_of(&fold(None, &[event(other, 0)]).unwrap())];
        log.append(&batch).await.unwrap();
        let stored = log.session(&key(&account, one)).await.unwrap().unwrap();
        assert_eq!(stored.events, [event(one, 0)]);
        let stored = log.session(&key(&account, other)).await.unwrap().unwrap();
        assert_eq!(stored.snapshot, fold(None, &[event(other, 0)]));
    }
}

/// A session of ten thousand rows between short ones, with and without snapshots.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_is_read_whole_whatever_its_snapshots_leave_out() {
    let Some(log) = log().await else { return };
    let account = account("full");
    const LONG: u32 = 10_000;
    let mut expected = BTreeMap::new();
    for id in 0..60 {
        let count = if id == 30 { LONG } else { u32::try_from(id).unwrap() * 2 + 1 };
        fill(&log, &account, id, count).await;
        let events: Vec<_> = (0..count).map(|seq| event(session(id), seq)).collect();
        let covered = events.len().saturating_sub(id as usize % 3);
        let mut batch = Append::new(account.clone());
        match id % 4 {
            0 => {}
            1 => {
                let body = encode_found();
                batch.snapshots.push(SnapshotRow { session: session(id), body });
            }
            _ => batch.snapshots.extend(fold(None, &events[..covered]).as_ref().map(snapshot_of)),
        }
        log.append(&batch).await.unwrap();
        expected.insert(session(id), (events, if id % 4 < 2 { 0 } else { covered }));
    }
    let week = session(0).week();
    let snapshots = log.week(&account, week, Depth::Snapshots).await.unwrap();
    let facts = log.week(&account, week, Depth::Facts).await.unwrap();
    assert_eq!((snapshots.len(), facts.len()), (60, 60));
    for ((short, whole), (id, (events, covered))) in snapshots.into_iter().zip(facts).zip(&expected)
    {
        assert_eq!((short.session, whole.session), (*id, *id));
        assert_eq!(short.events, events[*covered..], "{id}");
        assert_eq!(short.snapshot, fold(None, &events[..*covered]), "{id}");
        assert_eq!((whole.snapshot, &whole.events), (None, events), "{id}");
        let stored = log.session(&key(&account, *id)).await.unwrap().unwrap();
        assert_eq!(stored.state(), short.state(), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_marked_is_not_written() {
    let Some(keyspace) = Keyspace::unmade() else { return };
    make(&keyspace.options).await;
    let log = CassandraLog::open(&keyspace.options, Arc::new(SystemClock)).await.unwrap();
    keyspace.run("DROP TABLE KS.dirty").await;
    let account = account("unmarked");
    let mut batch = append(&account, &[event(session(1), 0)]);
    let window = Window::at(Slice::of(&account), at(0));
    batch.dirty = vec![DirtyMark { window, session: session(1) }];
    log.append(&batch).await.unwrap_err();
    let stored = log.session(&key(&account, session(1))).await.unwrap();
    assert_eq!(stored, None, "who sends it again would be told that it is there");
}
