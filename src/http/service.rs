//! What every handler shares.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use super::{Jobs, Sockets};
use crate::actors::System;
use crate::events::{Clock, EventLog, Timestamp};
use crate::projections::{Answers, Freshness, ViewStore};

/// What every handler shares.
pub struct Service {
    /// The actors.
    pub system: Arc<System>,
    /// The answers.
    pub answers: Answers,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The views.
    pub views: Arc<dyn ViewStore>,
    /// How far the views follow.
    pub freshness: Arc<Freshness>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Long work.
    pub jobs: Arc<Jobs>,
    /// Who is connected.
    pub sockets: Sockets,
    /// Where metrics are gathered, if anywhere.
    pub metrics: Option<PrometheusHandle>,
    /// Bounds.
    pub settings: Settings,
    /// When the server started.
    pub started_at: Timestamp,
    /// The version of this build.
    pub version: &'static str,
}

/// Bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest body, unpacked.
    pub body_bytes_max: usize,
    /// Facts in one request.
    pub facts_max: usize,
    /// The largest frame of a socket.
    pub frame_bytes_max: usize,
    /// Sockets of one account.
    pub sockets_per_account_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            facts_max: 5_000,
            frame_bytes_max: 65_536,
            sockets_per_account_max: 20,
        }
    }
}
