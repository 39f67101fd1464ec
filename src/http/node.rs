//! What every handler shares, and the bounds they keep.

use std::sync::Arc;
use std::time::Duration;

use super::{Clocks, Jobs, Problem, Sockets, Tokens};
use crate::actors::{Role, Roles, System};
use crate::events::{Clock, EventLog, Timestamp};
use crate::projections::{Answers, Freshness, ViewStore};
use crate::telemetry::Metrics;

/// What every handler shares.
pub struct Node {
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
    /// How far it is off those of the stores that are shared.
    pub clocks: Clocks,
    /// Long work.
    pub jobs: Arc<Jobs>,
    /// Who is connected.
    pub sockets: Sockets,
    /// Where metrics are gathered, if anywhere.
    pub metrics: Option<Metrics>,
    /// What tokens are checked against; where none are needed, there is nothing.
    pub tokens: Option<Tokens>,
    /// The bounds.
    pub settings: Settings,
    /// When the server started.
    pub started_at: Timestamp,
}

/// Bounds and permissions; each has its reason in the default configuration.
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
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// The host that people use, where a proxy in front has another.
    pub public_host: Option<String>,
    /// Origins of other sites whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Whether parts may be made to fail on purpose.
    pub chaos: bool,
    /// What the node does.
    pub roles: Roles,
}

impl Settings {
    /// Makes sure that a part of a route is served here.
    pub(super) fn serves(&self, what: &str, role: Role) -> Result<(), Problem> {
        if self.roles.has(role) {
            return Ok(());
        }
        Err(Problem::wrong_role(self.roles, what, &[role]))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            facts_max: 5_000,
            frame_bytes_max: 64 << 10,
            sockets_per_account_max: 20,
            body_timeout: Duration::from_secs(30),
            public_host: None,
            allowed_origins: vec![],
            chaos: false,
            roles: Roles::ALL,
        }
    }
}
