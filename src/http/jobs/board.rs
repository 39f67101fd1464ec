//! What long work the nodes of a fleet do, told beside the views: whichever node is asked knows of
//! it, and one does it at a time. Time is the store's, by which leases end.
//!
//! Where the store of the views is away nobody is asked: what runs twice costs work and nothing
//! else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Job, JobKind, JobReport, JobState, Reach};
use crate::projections::{ViewError, ViewStore};

/// Whose it is, works.
const LEASE: &str = "job";
/// Who told nothing for so long is gone.
const HELD_FOR: Duration = Duration::from_secs(12);
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(2);
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

    /// Keeps others from working while this job goes on; false where another does.
    pub(super) async fn take(&self, job: &Job) -> bool {
        heard(self.views.lease(LEASE, &job.name, HELD_FOR).await).unwrap_or(true)
    }

    /// Lets others work.
    pub(super) async fn release(&self, job: &Job) {
        heard(self.views.release(LEASE, &job.name).await);
    }

    /// What somebody is at.
    pub(super) async fn running(&self) -> Option<Notice> {
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
        let Ok(word) = serde_json::to_vec(&notice) else { return false };
        heard(self.views.set_notice(&name, &word, kept_for).await).is_some()
    }

    /// The last job of a kind, whoever did it.
    pub(super) async fn notice(&self, kind: JobKind) -> Option<Notice> {
        let word = heard(self.views.notice(&name_of(kind)).await)??;
        let mut notice: Notice = serde_json::from_slice(&word).ok()?;
        if notice.report.state == JobState::Running {
            let holder = heard(self.views.holder(LEASE).await)?;
            if holder.as_ref() != Some(&notice.job) {
                notice.report.lose();
            }
        }
        Some(notice)
    }
}

fn name_of(kind: JobKind) -> String {
    format!("job {kind}")
}

fn heard<T>(said: Result<T, ViewError>) -> Option<T> {
    said.inspect_err(|error| tracing::debug!(%error, "other nodes' long work is not known")).ok()
}
