//! What a node wrote that had not heard of an erasure; where one process alone writes, it does not.

use super::*;
use crate::support::erase;

/// Erases a scope up to an instant, by a node that sees nothing of what another writes meanwhile.
async fn fence(log: &Log, account: &AccountId, scope: Scope) {
    let erased = Erased {
        account: account.clone(),
        fence: Fence { scope: scope.key(), at: at(25) },
        sessions: vec![],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    };
    erase(log.as_ref(), erased).await.unwrap();
}

/// How many rows of a session and of a command there are, whoever may read them.
async fn left(log: &Log, account: &AccountId) -> (u64, u64) {
    let erased = Erased {
        account: account.clone(),
        fence: Fence { scope: Scope::Account.key(), at: at(1) },
        sessions: vec![session(1)],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    };
    let gone = erase(log.as_ref(), erased).await.unwrap();
    (gone.events, gone.snapshots)
}

fn title() -> Scope {
    Scope::Title(ProfileId::new("anna").unwrap(), TitleId::new("film").unwrap())
}

/// What a node writes that has not heard: a session up to then, its snapshot, a person's word.
async fn write_late(log: &Log, account: &AccountId, count: u32) {
    let events: Vec<_> = (0..count).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(account, &events);
    batch.snapshots = vec![snapshot(&events)];
    batch.marks = vec![mark(session(7), "film")];
    log.append(&batch).await.unwrap();
}

pub(super) async fn what_a_fence_covers(log: Log) {
    if !log.keeps_dirty_index() {
        return;
    }
    for scope in [Scope::Account, title(), Scope::Profile(ProfileId::new("anna").unwrap())] {
        let account = account("unread");
        fence(&log, &account, scope).await;
        write_late(&log, &account, 2).await;
        assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);
        assert!(log.events(&key(&account, session(1)), 0..=9).await.unwrap().is_empty());
        for depth in [Depth::Snapshots, Depth::Facts] {
            let week = session(1).week();
            assert!(log.week(&account, week, depth).await.unwrap().is_empty());
            let nothing = [Part::Marks(vec![]), Part::Week(week, vec![])];
            assert_eq!(parts(&log, &account, depth).await, nothing);
        }
        assert!(log.marks(&account).await.unwrap().is_empty());
        assert_eq!(left(&log, &account).await, (2, 1), "it is there all the same");
    }
}

pub(super) async fn what_was_written_late(log: Log) {
    if !log.keeps_dirty_index() {
        return;
    }
    let account = account("purged");
    fence(&log, &account, title()).await;
    write_late(&log, &account, 2).await;
    assert!(log.purge(&key(&account, session(1))).await.unwrap());
    assert!(log.purge(&key(&account, session(7))).await.unwrap());
    assert!(log.purge(&key(&account, session(1))).await.unwrap(), "gone is erased");
    assert_eq!(left(&log, &account).await, (0, 0));
    assert!(log.marks(&account).await.unwrap().is_empty());
}

pub(super) async fn a_session_keeps_the_rest(log: Log) {
    if !log.keeps_dirty_index() {
        return;
    }
    let account = account("rest");
    fence(&log, &account, title()).await;
    write_late(&log, &account, 6).await;
    let expected: Vec<_> = (3..6).map(|seq| event(session(1), seq)).collect();
    let read = async || log.session(&key(&account, session(1))).await.unwrap().unwrap();
    let stored = read().await;
    assert_eq!((stored.snapshot, stored.events), (None, expected.clone()));
    let facts = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!((facts[0].by_snapshot(), &facts[0].events), (None, &expected));
    assert!(log.purge(&key(&account, session(1))).await.unwrap());
    assert_eq!(read().await.events, expected);
    let events = log.events(&key(&account, session(1)), 0..=4).await.unwrap();
    assert_eq!(seqs(&events), [3, 4]);
    assert_eq!(left(&log, &account).await, (3, 1), "a row says that the session is there");
}

pub(super) async fn what_nobody_erased(log: Log) {
    let account = account("kept");
    write_late(&log, &account, 3).await;
    assert!(!log.purge(&key(&account, session(1))).await.unwrap(), "nothing was");
    let other = Scope::Title(ProfileId::new("anna").unwrap(), TitleId::new("another").unwrap());
    for scope in [other, Scope::Session(session(2))] {
        fence(&log, &account, scope).await;
        assert!(!log.purge(&key(&account, session(1))).await.unwrap());
        assert!(!log.purge(&key(&account, session(7))).await.unwrap());
    }
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.state().unwrap().facts, 3);
    assert_eq!(log.marks(&account).await.unwrap(), [mark(session(7), "film")]);
}
