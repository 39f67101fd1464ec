//! What a running server says of itself: log lines on stderr, and metrics under fixed names.
//!
//! Names are here so that dashboards and code mean the same. No metric bears a label of an account,
//! profile or title: those are without number, and nobody else's business. Nothing here listens;
//! whoever serves `/metrics` asks [`Metrics::render`].

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::actors::{ExchangeObserved, Observed, SpoolObserved};
use crate::config::{Config, LogFormat};
use crate::events::embedded::Statistics;
use crate::events::{Health, Timestamp};
use crate::projections::{SignalsStanding, Standing};

/// Counter: facts answered for, by `outcome`: `recorded`, `duplicate` or `private`.
pub const FACTS: &str = "viewlog_facts_total";
/// Counter: facts refused, by the `code` of the API.
pub const FACTS_REFUSED: &str = "viewlog_facts_refused_total";
/// Gauge: facts admitted and not answered yet.
pub const FACTS_ADMITTED: &str = "viewlog_facts_admitted";
/// Histogram: how long facts waited for their acknowledgement once read; refused ones too.
pub const ACKNOWLEDGE_SECONDS: &str = "viewlog_acknowledge_seconds";
/// Histogram: how long the log took to answer an append; its count is the number of groups.
pub const APPEND_SECONDS: &str = "viewlog_append_seconds";
/// Histogram: how long answers took, by `source`: `views` or `log`; its counts are the reads.
pub const READ_SECONDS: &str = "viewlog_read_seconds";
/// Gauge: open sockets.
pub const SOCKETS: &str = "viewlog_sockets";
/// Gauge: followers of live feeds, on sockets and event streams.
pub const FOLLOWERS: &str = "viewlog_followers";
/// Gauge: 1 while changes on other nodes are heard; of a fleet alone.
pub const RELAY_UP: &str = "viewlog_relay_up";
/// Counter: changes told to other nodes, where somebody follows them.
pub const RELAY_PUBLISHED: &str = "viewlog_relay_published_total";
/// Counter: changes heard of from other nodes.
pub const RELAY_HEARD: &str = "viewlog_relay_heard_total";
/// Counter: changes not told one by one for want of room; who follows looks again instead.
pub const RELAY_DROPPED: &str = "viewlog_relay_dropped_total";
/// Counter: messages of other nodes that could not be read.
pub const RELAY_DAMAGED: &str = "viewlog_relay_damaged_total";
/// Gauge: running actors, by `actor`, their kind.
pub const ACTORS: &str = "viewlog_actors";
/// Counter: actors started afresh after a panic, by `actor`.
pub const ACTOR_RESTARTS: &str = "viewlog_actor_restarts_total";
/// Counter: actors that failed too often and were given up, by `actor`.
pub const ACTORS_GIVEN_UP: &str = "viewlog_actors_given_up_total";
/// Counter: folds that failed and sessions parked for it.
pub const PARKED: &str = "viewlog_parked_total";
/// Gauge: sessions and marks waiting to be merged into the views.
pub const PROJECTOR_QUEUE: &str = "viewlog_projector_queue";
/// Counter: windows of slices that were swept.
pub const SWEPT_WINDOWS: &str = "viewlog_swept_windows_total";
/// Counter: sessions and commands that sweeps read again.
pub const SWEPT_SESSIONS: &str = "viewlog_swept_sessions_total";
/// Counter: sweeps of a slice that failed and are tried again.
pub const SWEEPS_FAILED: &str = "viewlog_sweeps_failed_total";
/// Counter: signals put into the streams between nodes.
pub const SIGNALS_PUBLISHED: &str = "viewlog_signals_published_total";
/// Counter: signals read from them.
pub const SIGNALS_READ: &str = "viewlog_signals_read_total";
/// Counter: signals taken out of them, since they are merged.
pub const SIGNALS_ACKNOWLEDGED: &str = "viewlog_signals_acknowledged_total";
/// Counter: signals that another node read and did not acknowledge in time.
pub const SIGNALS_CLAIMED: &str = "viewlog_signals_claimed_total";
/// Counter: signals that tell nothing that can be read.
pub const SIGNALS_DAMAGED: &str = "viewlog_signals_damaged_total";
/// Counter: signals that were cut off before anybody merged them, by the node that found it.
pub const SIGNALS_LOST: &str = "viewlog_signals_lost_total";
/// Gauge: signals in the streams that nobody merged yet; the same on every node.
pub const SIGNALS_WAITING: &str = "viewlog_signals_waiting";
/// Gauge: of those, how many a node has read; the same on every node.
pub const SIGNALS_PENDING: &str = "viewlog_signals_pending";
/// Gauge: how long ago the oldest of them was put there; the same on every node.
pub const SIGNALS_LAG_SECONDS: &str = "viewlog_signals_lag_seconds";
/// Counter: batches that the embedded log wrote and synced.
pub const LOG_COMMITS: &str = "viewlog_log_commits_total";
/// Counter: rows in those batches.
pub const LOG_ROWS: &str = "viewlog_log_rows_total";
/// Gauge: the longest of those batches since the start, sync included.
pub const LOG_WORST_COMMIT_SECONDS: &str = "viewlog_log_worst_commit_seconds";
/// Gauge: full memtables of the embedded log that still take memory.
pub const LOG_MEMTABLES_RETIRED: &str = "viewlog_log_memtables_retired";

/// Gauge: 1 while the log takes facts, 0 while it does not.
pub const LOG_UP: &str = "viewlog_log_up";
/// Gauge: how far the views are behind the log.
pub const VIEWS_LAG_SECONDS: &str = "viewlog_views_lag_seconds";
/// Gauge: since when something may lie unswept; of a fleet alone.
pub const UNSWEPT_SECONDS: &str = "viewlog_unswept_seconds";
/// Gauge: 1 while the view store answers, 0 while the log does instead.
pub const VIEWS_UP: &str = "viewlog_views_up";
/// Gauge: by how much this clock is ahead of that of a `store`, `log` or `views`; of a fleet alone.
pub const CLOCK_AHEAD_SECONDS: &str = "viewlog_clock_ahead_seconds";
/// Counter: calls that the view store did not answer.
pub const VIEWS_FAILURES: &str = "viewlog_views_failures_total";

/// Gauge: facts that wait on this node until the log is back.
pub const SPOOL_WAITING: &str = "viewlog_spool_waiting";
/// Gauge: how much of the spool's room they take, 0 to 1.
pub const SPOOL_FULL_SHARE: &str = "viewlog_spool_full_share";
/// Gauge: since when the oldest of them waits; 0 when none does.
pub const SPOOL_OLDEST_SECONDS: &str = "viewlog_spool_oldest_seconds";
/// Counter: facts of the spool, by `outcome`: `spooled`, `replayed`, `dropped` or `turned_away`.
pub const SPOOL_FACTS: &str = "viewlog_spool_facts_total";

/// From half a millisecond, a commit on a good disk, to the deadline of an append.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

const COUNTERS: [(&str, &str); 22] = [
    (FACTS, "Facts answered for, by outcome: recorded, duplicate or private"),
    (FACTS_REFUSED, "Facts refused, by code"),
    (RELAY_PUBLISHED, "Changes told to other nodes, where somebody follows them"),
    (RELAY_HEARD, "Changes heard of from other nodes"),
    (RELAY_DROPPED, "Changes not told one by one for want of room"),
    (RELAY_DAMAGED, "Messages of other nodes that could not be read"),
    (ACTOR_RESTARTS, "Actors started afresh after a panic, by kind"),
    (ACTORS_GIVEN_UP, "Actors that failed too often and were given up, by kind"),
    (PARKED, "Folds that failed and sessions parked for it"),
    (SWEPT_WINDOWS, "Windows of slices that were swept"),
    (SWEPT_SESSIONS, "Sessions and commands that sweeps read again"),
    (SWEEPS_FAILED, "Sweeps of a slice that failed and are tried again"),
    (SIGNALS_PUBLISHED, "Signals put into the streams between nodes"),
    (SIGNALS_READ, "Signals read from the streams between nodes"),
    (SIGNALS_ACKNOWLEDGED, "Signals taken out of the streams, since they are merged"),
    (SIGNALS_CLAIMED, "Signals that another node read and did not acknowledge in time"),
    (SIGNALS_DAMAGED, "Signals that tell nothing that can be read"),
    (SIGNALS_LOST, "Signals that were cut off before anybody merged them"),
    (LOG_COMMITS, "Batches that the embedded log wrote and synced"),
    (LOG_ROWS, "Rows in the batches of the embedded log"),
    (SPOOL_FACTS, "Facts of the spool: spooled, replayed, dropped or turned_away"),
    (VIEWS_FAILURES, "Calls that the view store did not answer"),
];

const GAUGES: [(&str, &str); 19] = [
    (FACTS_ADMITTED, "Facts admitted and not answered yet"),
    (SOCKETS, "Open sockets"),
    (FOLLOWERS, "Followers of live feeds"),
    (RELAY_UP, "1 while changes on other nodes are heard; of a fleet alone"),
    (ACTORS, "Running actors, by kind"),
    (PROJECTOR_QUEUE, "Sessions and marks waiting to be merged into the views"),
    (SIGNALS_WAITING, "Signals in the streams that nobody merged yet"),
    (SIGNALS_PENDING, "Signals in the streams that a node has read and not merged yet"),
    (SIGNALS_LAG_SECONDS, "How long ago the oldest signal in the streams was put there"),
    (LOG_WORST_COMMIT_SECONDS, "The longest batch of the embedded log since the start"),
    (LOG_MEMTABLES_RETIRED, "Full memtables of the embedded log that still take memory"),
    (LOG_UP, "1 while the log takes facts, 0 while it does not"),
    (VIEWS_LAG_SECONDS, "How far the views are behind the log"),
    (UNSWEPT_SECONDS, "Since when something may lie unswept"),
    (SPOOL_WAITING, "Facts that wait on this node until the log is back"),
    (SPOOL_FULL_SHARE, "How much of the spool's room they take, 0 to 1"),
    (SPOOL_OLDEST_SECONDS, "Since when the oldest of them waits; 0 when none does"),
    (CLOCK_AHEAD_SECONDS, "By how much this clock is ahead of a store's"),
    (VIEWS_UP, "1 while the view store answers, 0 while the log does instead"),
];

const HISTOGRAMS: [(&str, &str); 3] = [
    (ACKNOWLEDGE_SECONDS, "How long facts waited for their acknowledgement once they were read"),
    (APPEND_SECONDS, "How long the log took to answer an append"),
    (READ_SECONDS, "How long answers took, by source: views or log"),
];

/// Why a server cannot say anything of itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("log_filter: {0}")]
    Filter(#[from] ParseError),
    /// Somebody else receives what is logged.
    #[error("log lines already go elsewhere in this process")]
    Installed,
    /// The recorder cannot be made.
    #[error("metrics cannot be recorded: {0}")]
    Recorder(#[from] BuildError),
}

/// Sends log lines to stderr: for people, in colours on a terminal, or one JSON object each.
///
/// # Errors
/// [`TelemetryError`]; a second call in one process is one.
pub fn init(config: &Config) -> Result<(), TelemetryError> {
    // What strangers send that is no HTTP is answered, and is no fault of this node.
    let filter = match config.log_filter.trim() {
        "" => EnvFilter::try_new("")?,
        filter => EnvFilter::try_new(format!("actix_http=off,{filter}"))?,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let done = match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        // Left alone on a terminal, where NO_COLOR is respected.
        LogFormat::Text if stderr().is_terminal() => lines.try_init(),
        LogFormat::Text => lines.with_ansi(false).try_init(),
    };
    done.map_err(|_| TelemetryError::Installed)
}

/// Where the metrics of this process are gathered.
#[derive(Debug, Clone)]
pub struct Metrics {
    prometheus: PrometheusHandle,
}

impl Metrics {
    /// Begins to record, once in a process: later calls give the same. What was counted before is
    /// lost, so call it first.
    ///
    /// # Errors
    /// [`TelemetryError::Recorder`].
    pub fn install() -> Result<Self, TelemetryError> {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
        let installed = INSTALLED.get_or_init(|| {
            let recorder = builder.build_recorder();
            let prometheus = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("metrics already go elsewhere in this process");
            }
            describe();
            Self { prometheus }
        });
        Ok(installed.clone())
    }

    /// Everything recorded so far, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.prometheus.render()
    }

    /// Gathers what histograms took in, which would grow otherwise. Call it every few seconds.
    pub fn upkeep(&self) {
        self.prometheus.run_upkeep();
    }
}

/// Takes over how the actors are doing. Call it every few seconds, or before rendering.
pub fn observe_actors(observed: &Observed) {
    for kind in &observed.kinds {
        gauge!(ACTORS, "actor" => kind.name).set(kind.active as f64);
        counter!(ACTOR_RESTARTS, "actor" => kind.name).absolute(kind.restarts);
        counter!(ACTORS_GIVEN_UP, "actor" => kind.name).absolute(kind.given_up);
    }
    counter!(PARKED).absolute(observed.parked);
    counter!(SWEPT_WINDOWS).absolute(observed.sweeping.windows);
    counter!(SWEPT_SESSIONS).absolute(observed.sweeping.sessions);
    counter!(SWEEPS_FAILED).absolute(observed.sweeping.failed);
    gauge!(FACTS_ADMITTED).set(observed.admitted as f64);
    gauge!(FOLLOWERS).set(observed.followers as f64);
    gauge!(PROJECTOR_QUEUE).set(observed.queued as f64);
    if let Some(exchange) = &observed.exchange {
        observe_exchange(exchange);
    }
    if let Some(relay) = &observed.relay {
        gauge!(RELAY_UP).set(if relay.connected { 1.0 } else { 0.0 });
        counter!(RELAY_PUBLISHED).absolute(relay.published);
        counter!(RELAY_HEARD).absolute(relay.heard);
        counter!(RELAY_DROPPED).absolute(relay.dropped);
        counter!(RELAY_DAMAGED).absolute(relay.damaged);
    }
}

fn observe_exchange(exchange: &ExchangeObserved) {
    let SignalsStanding { published, read, acknowledged, claimed, damaged, lost } =
        exchange.standing;
    counter!(SIGNALS_PUBLISHED).absolute(published);
    counter!(SIGNALS_READ).absolute(read);
    counter!(SIGNALS_ACKNOWLEDGED).absolute(acknowledged);
    counter!(SIGNALS_CLAIMED).absolute(claimed);
    counter!(SIGNALS_DAMAGED).absolute(damaged);
    counter!(SIGNALS_LOST).absolute(lost);
    gauge!(SIGNALS_WAITING).set(exchange.waiting as f64);
    gauge!(SIGNALS_PENDING).set(exchange.pending as f64);
    gauge!(SIGNALS_LAG_SECONDS).set(exchange.lag_ms as f64 / 1e3);
}

/// Takes over how the views are doing. Call it every few seconds, or before rendering.
pub fn observe_views(standing: &Standing) {
    gauge!(VIEWS_UP).set(if standing.ok { 1.0 } else { 0.0 });
    counter!(VIEWS_FAILURES).absolute(standing.failures);
}

/// Takes over whether the log takes facts. Call it every few seconds, or before rendering.
pub fn observe_health(health: &Health) {
    gauge!(LOG_UP).set(if health.stopped.is_none() { 1.0 } else { 0.0 });
}

/// Takes over what waits on this node for the log, if anything can. Call it before rendering.
pub fn observe_spool(now: Timestamp, spool: Option<&SpoolObserved>) {
    let standing = spool.map(|spool| spool.standing).unwrap_or_default();
    gauge!(SPOOL_WAITING).set(standing.facts as f64);
    gauge!(SPOOL_FULL_SHARE).set(standing.bytes as f64 / standing.bytes_max.max(1) as f64);
    let waits_ms = standing.oldest_at.map_or(0, |at| now.since_ms(at).max(0));
    gauge!(SPOOL_OLDEST_SECONDS).set(waits_ms as f64 / 1e3);
    let outcomes = [
        ("spooled", spool.map(|spool| spool.spooled)),
        ("replayed", spool.map(|spool| spool.replayed)),
        ("dropped", spool.map(|spool| spool.dropped)),
        ("turned_away", spool.map(|spool| spool.turned_away)),
    ];
    for (outcome, count) in outcomes {
        counter!(SPOOL_FACTS, "outcome" => outcome).absolute(count.unwrap_or(0));
    }
}

/// Takes over by how much the clock is ahead of a store's. Call it before rendering.
pub fn observe_clock((store, ahead_ms): (&'static str, i64)) {
    gauge!(CLOCK_AHEAD_SECONDS, "store" => store).set(ahead_ms as f64 / 1e3);
}

/// Takes over how far views, and sweeps if there are any, are behind. Call it before rendering.
pub fn observe_lag(now: Timestamp, as_of: Timestamp, unswept: Option<Timestamp>) {
    let behind = |at: Timestamp| now.since_ms(at).max(0) as f64 / 1e3;
    gauge!(VIEWS_LAG_SECONDS).set(behind(as_of));
    if let Some(unswept) = unswept {
        gauge!(UNSWEPT_SECONDS).set(behind(unswept));
    }
}

/// Takes over what the embedded log has done. Call it every few seconds, or before rendering.
pub fn observe_log(statistics: &Statistics) {
    counter!(LOG_COMMITS).absolute(statistics.commits);
    counter!(LOG_ROWS).absolute(statistics.rows);
    gauge!(LOG_WORST_COMMIT_SECONDS).set(statistics.worst_commit_us as f64 / 1e6);
    let retired = statistics.memtables_retired.saturating_sub(statistics.memtables_freed);
    gauge!(LOG_MEMTABLES_RETIRED).set(retired as f64);
}

fn describe() {
    for (name, meaning) in COUNTERS {
        describe_counter!(name, meaning);
    }
    for (name, meaning) in GAUGES {
        describe_gauge!(name, meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        describe_histogram!(name, metrics::Unit::Seconds, meaning);
    }
}
