//! The contract of the log, sentence by sentence, for every log there is.
//!
//! A check brings an account of its own, so the same suite runs on a log that others use too.

mod accounts;
mod dirty;
mod events;
mod purges;
mod snapshots;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use viewlog::events::codec::{decode_snapshot, encode_event, encode_found, encode_snapshot};
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    About, AccountId, AccountRange, Append, Compacted, Depth, DirtyMark, Erased, Event, EventLog,
    EventRow, FOLD_VERSION, Fact, Fence, Gone, Kind, Mark, MarkKind, Part, ProfileId, Scope,
    SessionId, SessionKey, Slice, SnapshotRow, State, Stored, Survey, Timestamp, TitleId, Week,
    Window, fold,
};

pub(crate) type Log = Arc<dyn EventLog>;
type Check = fn(Log) -> Pin<Box<dyn Future<Output = ()> + Send>>;

const SUITE: &[(&str, Check)] = &[
    ("an unknown session is none", |log| Box::pin(events::an_unknown_session_is_none(log))),
    ("an appended event is read back", |log| Box::pin(events::an_appended_event_is_read_back(log))),
    ("a repeated append changes nothing", |log| {
        Box::pin(events::a_repeated_append_changes_nothing(log))
    }),
    ("events come in their order", |log| Box::pin(events::events_come_in_their_order(log))),
    ("events are read by their numbers", |log| {
        Box::pin(events::events_are_read_by_their_numbers(log))
    }),
    ("accounts and sessions do not mix", |log| {
        Box::pin(events::accounts_and_sessions_do_not_mix(log))
    }),
    ("a registered week is listed", |log| Box::pin(accounts::a_registered_week_is_listed(log))),
    ("a week has its sessions by id", |log| Box::pin(events::a_week_has_its_sessions_by_id(log))),
    ("a session may only be found", |log| Box::pin(snapshots::a_session_may_only_be_found(log))),
    ("a snapshot hides what it covers", |log| {
        Box::pin(snapshots::a_snapshot_hides_what_it_covers(log))
    }),
    ("facts are shown below a snapshot", |log| {
        Box::pin(snapshots::facts_are_shown_below_a_snapshot(log))
    }),
    ("a snapshot may lie above every event", |log| {
        Box::pin(snapshots::a_snapshot_above_every_event(log))
    }),
    ("a later snapshot replaces an earlier", |log| {
        Box::pin(snapshots::a_later_snapshot_replaces(log))
    }),
    ("another fold's snapshot is not used", |log| Box::pin(snapshots::another_folds_snapshot(log))),
    ("damage does not hide neighbours", |log| {
        Box::pin(events::damage_does_not_hide_neighbours(log))
    }),
    ("a damaged snapshot is passed over", |log| {
        Box::pin(snapshots::a_damaged_snapshot_is_passed_over(log))
    }),
    ("compaction leaves the snapshot", |log| {
        Box::pin(snapshots::compaction_leaves_the_snapshot(log))
    }),
    ("a snapshot that forgot a compaction is all that is left", |log| {
        Box::pin(snapshots::a_snapshot_that_forgot_a_compaction(log))
    }),
    ("erasure deletes and fences", |log| Box::pin(snapshots::erasure_deletes_and_fences(log))),
    ("erasure repeats harmlessly", |log| Box::pin(snapshots::erasure_repeats_harmlessly(log))),
    ("what a fence covers is not read", |log| Box::pin(purges::what_a_fence_covers(log))),
    ("what was written late is purged", |log| Box::pin(purges::what_was_written_late(log))),
    ("a session that outlives its erasure keeps the rest", |log| {
        Box::pin(purges::a_session_keeps_the_rest(log))
    }),
    ("what nobody erased is left alone", |log| Box::pin(purges::what_nobody_erased(log))),
    ("marks are kept by command", |log| Box::pin(accounts::marks_are_kept_by_command(log))),
    ("an account is read part by part", |log| {
        Box::pin(accounts::an_account_is_read_part_by_part(log))
    }),
    ("accounts are paged range by range", |log| {
        Box::pin(accounts::accounts_are_paged_range_by_range(log))
    }),
    ("a note is kept until removed", |log| Box::pin(accounts::a_note_is_kept_until_removed(log))),
    ("an empty append is nothing", |log| Box::pin(accounts::an_empty_append_is_nothing(log))),
    ("dirty marks are found by window", |log| {
        Box::pin(dirty::dirty_marks_are_found_by_window(log))
    }),
    ("a dirty mark alone makes no account", |log| {
        Box::pin(dirty::a_dirty_mark_alone_makes_no_account(log))
    }),
    ("many append at once", |log| Box::pin(accounts::many_append_at_once(log))),
];

pub(crate) async fn keeps_the_contract(mut fresh: impl FnMut() -> Log) {
    for (name, check) in SUITE {
        tokio::spawn(check(fresh())).await.unwrap_or_else(|_| panic!("{name}"));
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
    if seq == 0 {
        fact.about = Some(Box::new(About {
            profile: Some(ProfileId::new("anna").unwrap()),
            title: Some(TitleId::new("film").unwrap()),
            ..About::default()
        }));
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

pub(crate) fn snapshot_of(state: &State) -> SnapshotRow {
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

async fn parts(log: &Log, account: &AccountId, depth: Depth) -> Vec<Part> {
    log.account(account, depth).try_collect().await.unwrap()
}

fn sessions(stored: &[Stored]) -> Vec<SessionId> {
    stored.iter().map(|stored| stored.session).collect()
}

fn seqs(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.order.seq).collect()
}
