//! A job on its thread, from its start until its end is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::sleep;

use super::board::TOLD_EVERY;
use super::{Ended, Finished, Job, Jobs};
use crate::projections::Progress;

/// How often its end is told where that is not heard; all of it takes less than its lease.
const TELLINGS: usize = 3;

/// A job while its thread lives.
pub(super) struct Running {
    pub(super) jobs: Arc<Jobs>,
    pub(super) job: Arc<Job>,
}

impl Running {
    /// Works until it is done, told to stop, or another node has taken over.
    pub(super) fn run<F>(
        &self,
        work: impl FnOnce(Arc<Progress>) -> F,
        mut stopping: watch::Receiver<bool>,
    ) where
        F: Future<Output = Result<Finished, String>>,
    {
        let runtime = match Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "no runtime for a job"),
        };
        let work = work(Arc::clone(&self.job.progress));
        let working = async {
            tokio::select! {
                outcome = work => outcome.map_or_else(Ended::Failed, Ended::Done),
                _ = stopping.wait_for(|stopping| *stopping) => {
                    Ended::Failed("the server shuts down; start it again".to_owned())
                }
                () = self.is_taken_over() => Ended::TakenOver,
            }
        };
        let worked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(working)));
        self.conclude(&runtime, worked.unwrap_or_else(|_| Ended::Failed(FAILED.to_owned())));
    }

    /// Nobody starts another before this is told.
    fn conclude(&self, runtime: &Runtime, ended: Ended) {
        let is_own = !matches!(ended, Ended::TakenOver);
        runtime.block_on(async {
            let _turn = self.jobs.turn.lock().await;
            self.job.finish(ended);
            let Some(board) = self.jobs.board.as_ref().filter(|_| is_own) else { return };
            for _ in 0..TELLINGS {
                if board.tell(&self.job).await || *self.jobs.stopping.borrow() {
                    break;
                }
                sleep(TOLD_EVERY).await;
            }
            board.release(&self.job).await;
        });
    }

    /// Tells other nodes how it is going, for as long as it is this node's to do.
    async fn is_taken_over(&self) {
        let Some(board) = &self.jobs.board else { return std::future::pending().await };
        loop {
            sleep(TOLD_EVERY).await;
            if !board.take(&self.job).await {
                return;
            }
            board.tell(&self.job).await;
        }
    }
}

const FAILED: &str = "it failed inside; the server's log says where";

impl Drop for Running {
    fn drop(&mut self) {
        self.job.finish(Ended::Failed(FAILED.to_owned()));
        self.jobs.ended.send_replace(());
    }
}
