//! How the node does, and long work on it. API contract, section 7.
//!
//! Where tokens are needed everything under `/v1/system` and `/metrics` needs `admin`; that is
//! decided before a request comes here.

mod spool;

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa::ToSchema;

use self::spool::SpoolReport;
use super::degraded::{Degraded, degraded};
use super::jobs::{self, JobKind, JobReport, JobState, Reach};
use super::parameters::Parameters;
use super::{Node, Problem};
use crate::actors::{ExchangeObserved, ObservedKind};
use crate::events::{AccountId, Timestamp, Window};
use crate::projections::{RelayStanding, SignalsStanding};
use crate::telemetry::{
    observe_actors, observe_clock, observe_health, observe_lag, observe_spool, observe_views,
};

/// Where the kind stands in `/v1/system/jobs/{kind}`.
const KIND: usize = 4;
const OLDER_THAN_DAYS_USUAL: u32 = 14;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The routes of section 7, but for health and the pages.
pub(super) fn operation_routes(config: &mut ServiceConfig) {
    config
        .service(read_metrics)
        .service(read_system)
        .service(start_rebuild)
        .service(start_verify)
        .service(start_compact)
        .service(start_sweep)
        .service(read_job);
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, content_type = "text/plain", body = String),
        (status = 404, description = "not_found: metrics are not gathered here"),
    ),
)]
#[get("/metrics")]
pub(super) async fn read_metrics(node: Data<Node>) -> Result<HttpResponse, Problem> {
    let gathered = node.metrics.as_ref();
    let gathered = gathered.ok_or_else(|| Problem::not_found("metrics are not gathered here"))?;
    let (now, observed) = (node.clock.now(), node.system.observe());
    observe_actors(&observed);
    observe_health(&node.log.health());
    observe_lag(now, node.freshness.as_of(now), observed.sweeping.oldest);
    observe_views(&node.views.standing());
    observe_spool(now, observed.spool.as_ref());
    node.clocks.ahead_ms().for_each(observe_clock);
    let mut response = plain();
    Ok(response.content_type("text/plain; version=0.0.4").body(gathered.render()))
}

/// How a node does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SystemReport {
    version: &'static str,
    /// What the node does: `collect`, `process`, `provide`.
    roles: Vec<&'static str>,
    uptime_s: i64,
    actors: BTreeMap<&'static str, ActorsReport>,
    log: LogReport,
    views: ViewsReport,
    /// The instant through which the views hold everything.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// Of a fleet alone: the oldest window that is not swept.
    #[schema(value_type = Option<String>)]
    oldest_window: Option<Timestamp>,
    generation: u64,
    /// The rebuild that runs, here or at another node.
    rebuild: Option<JobReport>,
    /// Folds that failed and sessions parked for it.
    parked: u64,
    /// Facts admitted and not answered yet.
    admitted: usize,
    /// Followers of live feeds.
    followers: usize,
    /// Open sockets and event streams.
    sockets: usize,
    /// What is not as it should be, a line each; empty when all is well.
    degraded: Vec<Degraded>,
    /// Of a fleet alone: how this node and the others hear of each other's changes.
    relay: Option<RelayReport>,
    /// Of a fleet alone: signals from nodes that collect to nodes that process.
    signals: Option<SignalsReport>,
    /// Facts that wait on this node until the log is back.
    spool: SpoolReport,
}

/// How signals go from node to node, by streams of Redis.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignalsReport {
    /// Signals that this node put there.
    published: u64,
    /// Signals that it read.
    read: u64,
    /// Signals that it took out, since they are merged.
    acknowledged: u64,
    /// Of those that it read, how many another node did not acknowledge in time.
    claimed: u64,
    /// Of those that it read, how many told nothing that can be read.
    damaged: u64,
    /// Signals that this node found to have been cut off before anybody merged them.
    lost: u64,
    /// Signals of all nodes that nobody merged yet.
    waiting: u64,
    /// Of those, how many a node has read.
    pending: u64,
    /// How long ago the oldest of them was put there.
    lag_ms: i64,
}

/// How changes go from node to node, for those who follow an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RelayReport {
    /// Whether other nodes are heard.
    connected: bool,
    /// Changes told to other nodes, where somebody follows them.
    published: u64,
    /// Changes heard of from other nodes.
    heard: u64,
    /// Changes not told one by one for want of room; who follows looks again instead.
    dropped: u64,
    /// Messages of other nodes that could not be read.
    damaged: u64,
}

/// How the actors of one kind do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActorsReport {
    active: usize,
    restarts: u64,
    given_up: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
}

/// How the log does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogReport {
    kind: &'static str,
    /// Whether it takes facts.
    ok: bool,
    /// Of a fleet alone: by how much this node's clock is ahead of its store's.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
}

/// How the views do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewsReport {
    kind: &'static str,
    ok: bool,
    /// Of a fleet alone: by how much this node's clock is ahead of its store's.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_ms: Option<i64>,
    /// Accounts that have views.
    accounts: usize,
    /// About how many bytes they take.
    bytes: usize,
    /// Accounts dropped for want of room.
    evicted: u64,
}

/// How the node does.
#[utoipa::path(tag = "operations", responses((status = 200, body = SystemReport)))]
#[get("/v1/system")]
pub(super) async fn read_system(node: Data<Node>) -> HttpResponse {
    let (now, observed, views) = (node.clock.now(), node.system.observe(), node.views.standing());
    let (log, rebuild) = (node.log.health(), node.jobs.report(JobKind::Rebuild).await);
    plain().json(SystemReport {
        version: env!("CARGO_PKG_VERSION"),
        roles: node.settings.roles.names(),
        uptime_s: now.since_ms(node.started_at) / 1_000,
        actors: observed.kinds.into_iter().map(|kind| (kind.name, kind.into())).collect(),
        log: LogReport {
            kind: log.kind,
            ok: log.stopped.is_none(),
            clock_ahead_ms: node.clocks.ahead_of_ms("log"),
        },
        views: ViewsReport {
            kind: views.kind,
            ok: views.ok,
            clock_ahead_ms: node.clocks.ahead_of_ms("views"),
            accounts: views.accounts,
            bytes: views.bytes,
            evicted: views.evicted,
        },
        as_of: node.freshness.as_of(now),
        oldest_window: observed.sweeping.oldest,
        generation: node.views.generation().await,
        rebuild: rebuild.filter(|rebuild| rebuild.state == JobState::Running),
        parked: observed.parked,
        admitted: observed.admitted,
        followers: observed.followers,
        sockets: node.sockets.open(),
        degraded: degraded(&node),
        relay: observed.relay.map(RelayReport::from),
        signals: observed.exchange.map(SignalsReport::from),
        spool: SpoolReport::of(observed.spool),
    })
}

impl From<RelayStanding> for RelayReport {
    fn from(relay: RelayStanding) -> Self {
        let RelayStanding { connected, published, heard, dropped, damaged } = relay;
        Self { connected, published, heard, dropped, damaged }
    }
}

impl From<ExchangeObserved> for SignalsReport {
    fn from(exchange: ExchangeObserved) -> Self {
        let ExchangeObserved { standing, waiting, pending, lag_ms } = exchange;
        let SignalsStanding { published, read, acknowledged, claimed, damaged, lost } = standing;
        Self { published, read, acknowledged, claimed, damaged, lost, waiting, pending, lag_ms }
    }
}

impl From<ObservedKind> for ActorsReport {
    fn from(kind: ObservedKind) -> Self {
        Self {
            active: kind.active,
            restarts: kind.restarts,
            given_up: kind.given_up,
            last_failure: kind.last_failure,
        }
    }
}

/// Starts to make every view anew.
#[utoipa::path(tag = "operations", responses((status = 202, body = JobReport)))]
#[post("/v1/system/rebuild")]
pub(super) async fn start_rebuild(node: Data<Node>) -> Result<HttpResponse, Problem> {
    let of = node.clone();
    let reach = (JobKind::Rebuild, Reach::All);
    let started = node.jobs.start(reach, move |progress| jobs::rebuild(of, progress));
    accepted(JobKind::Rebuild, started.await)
}

/// Starts to compare what is kept with the facts, of all accounts or of one.
#[utoipa::path(
    tag = "operations",
    params(("account" = Option<String>, Query, description = "This account alone")),
    responses((status = 202, body = JobReport)),
)]
#[post("/v1/system/verify")]
pub(super) async fn start_verify(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    asked.not_empty("account")?;
    let account = asked.parsed("account", |text| {
        AccountId::new(text).map_err(|error| format!("{text:?} {error}"))
    })?;
    let reach = account.clone().map_or(Reach::All, Reach::Account);
    let of = node.clone();
    let reach = (JobKind::Verify, reach);
    let started = node.jobs.start(reach, move |progress| jobs::verify(of, account, progress));
    accepted(JobKind::Verify, started.await)
}

/// Starts to leave of old sessions their last state alone.
#[utoipa::path(
    tag = "operations",
    params((
        "older_than_days" = Option<u32>, Query,
        description = "Of weeks that ended so long ago; 14 unless told",
    )),
    responses((status = 202, body = JobReport)),
)]
#[post("/v1/system/compact")]
pub(super) async fn start_compact(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let days = asked.parsed("older_than_days", |text| {
        text.parse::<u32>().map_err(|_| format!("{text:?} is not a whole number of days"))
    })?;
    let started = begin_compaction(&node, days.unwrap_or(OLDER_THAN_DAYS_USUAL));
    accepted(JobKind::Compact, started.await)
}

/// Starts to compact weeks that ended so many days ago, or joins a compaction that runs.
///
/// # Errors
/// The long work of another kind that runs.
pub async fn begin_compaction(
    node: &Data<Node>,
    older_than_days: u32,
) -> Result<JobReport, JobKind> {
    let older_than_ms = i64::from(older_than_days).saturating_mul(DAY_MS);
    let before = node.clock.now().plus_ms(-older_than_ms);
    let of = node.clone();
    let reach = (JobKind::Compact, Reach::OlderThan(older_than_days));
    node.jobs.start(reach, move |progress| jobs::compact(of, before, progress)).await
}

/// Starts to read again, and to merge, whatever was marked as changed from an instant on. Of a
/// fleet alone; at most ten days back, which is how long marks are kept.
#[utoipa::path(
    tag = "operations",
    params(("from" = String, Query, description = "The instant, in RFC 3339")),
    responses(
        (status = 202, body = JobReport),
        (status = 404, description = "not_found: views in memory have nothing to be swept"),
    ),
)]
#[post("/v1/system/sweep")]
pub(super) async fn start_sweep(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    if !node.system.marks() {
        return Err(Problem::not_found(
            "nothing is swept here: views in memory are filled from the log when they are read",
        ));
    }
    let from = asked.instant("from")?.ok_or_else(|| {
        Problem::malformed("from is missing; put the instant after ?from=, in RFC 3339")
    })?;
    if from > node.clock.now() {
        return Err(Problem::malformed(format!(
            "from: {from} lies in the future; name an instant"
        )));
    }
    let kept_ms = i64::try_from(Window::KEPT * Window::LENGTH_MS).unwrap_or(i64::MAX);
    let from = from.max(node.clock.now().plus_ms(-kept_ms));
    let of = node.clone();
    let reach = (JobKind::Sweep, Reach::From(from));
    let started = node.jobs.start(reach, move |progress| jobs::sweep(of, from, progress));
    accepted(JobKind::Sweep, started.await)
}

/// How the last rebuild, verification, compaction or sweep is going, or went, whichever node of a
/// fleet does it.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, body = JobReport),
        (status = 404, description = "not_found: none that is known of"),
    ),
)]
#[get("/v1/system/jobs/{kind}")]
pub(super) async fn read_job(node: Data<Node>, asked: Parameters) -> Result<HttpResponse, Problem> {
    let named = asked.segment(KIND);
    let kind = JobKind::ALL.into_iter().find(|kind| kind.to_string() == named);
    let kind =
        kind.ok_or_else(|| Problem::not_found("jobs are rebuild, verify, compact and sweep"))?;
    let report = node.jobs.report(kind).await;
    let none = || Problem::not_found(format!("no {kind} is known of; start one"));
    Ok(plain().json(report.ok_or_else(none)?))
}

fn accepted(kind: JobKind, started: Result<JobReport, JobKind>) -> Result<HttpResponse, Problem> {
    let report = started.map_err(|running| {
        let detail = if running == kind {
            format!("{kind} is running with other bounds; start it again when it is done")
        } else {
            format!("{running} is running; start {kind} when it is done")
        };
        Problem::new(StatusCode::CONFLICT, "job_running", detail)
    })?;
    let mut response = HttpResponse::Accepted();
    response.insert_header((LOCATION, format!("/v1/system/jobs/{kind}")));
    Ok(response.json(report))
}

/// The figures of now are not to be kept anywhere.
pub(super) fn plain() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    response
}
