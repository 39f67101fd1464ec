//! The contract of the log, sentence by sentence, for every log there is.
//!
//! A check brings an account of its own, so the same suite runs on a log that others use too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use viewlog::events::codec::{decode_snapshot, encode_event, encode_found, encode_snapshot};
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    AccountId, Append, Compacted, Depth, Erased, Event, EventLog, EventRow, FOLD_VERSION, Fact,
    Fence, Kind, Mark, MarkKind, ProfileId, Scope, SessionId, SessionKey, SnapshotRow, State,
    Stored, Timestamp, TitleId, Week, fold,
};

type Log = Arc<dyn EventLog>;
type Check = fn(Log) -> Pin<Box<dyn Future<Output = ()>>>;

const SUITE: &[(&str, Check)] = &[
    ("an unknown session is none", |log| Box::pin(an_unknown_session_is_none(log))),
    ("an appended event is read back", |log| Box::pin(an_appended_event_is_read_back(log))),
    ("a repeated append changes nothing", |log| Box::pin(a_repeated_append_changes_nothing(log))),
    ("events come in their order", |log| Box::pin(events_come_in_their_order(log))),
    ("events are read by their numbers", |log| Box::pin(events_are_read_by_their_numbers(log))),
    ("accounts and sessions do not mix", |log| Box::pin(accounts_and_sessions_do_not_mix(log))),
    ("a registered week is listed", |log| Box::pin(a_registered_week_is_listed(log))),
    ("a week has its sessions by id", |log| Box::pin(a_week_has_its_sessions_by_id(log))),
    ("a session may only be found", |log| Box::pin(a_session_may_only_be_found(log))),
    ("a snapshot hides what it covers", |log| Box::pin(a_snapshot_hides_what_it_covers(log))),
    ("facts are shown below a snapshot", |log| Box::pin(facts_are_shown_below_a_snapshot(log))),
    ("a snapshot may lie above every event", |log| Box::pin(a_snapshot_above_every_event(log))),
    ("a later snapshot replaces an earlier", |log| Box::pin(a_later_snapshot_replaces(log))),
    ("another fold's snapshot is not used", |log| Box::pin(another_folds_snapshot(log))),
    ("damage does not hide neighbours", |log| Box::pin(damage_does_not_hide_neighbours(log))),
    ("a damaged snapshot is passed over", |log| Box::pin(a_damaged_snapshot_is_passed_over(log))),
    ("compaction leaves the snapshot", |log| Box::pin(compaction_leaves_the_snapshot(log))),
    ("erasure deletes and fences", |log| Box::pin(erasure_deletes_and_fences(log))),
    ("erasure repeats harmlessly", |log| Box::pin(erasure_repeats_harmlessly(log))),
    ("marks are kept by command", |log| Box::pin(marks_are_kept_by_command(log))),
    ("accounts are paged in byte order", |log| Box::pin(accounts_are_paged_in_byte_order(log))),
    ("a note is kept until removed", |log| Box::pin(a_note_is_kept_until_removed(log))),
    ("an empty append is nothing", |log| Box::pin(an_empty_append_is_nothing(log))),
    ("many append at once", |log| Box::pin(many_append_at_once(log))),
];

async fn keeps_the_contract(mut fresh: impl FnMut() -> Log) {
    for (name, check) in SUITE {
        println!("{name}");
        check(fresh()).await;
    }
}

#[tokio::test]
async fn the_memory_log_keeps_the_contract() {
    keeps_the_contract(|| Arc::new(MemoryLog::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_log_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let log: Log = Arc::new(EmbeddedLog::open(dir.path(), EmbeddedOptions::default()).unwrap());
    keeps_the_contract(|| Arc::clone(&log)).await;
}

/// Monday of week 48 of 2026.
pub(crate) const MONDAY_MS: i64 = 1_795_392_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(MONDAY_MS + seconds * 1_000)
}

pub(crate) fn session(number: u128) -> SessionId {
    SessionId::derived(at(0), number)
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::new(&format!("{name}-{}", SessionId::fresh(at(0)))).unwrap()
}

/// Heartbeat `seq` of a session, ten seconds after the one before.
pub(crate) fn event(session: SessionId, seq: u32) -> Event {
    let mut fact = Fact::new(session, Kind::Progressed, u64::from(seq) * 10_000);
    if seq == 0 {
        fact = Fact::new(session, Kind::Started, 0);
    }
    fact.seq = Some(seq);
    fact.at = Some(at(i64::from(seq) * 10));
    Event::new(fact, at(i64::from(seq) * 10 + 1), None)
}

pub(crate) fn row(event: &Event) -> EventRow {
    EventRow { session: event.fact.session, order: event.order, body: encode_event(event) }
}

pub(crate) fn append(account: &AccountId, events: &[Event]) -> Append {
    let mut append = Append::new(account.clone());
    append.weeks = events.iter().map(|event| event.fact.session.week()).collect();
    append.weeks.dedup();
    append.events = events.iter().map(row).collect();
    append
}

pub(crate) fn key(account: &AccountId, session: SessionId) -> SessionKey {
    SessionKey { account: account.clone(), session }
}

fn snapshot(events: &[Event]) -> SnapshotRow {
    snapshot_of(&fold(None, events).unwrap())
}

fn snapshot_of(state: &State) -> SnapshotRow {
    SnapshotRow { session: state.session, body: encode_snapshot(state) }
}

/// The same row, said to be made by the version of the fold before this one.
fn by_another_fold(mut row: SnapshotRow) -> SnapshotRow {
    let session = row.session;
    assert_eq!(row.body[1..3], [0x08, u8::try_from(FOLD_VERSION).unwrap()]);
    row.body[2] += 1;
    let crc_at = row.body.len() - 4;
    let crc = crc32fast::hash(&row.body[..crc_at]);
    row.body[crc_at..].copy_from_slice(&crc.to_le_bytes());
    let read = decode_snapshot(session, &row.body).unwrap();
    assert!(read.state.is_some() && read.current().is_none());
    row
}

fn mark(command: SessionId, title: &str) -> Mark {
    Mark {
        command,
        profile: ProfileId::new("anna").unwrap(),
        at: at(0),
        received_at: at(1),
        kind: MarkKind::TitleHidden { title: TitleId::new(title).unwrap() },
    }
}

fn sessions(stored: &[Stored]) -> Vec<SessionId> {
    stored.iter().map(|stored| stored.session).collect()
}

fn seqs(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.order.seq).collect()
}

async fn an_unknown_session_is_none(log: Log) {
    let account = account("unknown");
    assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);
    assert!(log.events(&key(&account, session(1)), 0..=9).await.unwrap().is_empty());
    assert!(log.weeks(&account).await.unwrap().is_empty());
    assert!(log.week(&account, session(1).week(), Depth::Facts).await.unwrap().is_empty());
    assert!(log.marks(&account).await.unwrap().is_empty());
    assert!(log.fences(&account).await.unwrap().is_empty());
}

async fn an_appended_event_is_read_back(log: Log) {
    let account = account("back");
    let events = [event(session(1), 0), event(session(1), 1)];
    log.append(append(&account, &events)).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.session, session(1));
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.events, events);
    assert_eq!(stored.damage, None);
    assert_eq!(stored.state(), fold(None, &events));
}

async fn a_repeated_append_changes_nothing(log: Log) {
    let account = account("repeat");
    let events = [event(session(1), 0), event(session(1), 1)];
    let mut batch = append(&account, &events);
    batch.marks = vec![mark(session(9), "film")];
    for _ in 0..3 {
        log.append(batch.clone()).await.unwrap();
    }
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.events, events);
    assert_eq!(log.marks(&account).await.unwrap(), batch.marks);
    assert_eq!(log.weeks(&account).await.unwrap(), batch.weeks);
}

async fn events_come_in_their_order(log: Log) {
    let account = account("order");
    // 300 goes past one byte of the number; two events share number 2.
    let mut other = event(session(1), 2);
    other.fact.position_ms += 1;
    let other = Event::recorded(other.fact, other.received_at, None);
    let mut events: Vec<_> =
        [300, 2, 255, 0, 256].map(|seq| event(session(1), seq)).into_iter().collect();
    events.push(other);
    for event in &events {
        log.append(append(&account, std::slice::from_ref(event))).await.unwrap();
    }
    events.sort_by_key(|event| event.order);
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [0, 2, 2, 255, 256, 300]);
    assert_eq!(stored.events, events);
}

async fn events_are_read_by_their_numbers(log: Log) {
    let account = account("numbers");
    let events: Vec<_> = (0..10).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    log.append(batch).await.unwrap();
    let key = key(&account, session(1));
    let read = async |range| seqs(&log.events(&key, range).await.unwrap());
    assert_eq!(read(3..=5).await, [3, 4, 5]);
    assert_eq!(read(9..=u64::MAX).await, [9]);
    assert_eq!(read(0..=0).await, [0]);
    assert!(read(10..=20).await.is_empty());
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may reckon one")]
    let reversed = read(5..=3).await;
    assert!(reversed.is_empty());
}

async fn accounts_and_sessions_do_not_mix(log: Log) {
    let name = account("mix");
    let longer = AccountId::new(&format!("{name}0")).unwrap();
    for account in [&name, &longer] {
        for number in [1, 2, 3] {
            let count = number + u32::from(account == &longer) * 10;
            let events: Vec<_> = (0..count).map(|seq| event(session(number.into()), seq)).collect();
            log.append(append(account, &events)).await.unwrap();
        }
    }
    let stored = log.session(&key(&name, session(2))).await.unwrap().unwrap();
    assert_eq!(stored.events.len(), 2);
    let week = log.week(&name, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.iter().map(|stored| stored.events.len()).collect::<Vec<_>>(), [1, 2, 3]);
    let week = log.week(&longer, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.iter().map(|stored| stored.events.len()).collect::<Vec<_>>(), [11, 12, 13]);
}

async fn a_registered_week_is_listed(log: Log) {
    let account = account("weeks");
    let mut batch = Append::new(account.clone());
    let weeks = [202_648, 17, 202_501].map(Week::from_number);
    batch.weeks = [&weeks[..], &[Week::PERSON]].concat();
    batch.marks = vec![mark(session(1), "film")];
    log.append(batch.clone()).await.unwrap();
    let expected = [17, 202_501, 202_648].map(Week::from_number);
    assert_eq!(log.weeks(&account).await.unwrap(), expected);
}

async fn a_week_has_its_sessions_by_id(log: Log) {
    let account = account("week");
    let next_week = SessionId::derived(at(7 * 24 * 3_600), 1);
    for id in [session(3), next_week, session(1), session(2)] {
        let events = [event(id, 0), event(id, 1)];
        log.append(append(&account, &events)).await.unwrap();
    }
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2), session(3)]);
    assert!(week.iter().all(|stored| seqs(&stored.events) == [0, 1]));
    let week = log.week(&account, next_week.week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [next_week]);
}

async fn a_session_may_only_be_found(log: Log) {
    let account = account("found");
    let mut batch = append(&account, &[event(session(2), 0)]);
    batch.snapshots =
        [1, 2].map(|n| SnapshotRow { session: session(n), body: encode_found() }).into();
    log.append(batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.events.len(), stored.damage), (None, 0, None));
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!(seqs(&week[1].events), [0]);
}

async fn a_snapshot_hides_what_it_covers(log: Log) {
    let account = account("covers");
    let events: Vec<_> = (0..40).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events[..33])];
    log.append(batch).await.unwrap();
    log.append(append(&account, &[event(session(2), 0)])).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, fold(None, &events[..33]));
    assert_eq!(stored.events, events[33..]);
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(week[0], stored);
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!(stored.state(), fold(None, &events));
}

async fn facts_are_shown_below_a_snapshot(log: Log) {
    let account = account("facts");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    log.append(batch).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week[0].snapshot, None);
    assert_eq!(week[0].events, events);
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert!(stored.events.is_empty());
    assert_eq!(stored.snapshot, fold(None, &events));
}

async fn a_snapshot_above_every_event(log: Log) {
    let account = account("above");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events[..1]);
    batch.snapshots = vec![snapshot(&events)];
    log.append(batch).await.unwrap();
    log.append(append(&account, &[event(session(2), 0)])).await.unwrap();
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2)]);
    assert_eq!((week[0].events.len(), week[1].events.len()), (0, 1));
    assert_eq!(week[0].snapshot, fold(None, &events));
}

async fn a_later_snapshot_replaces(log: Log) {
    let account = account("replaces");
    let events: Vec<_> = (0..9).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events[..2]), snapshot(&events[..5])];
    log.append(batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [5, 6, 7, 8]);
    let mut batch = Append::new(account.clone());
    batch.snapshots = vec![snapshot(&events)];
    log.append(batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, fold(None, &events));
    assert!(stored.events.is_empty());
}

async fn another_folds_snapshot(log: Log) {
    let account = account("fold");
    let events: Vec<_> = (0..5).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![by_another_fold(snapshot(&events))];
    log.append(batch).await.unwrap();
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

async fn damage_does_not_hide_neighbours(log: Log) {
    let account = account("damage");
    let events: Vec<_> = (0..4).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.events[1].body[3] ^= 0x40;
    batch.events[2].body.clear();
    log.append(batch).await.unwrap();
    log.append(append(&account, &[event(session(2), 0)])).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [0, 3]);
    assert_eq!(stored.damage.as_ref().map(|damage| damage.rows), Some(2));
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(week[0], stored);
    assert_eq!(week[1].damage, None);
    let read = log.events(&key(&account, session(1)), 0..=9).await.unwrap();
    assert_eq!(seqs(&read), [0, 3]);
}

async fn a_damaged_snapshot_is_passed_over(log: Log) {
    let account = account("torn");
    let events: Vec<_> = (0..4).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    batch.snapshots[0].body[5] ^= 1;
    log.append(batch).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.events, events);
    assert_eq!(stored.damage.map(|damage| damage.rows), Some(1));
}

async fn compaction_leaves_the_snapshot(log: Log) {
    let account = account("compact");
    let events: Vec<_> = (0..8).map(|seq| event(session(1), seq)).collect();
    log.append(append(&account, &events)).await.unwrap();
    log.append(append(&account, &[event(session(2), 0)])).await.unwrap();
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

async fn erasure_deletes_and_fences(log: Log) {
    let account = account("erase");
    let events: Vec<_> = (0..8).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    batch.marks = [7, 8, 9].map(|n| mark(session(n), "film")).into();
    log.append(batch).await.unwrap();
    log.append(append(&account, &[event(session(2), 0)])).await.unwrap();
    let fence = Fence { scope: Scope::Session(session(1)).key(), at: at(500) };
    let rewritten = mark(session(8), "another film");
    let erased = Erased {
        account: account.clone(),
        fence,
        sessions: vec![session(1), session(77)],
        marks: vec![session(7), session(78)],
        rewritten: vec![rewritten.clone()],
    };
    assert_eq!(log.erase(erased).await.unwrap(), (8, 1));
    assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);
    let week = log.week(&account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(sessions(&week), [session(2)]);
    assert_eq!(log.marks(&account).await.unwrap(), [rewritten, mark(session(9), "film")]);
    assert_eq!(log.fences(&account).await.unwrap(), [fence]);
}

async fn erasure_repeats_harmlessly(log: Log) {
    let account = account("again");
    log.append(append(&account, &[event(session(1), 0)])).await.unwrap();
    let scope = Scope::Account.key();
    let mut erased = Erased {
        account: account.clone(),
        fence: Fence { scope, at: at(500) },
        sessions: vec![session(1)],
        marks: vec![],
        rewritten: vec![],
    };
    assert_eq!(log.erase(erased.clone()).await.unwrap(), (1, 0));
    assert_eq!(log.erase(erased.clone()).await.unwrap(), (0, 0));
    // A fence never goes back.
    erased.fence.at = at(400);
    log.erase(erased).await.unwrap();
    assert_eq!(log.fences(&account).await.unwrap(), [Fence { scope, at: at(500) }]);
}

async fn marks_are_kept_by_command(log: Log) {
    let account = account("marks");
    let mut batch = Append::new(account.clone());
    batch.marks = [2, 1, 3].map(|n| mark(session(n), "film")).into();
    log.append(batch).await.unwrap();
    let marks = log.marks(&account).await.unwrap();
    assert_eq!(marks, [1, 2, 3].map(|n| mark(session(n), "film")));
    assert!(log.weeks(&account).await.unwrap().is_empty());
}

async fn accounts_are_paged_in_byte_order(log: Log) {
    let first = account("paging");
    let ids: Vec<_> = ["", " b", "!", "0", "a", "ä"]
        .map(|end| AccountId::new(&format!("{first}{end}")).unwrap())
        .into();
    for (n, id) in ids.iter().enumerate().rev() {
        let mut batch = append(id, &[event(session(1), 0)]);
        batch.weeks.push(Week::from_number(202_501));
        if n == 3 {
            batch = Append::new(id.clone());
            batch.marks = vec![mark(session(1), "film")];
        }
        log.append(batch).await.unwrap();
    }
    let mut seen = vec![first];
    loop {
        let page = log.accounts(seen.last(), 2).await.unwrap();
        let mine: Vec<_> = page.into_iter().filter(|id| ids.contains(id)).collect();
        if mine.is_empty() {
            break;
        }
        seen.extend(mine);
    }
    assert_eq!(seen, ids);
    assert!(log.accounts(None, 0).await.unwrap().is_empty());
    assert_eq!(log.accounts(None, 1).await.unwrap().len(), 1);
}

async fn a_note_is_kept_until_removed(log: Log) {
    let name = account("note").to_string();
    assert_eq!(log.note(&name).await.unwrap(), None);
    log.set_note(&name, Some(b"here")).await.unwrap();
    log.set_note(&name, Some(b"there")).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap().as_deref(), Some(&b"there"[..]));
    log.set_note(&name, Some(b"")).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap().as_deref(), Some(&b""[..]));
    log.set_note(&name, None).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap(), None);
}

async fn an_empty_append_is_nothing(log: Log) {
    let account = account("empty");
    log.append(Append::new(account.clone())).await.unwrap();
    assert!(!log.accounts(None, usize::MAX).await.unwrap().contains(&account));
    assert_eq!(log.health().stopped, None);
}

async fn many_append_at_once(log: Log) {
    const TASKS: u32 = 40;
    const EVENTS: u32 = 25;
    let account = account("many");
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let (log, account) = (Arc::clone(&log), account.clone());
            tokio::spawn(async move {
                let id = session(n.into());
                for seq in 0..EVENTS {
                    log.append(append(&account, &[event(id, seq)])).await.unwrap();
                    // What is acknowledged is readable at once.
                    let stored = log.session(&key(&account, id)).await.unwrap().unwrap();
                    assert_eq!(stored.events.len(), seq as usize + 1);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let week = log.week(&account, session(0).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.len(), TASKS as usize);
    assert!(week.iter().all(|stored| stored.events.len() == EVENTS as usize));
    assert_eq!(sessions(&week), (0..TASKS).map(|n| session(n.into())).collect::<Vec<_>>());
}
