//! What long work the nodes of a fleet do, told beside the views: whichever node is asked knows of
//! it, and one does it at a time.
//!
//! Where the store of the views is away nobody is asked: what runs twice costs work and nothing
//! else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{JobKind, JobReport, JobState, Reach};
use crate::events::{Clock, SessionId, Timestamp};
use crate::projections::{ViewError, ViewStore};

/// Whose it is, works.
const LEASE: &str = "job";
/// It is another's to take after so long…
const HELD_FOR: Duration = Duration::from_secs(10);
/// …and who told nothing for so long is gone.
const SILENT_MS_MAX: i64 = 12_000;
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(2);
/// What a job came to is known as long as marks can be swept.
const KEPT_FOR: Duration = Duration::from_secs(10 * 24 * 60 * 60);

/// Where a node tells of its long work, and hears of that of others.
pub struct Board {
    views: Arc<dyn ViewStore>,
    clock: Arc<dyn Clock>,
    node: String,
}

/// A node's word of its work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    node: String,
    pub(super) reach: Reach,
    pub(super) report: JobReport,
    at: Timestamp,
}

impl Board {
    /// A node's place at the board that everybody has who shares these views.
    pub fn new(views: Arc<dyn ViewStore>, clock: Arc<dyn Clock>) -> Self {
        let node = SessionId::fresh(clock.now()).to_string();
        Self { views, clock, node }
    }

    /// Keeps others from working until this one is done; false while another works.
    pub(super) async fn take(&self) -> bool {
        let taken = self.views.lease(LEASE, &self.node, HELD_FOR).await;
        heard(taken).unwrap_or(true)
    }

    /// What another node is at.
    pub(super) async fn running_elsewhere(&self) -> Option<Notice> {
        for kind in JobKind::ALL {
            let notice = self.notice(kind).await;
            let runs = |it: &Notice| it.node != self.node && it.report.state == JobState::Running;
            if let Some(notice) = notice.filter(runs) {
                return Some(notice);
            }
        }
        None
    }

    /// Tells how a job is going, or went.
    pub(super) async fn tell(&self, reach: Reach, report: JobReport) {
        let (name, has_ended) = (name_of(report.kind), report.state != JobState::Running);
        let notice = Notice { node: self.node.clone(), reach, report, at: self.clock.now() };
        if let Ok(word) = serde_json::to_vec(&notice) {
            heard(self.views.set_notice(&name, &word, KEPT_FOR).await);
        }
        if has_ended {
            heard(self.views.release(LEASE, &self.node).await);
        }
    }

    /// The last job of a kind, whoever did it.
    pub(super) async fn report(&self, kind: JobKind) -> Option<JobReport> {
        self.notice(kind).await.map(|notice| notice.report)
    }

    async fn notice(&self, kind: JobKind) -> Option<Notice> {
        let word = heard(self.views.notice(&name_of(kind)).await)??;
        let mut notice: Notice = serde_json::from_slice(&word).ok()?;
        if self.clock.now().since_ms(notice.at) > SILENT_MS_MAX {
            notice.report.lose();
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
