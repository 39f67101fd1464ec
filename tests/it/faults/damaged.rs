//! Files of the log that are damaged: reported by name, never silently shorter.

use std::path::{Path, PathBuf};
use std::process::Output;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tempfile::TempDir;

use super::players::{Player, players};
use super::{copied, exported, numbers, written};
use crate::binary::{Served, err, finish, out, run, said, viewlog};

const FACTS: u64 = 40;

/// The directory of a server that recorded some facts, each in a commit of its own, and then fell.
async fn fallen() -> (TempDir, Player) {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let player = players(1).remove(0);
    let url = format!("{}/v1/accounts/home-0/events", served.url);
    let client = crate::support::client();
    for seq in 0..FACTS {
        let answer = client.post(&url).json(&player.fact(seq)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    served.kill();
    (data, player)
}

fn newest_journal(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("log/store")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let journals = paths.filter(|path| path.extension().is_some_and(|is| is == "jnl"));
    journals.max().unwrap()
}

fn accepting(data: &Path, arguments: &[&str]) -> Output {
    let mut command = viewlog();
    command.env("VIEWLOG_EMBEDDED__ACCEPT_DAMAGE", "true");
    finish(command.args(arguments).arg("--data").arg(data))
}

/// Nobody opens it, everybody says why, and nothing of it changes.
fn is_refused(data: &Path, journal: &Path) {
    let before = std::fs::read(journal).unwrap();
    let commands: &[&[&str]] = &[
        &["serve", "--listen", "127.0.0.1:0"],
        &["verify"],
        &["export", "--account", "home-0"],
        &["history", "--account", "home-0"],
    ];
    for command in commands {
        let refused = run(data, command);
        assert_eq!(refused.status.code(), Some(3), "{command:?}: {}", said(&refused));
        let told = err(&refused);
        assert!(told.starts_with("viewlog: the log is damaged: "), "{told}");
        assert!(told.contains(" missing"), "{told}");
        assert_eq!((told.lines().count(), out(&refused).as_str()), (1, ""), "{}", said(&refused));
    }
    let doctor = run(data, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", said(&doctor));
    assert!(out(&doctor).contains("wrong store: the log is damaged: "), "{}", said(&doctor));
    assert!(out(&doctor).contains("restore a backup, or accept"), "{}", said(&doctor));
    let copies = data.join("log/journals-aside").join(journal.file_name().unwrap());
    assert_eq!(std::fs::read(journal).unwrap(), before);
    assert_eq!(written(&copies), before);
}

/// Whoever accepts the damage has the rest, and is not asked again.
fn is_accepted(data: &Path, player: &Player, facts: std::ops::Range<usize>) {
    let left = accepting(data, &["export", "--account", "home-0"]);
    assert_eq!(left.status.code(), Some(0), "{}", said(&left));
    let left = numbers(&out(&left));
    let count = left.get(&player.session.to_string()).map_or(0, Vec::len);
    assert!(facts.contains(&count), "{count} facts are left");
    assert_eq!(exported(data, "home-0"), left);
    let copies = data.join("log/journals-damaged-1");
    assert!(copies.exists());
}

#[tokio::test]
async fn a_flipped_byte_in_the_newest_journal_is_refused_until_it_is_accepted() {
    let (data, player) = fallen().await;
    let mut random = StdRng::seed_from_u64(20_261_123);
    for _ in 0..3 {
        let hurt = copied(data.path());
        let journal = newest_journal(hurt.path());
        let mut bytes = std::fs::read(&journal).unwrap();
        let at = random.random_range(0..bytes.len());
        println!("byte {at} of {}", bytes.len());
        bytes[at] ^= 0xff;
        std::fs::write(&journal, bytes).unwrap();
        is_refused(hurt.path(), &journal);
        let all = usize::try_from(FACTS).unwrap();
        is_accepted(hurt.path(), &player, all - 1..all + 1);
    }
    assert_eq!(exported(data.path(), "home-0").len(), 1);
}

#[tokio::test]
async fn a_journal_cut_short_is_refused_until_it_is_accepted() {
    let (data, player) = fallen().await;
    let mut random = StdRng::seed_from_u64(20_261_124);
    for is_clean in [false, true] {
        let hurt = copied(data.path());
        if is_clean {
            assert_eq!(Served::start(hurt.path(), &[]).terminate(), Some(0));
        }
        let journal = newest_journal(hurt.path());
        let mut bytes = written(&journal);
        bytes.truncate(random.random_range(bytes.len() / 2..bytes.len() - 1));
        std::fs::write(&journal, bytes).unwrap();
        is_refused(hurt.path(), &journal);
        is_accepted(hurt.path(), &player, 1..usize::try_from(FACTS).unwrap());
    }
}

#[tokio::test]
async fn a_server_that_accepted_damage_takes_what_was_lost_again() {
    let (data, player) = fallen().await;
    let journal = newest_journal(data.path());
    let mut bytes = written(&journal);
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&journal, bytes).unwrap();
    let accept = [("VIEWLOG_EMBEDDED__ACCEPT_DAMAGE", "true")];
    let served = Served::with(data.path(), &[], &accept);
    assert!(served.said().contains("damaged"), "{}", served.said());
    let facts: Vec<_> = (0..FACTS).map(|seq| player.fact(seq)).collect();
    let url = format!("{}/v1/accounts/home-0/events", served.url);
    let request = crate::support::client().post(url).json(&json!({ "events": facts }));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(served.terminate(), Some(0));
    let kept = exported(data.path(), "home-0");
    assert_eq!(kept[&player.session.to_string()], (0..FACTS).collect::<Vec<_>>());
    let verified = run(data.path(), &["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

/// The files that a full memtable went to, largest first.
fn segments(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for keyspace in std::fs::read_dir(data.join("log/store/keyspaces")).unwrap() {
        let tables = std::fs::read_dir(keyspace.unwrap().path().join("tables")).unwrap();
        found.extend(tables.map(|table| table.unwrap().path()));
    }
    let bytes = |path: &PathBuf| path.metadata().unwrap().len();
    found.sort_by_key(|path| std::cmp::Reverse(bytes(path)));
    found
}

#[tokio::test]
async fn a_flipped_byte_in_a_segment_never_shortens_an_export_in_silence() {
    let data = tempfile::tempdir().unwrap();
    let small = [("VIEWLOG_EMBEDDED__MEMTABLE_BYTES", "1048576")];
    let served = Served::with(data.path(), &[], &small);
    let player = players(1).remove(0);
    let url = format!("{}/v1/accounts/home-0/events", served.url);
    let client = crate::support::client();
    for from in (0..20_000).step_by(2_500) {
        let facts: Vec<_> = (from..from + 2_500).map(|seq| player.fact(seq)).collect();
        let answer = client.post(&url).json(&json!({ "events": facts })).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
    assert_eq!(served.terminate(), Some(0));
    let whole = out(&run(data.path(), &["export", "--account", "home-0"]));
    let mut random = StdRng::seed_from_u64(20_261_125);
    let mut reported = 0;
    for _ in 0..3 {
        let hurt = copied(data.path());
        let size = |segment: &PathBuf| segment.metadata().unwrap().len();
        let segment = &segments(hurt.path()).into_iter().max_by_key(size).unwrap();
        let mut bytes = std::fs::read(segment).unwrap();
        assert!(bytes.len() > 100_000, "no memtable was full");
        let at = random.random_range(0..bytes.len());
        println!("byte {at} of {} in {}", bytes.len(), segment.display());
        bytes[at] ^= 0xff;
        std::fs::write(segment, bytes).unwrap();
        let exported = run(hurt.path(), &["export", "--account", "home-0"]);
        let verified = run(hurt.path(), &["verify"]);
        if out(&exported) == whole && exported.status.code() == Some(0) {
            continue;
        }
        reported += 1;
        assert_ne!(exported.status.code(), Some(0), "{}", err(&exported));
        assert_ne!(err(&exported), "");
        assert_ne!(verified.status.code(), Some(0), "{}", said(&verified));
    }
    assert!(reported > 0);
}
