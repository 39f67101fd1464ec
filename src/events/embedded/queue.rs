//! The line in front of the writer: bounded, and taken whole, so that it costs one lock and no
//! memory of its own for each append. What is taken keeps its room until it is written.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::writer::Job;

pub(super) struct Queue {
    room: Semaphore,
    line: Mutex<Line>,
    wake: Condvar,
}

#[derive(Default)]
struct Line {
    jobs: Vec<Job>,
    is_closed: bool,
    /// The writer sleeps and has to be woken.
    is_idle: bool,
}

/// Nothing is taken any more.
pub(super) struct Closed;

impl Queue {
    /// A line for `jobs_max`; further ones wait outside.
    pub(super) fn new(jobs_max: usize) -> Self {
        let room = Semaphore::new(jobs_max.clamp(1, Semaphore::MAX_PERMITS));
        Self { room, line: Mutex::default(), wake: Condvar::new() }
    }

    /// Waits for room, then makes the job and puts it in line.
    pub(super) async fn put(&self, make: impl FnOnce() -> Job) -> Result<(), Closed> {
        // The writer gives the room back.
        self.room.acquire().await.map_err(|_| Closed)?.forget();
        let job = make();
        let mut line = self.line();
        if line.is_closed {
            return Err(Closed);
        }
        line.jobs.push(job);
        let was_idle = mem::take(&mut line.is_idle);
        drop(line);
        if was_idle {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for jobs and takes all of them, in order; none once the line is closed and empty.
    pub(super) fn take(&self, jobs: &mut Vec<Job>) {
        let mut line = self.line();
        while line.jobs.is_empty() && !line.is_closed {
            line.is_idle = true;
            line = self.wake.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut line.jobs, jobs);
    }

    /// Gives back the room of so many jobs, which are about to be done.
    pub(super) fn give_room(&self, jobs: usize) {
        self.room.add_permits(jobs);
    }

    /// Takes nothing more; what is in line stays.
    pub(super) fn close(&self) {
        self.line().is_closed = true;
        self.room.close();
        self.wake.notify_one();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
