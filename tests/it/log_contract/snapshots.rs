//! Snapshots, and what compaction and erasure leave.

use super::*;
use crate::support::erase;

pub(super) async fn a_session_may_only_be_found(log: Log) {
    let account = account("found");
    let mut batch = append(&account, &[event(session(2), 0)]);
    batch.snapshots =
        [1, 2].map(|n| SnapshotRow { session: session(n), body: encode_found() }).into();
    log.append(&batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.events.len(), stored.damage), (None, 0, None));
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!(seqs(&week[1].events), [0]);
}

pub(super) async fn a_snapshot_hides_what_it_covers(log: Log) {
    let account = account("covers");
    let events: Vec<_> = (0..40).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events[..33])];
    log.append(&batch).await.unwrap();
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, fold(None, &events[..33]));
    assert_eq!(stored.events, events[33..]);
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(week[0], stored);
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!(stored.state(), fold(None, &events));
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    let passed_over = week[0].passed_over.clone().unwrap();
    assert_eq!(passed_over.current(), fold(None, &events[..33]).as_ref());
    assert_eq!(week[0].by_snapshot(), fold(None, &events));
}

pub(super) async fn facts_are_shown_below_a_snapshot(log: Log) {
    let account = account("facts");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    log.append(&batch).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!((&week[0].snapshot, &week[0].events), (&None, &events));
    assert_eq!(week[0].by_snapshot(), fold(None, &events));
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert!(stored.events.is_empty());
    assert_eq!(stored.snapshot, fold(None, &events));
}

pub(super) async fn a_snapshot_above_every_event(log: Log) {
    let account = account("above");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events[..1]);
    batch.snapshots = vec![snapshot(&events)];
    log.append(&batch).await.unwrap();
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!((week[0].events.len(), week[1].events.len()), (0, 1));
    assert_eq!(week[0].snapshot, fold(None, &events));
}

pub(super) async fn a_later_snapshot_replaces(log: Log) {
    let account = account("replaces");
    let events: Vec<_> = (0..9).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events[..2]), snapshot(&events[..5])];
    log.append(&batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [5, 6, 7, 8]);
    let mut batch = Append::new(account.clone());
    batch.snapshots = vec![snapshot(&events)];
    log.append(&batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, fold(None, &events));
    assert!(stored.events.is_empty());
}

pub(super) async fn another_folds_snapshot(log: Log) {
    let account = account("fold");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![by_another_fold(snapshot(&events))];
    log.append(&batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.damage), (None, None));
    assert_eq!(stored.events, events);

    let mut state = fold(None, &events).unwrap();
    state.compacted_through = Some(4);
    let left = by_another_fold(snapshot_of(&state));
    let compacted = Compacted { key: key(&account, session(1)), snapshot: left, through: 4 };
    log.compact(compacted).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, Some(state));
}

/// Another node that did not hear of the compaction writes what it remembers.
pub(super) async fn a_snapshot_that_forgot_a_compaction(log: Log) {
    let account = account("forgot");
    let events: Vec<_> = (0..6).map(|seq| event(session(1), seq)).collect();
    log.append(&append(&account, &events)).await.unwrap();
    let mut state = fold(None, &events[..5]).unwrap();
    let plain = state.clone();
    state.compacted_through = Some(4);
    let compacted =
        Compacted { key: key(&account, session(1)), snapshot: snapshot_of(&state), through: 4 };
    log.compact(compacted).await.unwrap();
    let later = fold(Some(plain.clone()), &events[5..]).unwrap();
    let mut batch = append(&account, &[]);
    batch.snapshots = vec![snapshot_of(&later)];
    log.append(&batch).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    let kept = week[0].snapshot.clone().unwrap();
    assert_eq!((kept.compacted_through, week[0].events.len()), (Some(5), 0));
    assert_eq!(State { compacted_through: None, ..kept }, later);
    for forgetful in [snapshot_of(&plain), by_another_fold(snapshot_of(&plain))] {
        let mut batch = append(&account, &[]);
        batch.snapshots = vec![forgetful];
        log.append(&batch).await.unwrap();
        let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
        assert_eq!((week[0].snapshot.as_ref(), week[0].events.len()), (Some(&state), 1));
        let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
        assert_eq!(stored.events, events[5..]);
        let left = State { compacted_through: None, ..stored.snapshot.unwrap() };
        assert_eq!(left, plain);
    }
}

pub(super) async fn a_damaged_snapshot_is_passed_over(log: Log) {
    let account = account("torn");
    let events: Vec<_> = (0..4).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    batch.snapshots[0].body[5] ^= 1;
    log.append(&batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.events, events);
    assert_eq!(stored.damage.map(|damage| damage.rows), Some(1));
}

pub(super) async fn compaction_leaves_the_snapshot(log: Log) {
    let account = account("compact");
    let events: Vec<_> = (0..8).map(|seq| event(session(1), seq)).collect();
    log.append(&append(&account, &events)).await.unwrap();
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let mut state = fold(None, &events[..6]).unwrap();
    state.compacted_through = Some(5);
    let key = key(&account, session(1));
    let compacted = Compacted { key: key.clone(), snapshot: snapshot_of(&state), through: 5 };
    for _ in 0..2 {
        log.compact(compacted.clone()).await.unwrap();
    }
    assert_eq!(seqs(&log.events(&key, 0..=u64::MAX).await.unwrap()), [6, 7]);
    for depth in [Depth::Snapshots, Depth::Facts] {
        let week = log.week(&account, session(1).week(), depth).await.unwrap();
        assert_eq!(week[0].snapshot.as_ref(), Some(&state));
        assert_eq!(seqs(&week[0].events), [6, 7]);
        assert_eq!(seqs(&week[1].events), [0]);
    }
}

pub(super) async fn erasure_deletes_and_fences(log: Log) {
    let account = account("erase");
    let events: Vec<_> = (0..8).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    batch.marks = [7, 8, 9].map(|n| mark(session(n), "film")).into();
    log.append(&batch).await.unwrap();
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let fence = Fence { scope: Scope::Session(session(1)).key(), at: at(500) };
    let rewritten = mark(session(8), "another film");
    let erased = Erased {
        account: account.clone(),
        fence,
        sessions: vec![session(1), session(77)],
        marks: vec![session(7), session(78)],
        rewritten: vec![rewritten.clone()],
        survey: Survey::default(),
    };
    assert_eq!(erase(log.as_ref(), erased).await.unwrap(), gone(8, 1));
    assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(sessions(&week), [session(2)]);
    assert_eq!(log.marks(&account).await.unwrap(), [rewritten, mark(session(9), "film")]);
    assert_eq!(log.fences(&account).await.unwrap(), [fence]);
}

pub(super) async fn erasure_repeats_harmlessly(log: Log) {
    let account = account("again");
    log.append(&append(&account, &[event(session(1), 0)])).await.unwrap();
    let scope = Scope::Account.key();
    let mut erased = Erased {
        account: account.clone(),
        fence: Fence { scope, at: at(500) },
        sessions: vec![session(1)],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    };
    assert_eq!(erase(log.as_ref(), erased.clone()).await.unwrap(), gone(1, 0));
    assert_eq!(erase(log.as_ref(), erased.clone()).await.unwrap(), gone(0, 0));
    // A fence never goes back.
    erased.fence.at = at(400);
    erase(log.as_ref(), erased).await.unwrap();
    assert_eq!(log.fences(&account).await.unwrap(), [Fence { scope, at: at(500) }]);
}

fn gone(events: u64, snapshots: u64) -> Gone {
    Gone { events, snapshots, is_everywhere: true }
}
