//! Watches the free space of the disk: a store that runs into a full disk stops for good, one that
//! is told to wait does not.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Asking the disk costs a system call; what was written in between is reckoned.
const ASK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Space {
    dir: PathBuf,
    bytes_min: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: Option<Instant>,
    free: u64,
    /// The bytes that were refused, while there is no space for them.
    refused: Option<u64>,
}

impl Space {
    pub(super) fn new(dir: PathBuf, bytes_min: u64) -> Self {
        Self { dir, bytes_min: AtomicU64::new(bytes_min), seen: Mutex::default() }
    }

    pub(super) fn set_bytes_min(&self, bytes: u64) {
        self.bytes_min.store(bytes, Ordering::Relaxed);
    }

    /// Why `bytes` must not be written now, if so.
    pub(super) fn refusal(&self, bytes: u64) -> Option<String> {
        let mut seen = self.seen();
        let refusal = self.look(&mut seen, bytes);
        if refusal.is_none() {
            seen.free -= bytes;
        }
        refusal
    }

    /// Why what was refused would be refused again.
    pub(super) fn still_full(&self) -> Option<String> {
        let mut seen = self.seen();
        let bytes = seen.refused?;
        self.look(&mut seen, bytes)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, seen: &mut Seen, bytes: u64) -> Option<String> {
        let needed = self.bytes_min.load(Ordering::Relaxed).saturating_add(bytes);
        let is_old = seen.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY);
        if seen.refused.is_some() || is_old {
            seen.free = self.ask();
            seen.asked = Some(Instant::now());
        }
        seen.refused = (seen.free < needed).then_some(bytes);
        let (free, needed) = (mib(seen.free), mib(needed));
        seen.refused.map(|_| format!("the disk is full: {free} MiB free, {needed} MiB needed"))
    }

    /// A disk that does not answer is not called full: the write will say what is wrong with it.
    fn ask(&self) -> u64 {
        rustix::fs::statvfs(&self.dir)
            .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

/// What a directory takes on disk, with everything below it.
pub(super) fn bytes_in(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let found = match entry.metadata() {
            Ok(found) => found,
            // Merged away in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        bytes += if found.is_dir() { bytes_in(&entry.path())? } else { found.blocks() * 512 };
    }
    Ok(bytes)
}
