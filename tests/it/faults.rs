//! What must not be lost when things break: the real process killed at random moments, told to
//! stop, on a damaged log, on a full disk, with actors that panic.

mod broken_actor;
mod damaged;
mod full_disk;
mod killed;
mod players;
mod stopped;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::binary::{out, run, said};

/// The numbers of each session.
pub(crate) type Numbers = BTreeMap<String, Vec<u64>>;

/// What the log has of an account: each fact once, in its order, as it was sent.
fn exported(data: &Path, account: &str) -> Numbers {
    let exported = run(data, &["export", "--account", account]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    numbers(&out(&exported))
}

pub(crate) fn numbers(lines: &str) -> Numbers {
    let mut numbers = Numbers::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let seq = line["seq"].as_u64().unwrap();
        assert_eq!(line["position_ms"], seq * 1_000, "{line}");
        numbers.entry(line["session"].as_str().unwrap().to_owned()).or_default().push(seq);
    }
    for (session, seqs) in &numbers {
        assert!(seqs.is_sorted_by(|one, next| one < next), "{session} repeats a fact: {seqs:?}");
    }
    numbers
}

/// Copies a directory as it lies there, but for the zeros to whose end a journal is made.
fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::write(target, written(&entry.path())).unwrap();
        }
    }
}

fn written(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|is| is != "jnl") {
        return bytes;
    }
    while bytes.ends_with(&[0; 4096]) {
        bytes.truncate(bytes.len() - 4096);
    }
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}
