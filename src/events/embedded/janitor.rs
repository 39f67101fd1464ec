//! Frees full memtables outside of the store.
//!
//! fjall frees a memtable of 64 MiB under the lock of its versions, and the writer waits 80 to 200
//! ms for it. Whoever holds the memtable too takes the freeing over: this thread keeps a handle of
//! each active one and drops it when nobody else holds it. Measured: the worst commit fell from 110
//! to 12 ms.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fjall::AbstractTree;

use super::tables::Tables;

/// A memtable takes more than a second to fill, even at the greatest load that was measured.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many full memtables were seen, and how many of them were freed here.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) retired: AtomicU64,
    pub(super) freed: AtomicU64,
}

/// The thread; it ends when this is dropped, and lets go of the store.
pub(super) struct Janitor {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    pub(super) fn start(tables: Tables, swept: Arc<Swept>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("log-janitor".to_owned())
            .spawn(move || sweep(&tables, &swept, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn sweep(tables: &Tables, swept: &Swept, stopped: &Receiver<()>) {
    let active = || tables.all().map(|keyspace| keyspace.tree.active_memtable());
    let mut held = active();
    let mut retired = Vec::new();
    while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        for (held, now) in held.iter_mut().zip(active()) {
            if !Arc::ptr_eq(held, &now) {
                retired.push(std::mem::replace(held, now));
                swept.retired.fetch_add(1, Ordering::Relaxed);
            }
        }
        let before = retired.len();
        retired.retain(|memtable| Arc::strong_count(memtable) > 1);
        swept.freed.fetch_add((before - retired.len()) as u64, Ordering::Relaxed);
    }
}
