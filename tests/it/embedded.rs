//! The embedded log through crashes, damage, full disks and second owners of its directory.
//!
//! A crash is a copy of the directory of a log that is still running: what the system has been
//! handed.

mod full_disk;

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions, OpenError};
use viewlog::events::{
    AccountId, AccountRange, Append, AppendError, Depth, Erased, EventLog, Fence, Scope,
    SessionKey, Survey, Week,
};

use crate::log_contract::{account, append, at, event, key, session};

const COMMITS: u32 = 60;

fn open(dir: &Path) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open(dir, EmbeddedOptions::default())
}

fn accepting(dir: &Path) -> Result<EmbeddedLog, OpenError> {
    EmbeddedLog::open(dir, EmbeddedOptions { accept_damage: true, ..EmbeddedOptions::default() })
}

/// A log with one commit an event, and the session they are in.
async fn written(dir: &Path, commits: u32) -> (EmbeddedLog, SessionKey) {
    let log = open(dir).unwrap();
    let account = account("anna");
    for seq in 0..commits {
        log.append(&append(&account, &[event(session(1), seq)])).await.unwrap();
    }
    (log, key(&account, session(1)))
}

async fn count(log: &EmbeddedLog, key: &SessionKey) -> usize {
    log.events(key, 0..=u64::MAX).await.unwrap().len()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, written_bytes(&entry.path())).unwrap();
        }
    }
}

/// A journal is made at its full size; the zeros at its end are not copied.
fn written_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "jnl") {
        return bytes;
    }
    while bytes.ends_with(&[0; 4096]) {
        bytes.truncate(bytes.len() - 4096);
    }
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

/// As the system would find the directory if the process died now.
fn crashed(dir: &Path) -> TempDir {
    let copied = tempfile::tempdir().unwrap();
    copy(dir, copied.path());
    copied
}

fn journals(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("store")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|p| p.extension().is_some_and(|e| e == "jnl")).collect();
    paths.sort();
    paths
}

fn used(path: &Path) -> usize {
    written_bytes(path).len()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn damage_of(opened: Result<EmbeddedLog, OpenError>) -> (String, PathBuf) {
    match opened {
        Err(OpenError::Damaged { what, copies }) => (what, copies),
        Err(other) => panic!("not damage: {other}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 10).await;
    log.set_note("rebuild", Some(b"half")).await.unwrap();
    log.close().unwrap();
    assert!(dir.path().join("clean").exists());
    drop(log);
    let log = open(dir.path()).unwrap();
    assert_eq!(count(&log, &key).await, 10);
    assert_eq!(log.note("rebuild").await.unwrap().as_deref(), Some(&b"half"[..]));
    assert_eq!(
        log.accounts(&AccountRange::ALL, None, 9).await.unwrap(),
        std::slice::from_ref(&key.account)
    );
    assert_eq!(log.weeks(&key.account).await.unwrap(), [session(1).week()]);
    assert!(!dir.path().join("clean").exists());
}

#[tokio::test]
async fn what_was_appended_is_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), COMMITS).await;
    let crashed = crashed(dir.path());
    drop(log);
    // The zeros to which a journal is made come back.
    let journal = fs::File::options().write(true).open(&journals(crashed.path())[0]);
    journal.unwrap().set_len(64 * 1024 * 1024).unwrap();
    for _ in 0..2 {
        let log = open(crashed.path()).unwrap();
        assert_eq!(count(&log, &key).await, COMMITS as usize);
        assert!(!crashed.path().join("journals-aside").exists());
    }
}

#[tokio::test]
async fn a_closed_log_refuses_appends_and_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 3).await;
    log.close().unwrap();
    log.close().unwrap();
    let refused = log.append(&append(&key.account, &[event(session(1), 3)])).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(reason)) if reason.contains("closed")));
    assert_eq!(count(&log, &key).await, 3);
}

#[tokio::test]
async fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 1).await;
    assert!(matches!(open(dir.path()), Err(OpenError::InUse { .. })));
    assert_eq!(count(&log, &key).await, 1);
    drop(log);
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn a_directory_of_another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path(), 1).await);
    fs::write(dir.path().join("format"), "viewlog embedded log 2\n").unwrap();
    let refused = open(dir.path()).err().unwrap().to_string();
    assert!(refused.contains("viewlog embedded log 2"), "{refused}");
    fs::remove_file(dir.path().join("format")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::Format { .. })));
}

#[tokio::test]
async fn a_torn_end_that_nobody_was_told_of_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 5).await;
    let torn = crashed(dir.path());
    let journal = &journals(torn.path())[0];
    let end = used(journal);
    log.append(&append(&key.account, &[event(session(1), 5)])).await.unwrap();
    let whole = fs::read(&journals(dir.path())[0]).unwrap();
    // The sixth commit reached the file in part; its mark was never written.
    change(journal, |bytes| bytes.extend(&whole[end..end + 40]));
    let log = open(torn.path()).unwrap();
    assert_eq!(count(&log, &key).await, 5);
    log.append(&append(&key.account, &[event(session(1), 5)])).await.unwrap();
    drop(log);
    assert_eq!(count(&open(torn.path()).unwrap(), &key).await, 6);
}

#[tokio::test]
async fn a_journal_cut_anywhere_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, key) = written(dir.path(), COMMITS).await;
    let mut random = StdRng::seed_from_u64(311);
    for _ in 0..12 {
        let cut = crashed(dir.path());
        let journal = &journals(cut.path())[0];
        let at = random.random_range(0..used(journal) - 1);
        change(journal, |bytes| bytes.truncate(at));
        let (what, _) = damage_of(open(cut.path()));
        assert!(what.contains(&format!("to {COMMITS} are missing")), "cut at {at}: {what}");
        // Asking again changes nothing.
        assert_eq!(damage_of(open(cut.path())).0, what);
        let log = accepting(cut.path()).unwrap();
        let left = count(&log, &key).await;
        assert!(left < COMMITS as usize, "cut at {at}");
        let seqs = log.events(&key, 0..=u64::MAX).await.unwrap();
        assert!(seqs.iter().zip(0..).all(|(event, seq)| event.order.seq == seq));
        drop(log);
        // Damage is accepted once.
        assert_eq!(count(&open(cut.path()).unwrap(), &key).await, left);
        assert!(cut.path().join("journals-damaged-1").exists());
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_reported_and_costs_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, key) = written(dir.path(), COMMITS).await;
    let mut random = StdRng::seed_from_u64(312);
    let mut reported = 0;
    for _ in 0..24 {
        let flipped = crashed(dir.path());
        let journal = &journals(flipped.path())[0];
        let (at, bit) = (random.random_range(0..used(journal)), random.random_range(0..8));
        change(journal, |bytes| bytes[at] ^= 1 << bit);
        let opened = open(flipped.path());
        if let Ok(log) = opened {
            // A bit that nothing depends on.
            assert_eq!(count(&log, &key).await, COMMITS as usize, "bit {bit} of byte {at}");
            continue;
        }
        reported += 1;
        let (what, copies) = damage_of(opened);
        assert!(what.contains("are missing"), "bit {bit} of byte {at}: {what}");
        assert!(copies.join(journal.file_name().unwrap()).exists());
        let log = accepting(flipped.path()).unwrap();
        assert_eq!(count(&log, &key).await, COMMITS as usize - 1, "bit {bit} of byte {at}");
        log.append(&append(&key.account, &[event(session(1), COMMITS)])).await.unwrap();
        let flipped_again = crashed(flipped.path());
        drop(log);
        for dir in [flipped.path(), flipped_again.path()] {
            let log = open(dir).unwrap();
            assert_eq!(count(&log, &key).await, COMMITS as usize);
        }
    }
    assert!(reported > 20, "{reported} of 24");
}

#[tokio::test]
async fn a_damaged_sealed_journal_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let account = account("anna");
    let log = open(dir.path()).unwrap();
    // Enough for a second journal; the first one stays, because the weeks are not yet in files.
    let mut commits = 0;
    while journals(dir.path()).len() < 2 {
        let mut batch = append(&account, &[event(session(1), commits)]);
        batch.events[0].body = vec![0; 4_000_000];
        StdRng::seed_from_u64(commits.into()).fill(&mut batch.events[0].body[..]);
        log.append(&batch).await.unwrap();
        commits += 1;
        assert!(commits < 100, "the journal does not rotate");
    }
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let crashed = crashed(dir.path());
    drop(log);
    let sealed = journals(crashed.path());
    assert_eq!(sealed.len(), 2);
    change(&sealed[0], |bytes| bytes[9_000_000] ^= 1);
    let (what, _) = damage_of(open(crashed.path()));
    assert!(what.contains("0.jnl is damaged: commits 3 to 3 are missing"), "{what}");
}

#[tokio::test]
async fn a_lost_store_or_mark_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    drop(written(dir.path(), 5).await);
    for gone in ["mark", "store/version", "store/0.jnl"] {
        let hurt = crashed(dir.path());
        fs::remove_file(hurt.path().join(gone)).unwrap();
        let (what, _) = damage_of(open(hurt.path()));
        assert!(what.contains("gone") || what.contains("cannot be read"), "{gone}: {what}");
    }
    let hurt = crashed(dir.path());
    change(&hurt.path().join("mark"), |bytes| bytes[0] ^= 1);
    assert!(damage_of(open(hurt.path())).0.contains("cannot be read"));
    assert_eq!(accepting(hurt.path()).unwrap().health().stopped, None);
    assert_eq!(open(hurt.path()).unwrap().health().stopped, None);
}

#[tokio::test]
async fn full_memtables_are_freed_by_the_janitor() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { memtable_bytes: 256 * 1024, ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open(dir.path(), options).unwrap();
    let account = account("anna");
    let mut seq = 0;
    while log.statistics().memtables_retired < 3 {
        let events: Vec<_> = (seq..seq + 500).map(|seq| event(session(1), seq)).collect();
        log.append(&append(&account, &events)).await.unwrap();
        seq += 500;
        assert!(seq < 1_000_000, "no memtable was full");
    }
    crate::support::eventually("freed", async || {
        let seen = log.statistics();
        // The last one may still be in the store's newest versions.
        seen.memtables_freed + 1 >= seen.memtables_retired
    })
    .await;
    assert_eq!(count(&log, &key(&account, session(1))).await, seq as usize);
}

#[tokio::test]
async fn one_append_of_many_rows_is_one_commit_and_merging_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 1).await;
    let before = log.statistics();
    let events: Vec<_> = (1..5_000).map(|seq| event(session(1), seq)).collect();
    log.append(&append(&key.account, &events)).await.unwrap();
    let after = log.statistics();
    assert_eq!((after.commits - before.commits, after.rows - before.rows), (1, 5_000));
    assert!(after.worst_commit_us > 0);
    log.compact_storage().unwrap();
    assert!(log.disk_bytes().unwrap() > 0);
    assert_eq!(count(&log, &key).await, 5_000);
    let week = log.week(&key.account, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week[0].events.len(), 5_000);
    drop(log);
    assert_eq!(count(&open(dir.path()).unwrap(), &key).await, 5_000);
}

#[tokio::test]
async fn what_was_erased_stays_erased_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 5).await;
    let fence = Fence { scope: Scope::Account.key(), at: at(900) };
    let erased = Erased {
        account: key.account.clone(),
        fence,
        sessions: vec![key.session],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    };
    let gone = log.erase(erased).await.unwrap();
    assert_eq!((gone.events, gone.snapshots), (5, 0));
    let crashed = crashed(dir.path());
    drop(log);
    let log = open(crashed.path()).unwrap();
    assert_eq!(log.session(&key).await.unwrap(), None);
    assert_eq!(log.fences(&key.account).await.unwrap(), [fence]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_answers_everyone_who_waits() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { queue_appends_max: 2, ..EmbeddedOptions::default() };
    let log = std::sync::Arc::new(EmbeddedLog::open(dir.path(), options).unwrap());
    let accounts: Vec<AccountId> = (0..50).map(|n| account(&format!("a{n}"))).collect();
    let tasks: Vec<_> = accounts
        .iter()
        .map(|account| {
            let (log, mut batch) = (log.clone(), Append::new(account.clone()));
            batch.weeks = vec![Week::from_number(202_648)];
            tokio::spawn(async move { log.append(&batch).await })
        })
        .collect();
    log.close().unwrap();
    let mut acknowledged = Vec::new();
    for (task, account) in tasks.into_iter().zip(&accounts) {
        match task.await.unwrap() {
            Ok(()) => acknowledged.push(account),
            Err(AppendError::Unavailable(_) | AppendError::InDoubt(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    drop(log);
    let log = open(dir.path()).unwrap();
    let kept = log.accounts(&AccountRange::ALL, None, usize::MAX).await.unwrap();
    assert!(acknowledged.iter().all(|account| kept.contains(account)));
}
