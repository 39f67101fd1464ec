//! A disk without space: wait for it, never break on it.

use std::path::Path;
use std::process::Command;

use super::*;

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let (log, key) = written(dir.path(), 1).await;
    log.set_free_bytes_min(u64::MAX);
    let batch = append(&key.account, &[event(session(1), 1)]);
    for _ in 0..2 {
        let refused = log.append(&batch).await;
        let Err(AppendError::Unavailable(reason)) = refused else { panic!("{refused:?}") };
        assert!(reason.starts_with("the disk is full: "), "{reason}");
        assert_eq!(log.health().stopped.as_ref(), Some(&reason));
    }
    assert_eq!(count(&log, &key).await, 1);
    log.set_free_bytes_min(1);
    assert_eq!(log.health().stopped, None);
    log.append(&batch).await.unwrap();
    assert_eq!(count(&log, &key).await, 2);
}

/// A small file system of its own, where the machine allows one.
struct Disk(TempDir);

impl Disk {
    fn of_mib(mib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped() {
    eprintln!("skipped: cannot mount a small file system here");
}

#[tokio::test]
async fn a_disk_that_really_fills_up_costs_nothing_acknowledged() {
    let Some(disk) = Disk::of_mib(48) else {
        return skipped();
    };
    let dir = disk.path().join("log");
    let options = EmbeddedOptions { free_bytes_min: 16 << 20, ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open(&dir, options.clone()).unwrap();
    let account = account("anna");
    let batch = |seq: u32| {
        let mut batch = append(&account, &[event(session(1), seq)]);
        batch.events[0].body = vec![0; 2_000_000];
        StdRng::seed_from_u64(seq.into()).fill(&mut batch.events[0].body[..]);
        batch
    };
    // What others have on the disk fills it first.
    fs::write(disk.path().join("others"), vec![1; 20 << 20]).unwrap();
    let mut acknowledged = 0;
    while log.append(&batch(acknowledged)).await.is_ok() {
        acknowledged += 1;
        assert!(acknowledged < 40, "the disk does not fill up");
    }
    let stopped = log.health().stopped.unwrap();
    assert!(stopped.starts_with("the disk is full"), "{stopped}");
    fs::remove_file(disk.path().join("others")).unwrap();
    log.append(&batch(acknowledged)).await.unwrap();
    assert_eq!(log.health().stopped, None);
    drop(log);
    let log = EmbeddedLog::open(&dir, options).unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.damage.map(|damage| damage.rows), Some(acknowledged as usize + 1));
}
