//! What long work the nodes of a fleet do, told beside the views: whichever node is asked knows of
//! it, and one does it at a time. Time is the store's, by which leases end.
//!
//! Where the store of the views is away nobody is asked: what runs twice costs work and nothing
//! else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{Job, JobKind, JobReport, JobState, Reach};
use crate::projections::{ViewError, ViewStore, leave_notice, read_notice};

/// Whose it is, works.
const LEASE: &str = "job";
/// Who told nothing for so long is gone.
const HELD_FOR: Duration = Duration::from_secs(12);
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(2);
/// So often it is looked what somebody is at…
const LOOKS: usize = 5;
/// …and so long after.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// What a job came to is known as long as marks can be swept…
const KEPT_FOR: Duration = Duration::from_secs(10 * 24 * 60 * 60);
/// …but what it found names accounts, which may be erased.
const FINDINGS_KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// Where a node tells of its long work, and hears of that of others.
pub struct Board {
    views: Arc<dyn ViewStore>,
}

/// A node's word of its work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    /// The job, as the lease names it.
    job: String,
    pub(super) reach: Reach,
    pub(super) report: JobReport,
}

impl Board {
    /// The one that everybody has who shares these views.
    pub fn new(views: Arc<dyn ViewStore>) -> Self {
        Self { views }
    }

    /// Takes the lease for a job and tells of it; otherwise says what somebody else is at.
    ///
    /// # Errors
    /// Somebody is at something, and does not say what.
    pub(super) async fn begin(&self, job: &Job) -> Result<Option<Notice>, ()> {
        for _ in 0..LOOKS {
            if self.take(job).await {
                self.tell(job).await;
                return Ok(None);
            }
            if let Some(other) = self.running().await {
                return Ok(Some(other));
            }
            // It has taken the lease and not told yet, or told its end and not given it up.
            sleep(LOOK_AGAIN_AFTER).await;
        }
        Err(())
    }

    /// Keeps others from working while this job goes on; false where another does.
    pub(super) async fn take(&self, job: &Job) -> bool {
        heard(self.views.lease(LEASE, &job.name, HELD_FOR).await).unwrap_or(true)
    }

    /// Lets others work.
    pub(super) async fn release(&self, job: &Job) {
        heard(self.views.release(LEASE, &job.name).await);
    }

    /// What somebody is at.
    async fn running(&self) -> Option<Notice> {
        for kind in JobKind::ALL {
            let notice = self.notice(kind).await;
            if let Some(notice) = notice.filter(|it| it.report.state == JobState::Running) {
                return Some(notice);
            }
        }
        None
    }

    /// Tells how a job is going, or went; false when that was not heard.
    pub(super) async fn tell(&self, job: &Job) -> bool {
        let (name, report) = (name_of(job.kind), job.report());
        let kept_for = if report.findings.is_empty() { KEPT_FOR } else { FINDINGS_KEPT_FOR };
        let notice = Notice { job: job.name.clone(), reach: job.reach.clone(), report };
        leave_notice(self.views.as_ref(), (&name, &notice), kept_for).await
    }

    /// The last job of a kind, whoever did it.
    pub(super) async fn notice(&self, kind: JobKind) -> Option<Notice> {
        let notice = self.told(kind).await?;
        if notice.report.state != JobState::Running
            || heard(self.views.holder(LEASE).await)?.as_ref() == Some(&notice.job)
        {
            return Some(notice);
        }
        // Its end may have been told since, and its lease given up.
        let mut again = self.told(kind).await?;
        if again.job == notice.job {
            again.report.lose();
        }
        Some(again)
    }

    async fn told(&self, kind: JobKind) -> Option<Notice> {
        read_notice(self.views.as_ref(), &name_of(kind)).await
    }
}

fn name_of(kind: JobKind) -> String {
    format!("job {kind}")
}

fn heard<T>(said: Result<T, ViewError>) -> Option<T> {
    said.inspect_err(|error| tracing::debug!(%error, "other nodes' long work is not known")).ok()
}
