//! Wiring: stores, actors, listeners, and shutdown in order. Nothing else knows the concrete
//! stores.

pub mod demo;
mod drivers;
mod hold;
mod keys;
mod note;
mod private;
mod spool;
mod stores;

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App as Site, HttpServer, rt};
use tokio::task::JoinHandle;

use self::drivers::Drivers;
use self::hold::hold;
pub use self::keys::{KeysError, Made, keyring, made_or_kept};
use self::note::Note;
use self::private::random_hex;
pub use self::spool::waiting as waiting_in_spool;
use self::stores::{open_log, open_views};
use crate::actors::{Role, System};
use crate::config::{CassandraUrl, Config, LogStore};
use crate::events::cassandra;
use crate::events::embedded::{EmbeddedLog, OpenError, Spool};
use crate::events::{AppendError, Clock, SessionId, SystemClock};
use crate::http::{self, Board, Clocks, JobKind, JobState, Jobs, Node, Reach, Settings, Sockets};
use crate::projections::{Answers, Freshness, Lags, Redis, Relay, Signals, ViewError};
use crate::telemetry::{self, Metrics, TelemetryError};

/// How often gauges are taken over and histograms gathered.
const UPKEEP: Duration = Duration::from_secs(5);
const LOCAL_TOKEN_BYTES: usize = 24;

/// The whole service in one process.
pub struct App {
    node: Data<Node>,
    embedded: Option<Arc<EmbeddedLog>>,
    spool: Option<Arc<Spool>>,
    config: Config,
    listeners: Mutex<Vec<ServerHandle>>,
    background: Vec<JoinHandle<()>>,
    note: Mutex<Option<Note>>,
    /// Among the nodes of a fleet.
    name: Option<String>,
    /// For programs of this machine, as long as this process lives.
    local_token: String,
    /// So late that the drivers of shared stores end when nobody asks them any more.
    _drivers: Drivers,
    /// Last, when nothing of this node is at work any more.
    _hold: Option<File>,
}

/// Why the service does not start, or does not listen.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The log on Cassandra cannot be used; the address is without its password.
    #[error("{source}{}", Self::remedy(source, url))]
    Cassandra {
        /// Where it is.
        url: Box<CassandraUrl>,
        /// Why.
        source: cassandra::OpenError,
    },
    /// What waits for the log cannot be opened.
    #[error("the spool: {0}")]
    Spool(OpenError),
    /// The threads for the drivers of shared stores cannot be started.
    #[error("the drivers of shared stores cannot be started: {0}")]
    Drivers(std::io::Error),
    /// The views cannot be opened.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {}", Self::why(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody would have to say who they are.
    #[error(
        "{address} is not loopback, and there is no key to check access tokens with; viewlog token \
         create makes one"
    )]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// The keys that tokens are checked with cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Another process has the data directory.
    #[error("{} is in use by another process; each server has its own", dir.display())]
    InUse {
        /// The directory.
        dir: std::path::PathBuf,
    },
    /// The data directory cannot be used, or the server's address not be left in it.
    #[error("{}: {source}", path.display())]
    Note {
        /// The file, or the directory.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Metrics cannot be gathered.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

impl StartError {
    fn remedy(source: &cassandra::OpenError, url: &CassandraUrl) -> String {
        match source {
            cassandra::OpenError::Schema { .. } => {
                format!("; viewlog schema check --log {url} looks again")
            }
            _ => String::new(),
        }
    }

    fn why(source: &std::io::Error) -> String {
        match source.kind() {
            ErrorKind::AddrInUse => {
                "another program does; end it, or name another address".to_owned()
            }
            _ => source.to_string(),
        }
    }
}

/// Where a server answers, and the token that programs of this machine may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Such as `http://127.0.0.1:7070`.
    pub url: String,
    /// For servers that ask for one.
    pub token: Option<String>,
}

impl App {
    /// Opens the stores and starts the actors. Needs a running actix system on this thread.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let hold = hold(config)?;
        let metrics = Metrics::install()?;
        let local_token = random_hex(LOCAL_TOKEN_BYTES);
        let tokens = keys::tokens(config, &local_token)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (mut drivers, mut clocks) = (Drivers::default(), Clocks::default());
        let opening = (&mut drivers, &mut clocks);
        let (log, embedded) = open_log(config, &clock, opening).await?;
        let (views, redis) = open_views(config, &clock)?;
        let spool = spool::open(config).map_err(StartError::Spool)?;
        let (policy, freshness) = (Arc::new(config.policy.clone()), Arc::<Freshness>::default());
        let shared = (Arc::clone(&policy), Arc::clone(&freshness), Arc::clone(&clock));
        let system = System::start(Arc::clone(&log), Arc::clone(&views), shared, config.limits());
        let name = redis.as_ref().map(|_| SessionId::fresh(clock.now()).to_string());
        if let Some((redis, name)) = redis.zip(name.as_deref()) {
            clocks.add(redis.watch(Arc::clone(&clock)));
            join_others(&system, &redis, name, config);
        }
        if let Some(spool) = &spool {
            system.spool(Arc::clone(spool), config.spool.enabled);
        }
        let stores = (Arc::clone(&log), Arc::clone(&views));
        let followed = (Arc::clone(&freshness), Arc::clone(&clock));
        let answers = Answers::new(stores, policy, followed, config.views_memory.log_reads_max);
        // Whoever marks for others works beside others.
        let board = system.marks().then(|| Board::new(Arc::clone(&views)));
        let jobs = Arc::new(Jobs::new(Arc::clone(&clock), board));
        let node = Data::new(Node {
            system: Arc::new(system),
            answers,
            log,
            views,
            freshness,
            started_at: clock.now(),
            clock,
            clocks,
            jobs,
            sockets: Sockets::default(),
            metrics: Some(metrics.clone()),
            tokens,
            settings: settings(config),
        });
        let mut background = vec![rt::spawn(upkeep(metrics, embedded.clone()))];
        background.extend(tend(&node, config));
        Ok(Self {
            node,
            embedded,
            spool,
            config: config.clone(),
            listeners: Mutex::default(),
            background,
            note: Mutex::default(),
            name,
            local_token,
            _drivers: drivers,
            _hold: hold,
        })
    }

    /// Answers on an address; port 0 takes a free one. Leaves word in the data directory, so that
    /// the command line finds it.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn listen(&self, at: SocketAddr) -> Result<Address, StartError> {
        let failed = |source| StartError::Listen { address: at, source };
        if self.node.tokens.is_none() && !at.ip().is_loopback() {
            return Err(StartError::Open { address: at });
        }
        let node = self.node.clone();
        let settings = node.settings.clone();
        let limits = &self.config.http;
        let server = HttpServer::new(move || {
            Site::new()
                .app_data(node.clone())
                .wrap(from_fn(http::guard))
                .configure(|routes| http::routes(routes, &settings))
        })
        .client_request_timeout(Duration::from_millis(limits.header_timeout_ms))
        .shutdown_timeout(limits.shutdown_timeout_ms.div_ceil(1_000))
        // Otherwise who hangs up an event stream is noticed only with the second ping.
        .h1_allow_half_closed(false)
        .disable_signals()
        .bind(at)
        .map_err(failed)?;
        let bound = server.addrs().first().copied().unwrap_or(at);
        let server = server.run();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(server.handle());
        rt::spawn(server);
        let url = format!("http://{}", from_here(bound));
        let address = Address { url, token: Some(self.local_token.clone()) };
        if self.config.log != LogStore::Memory {
            let note = Note::leave(&self.config.data, &address, self.name.as_deref())?;
            *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
        }
        Ok(address)
    }

    /// The same; where it cannot, it stops, so that no other node waits for what it had on its way.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn listen_or_stop(self, at: SocketAddr) -> Result<(Self, Address), StartError> {
        match self.listen(at) {
            Ok(address) => Ok((self, address)),
            Err(error) => {
                let _ = self.stop().await;
                Err(error)
            }
        }
    }

    /// Whether whoever calls needs a token.
    pub fn asks_for_tokens(&self) -> bool {
        self.node.tokens.is_some()
    }

    /// What the handlers share, for a demonstration that records without a network.
    pub fn node(&self) -> &Data<Node> {
        &self.node
    }

    /// Stops accepting, finishes what is in flight, tells sockets, writes what lags, closes the
    /// log.
    ///
    /// # Errors
    /// When the log could not be closed in order; what was acknowledged is durable all the same.
    pub async fn stop(self) -> Result<(), AppendError> {
        self.background.iter().for_each(JoinHandle::abort);
        self.node.jobs.stop().await;
        self.node.system.close_feeds();
        let listeners =
            std::mem::take(&mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner));
        for listener in listeners {
            listener.stop(true).await;
        }
        let has_left = self.node.system.stop().await;
        let note = self.note.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(note) = note.filter(|_| !has_left) {
            note.stay();
        }
        let spooled = self.spool.map_or(Ok(()), |spool| spool::close(&spool));
        self.embedded.map_or(Ok(()), |log| log.close()).and(spooled)
    }
}

/// Exchanges with the other nodes of a fleet whatever they tell each other.
fn join_others(system: &System, redis: &Redis, name: &str, config: &Config) {
    let prefix = &config.redis_views_options().prefix;
    system.join(Relay::new(redis, prefix, name));
    system.exchange(Signals::new(redis, config.signals_options(), name));
    system.tell_lags(Lags::new(redis, prefix, name), note::crashed(&config.data));
}

/// The address under which this very machine finds what listens on all of them.
fn from_here(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// What a node does now and then by itself.
fn tend(node: &Data<Node>, config: &Config) -> Vec<JoinHandle<()>> {
    let mut background = vec![];
    if config.compact.every_hours > 0 && config.role.has(Role::Process) {
        background.push(rt::spawn(compact_regularly(node.clone(), config.clone())));
    }
    if node.tokens.is_some() {
        background.push(rt::spawn(look_after_tokens(node.clone())));
    }
    background
}

async fn look_after_tokens(node: Data<Node>) {
    if let Some(tokens) = &node.tokens {
        tokens.look_after().await;
    }
}

fn settings(config: &Config) -> Settings {
    let http = &config.http;
    Settings {
        body_bytes_max: http.body_bytes_max,
        facts_max: http.facts_max,
        frame_bytes_max: http.frame_bytes_max,
        sockets_per_account_max: http.sockets_per_account_max,
        body_timeout: Duration::from_millis(http.body_timeout_ms),
        public_host: config.public_url.as_ref().map(|url| url.host().to_owned()),
        allowed_origins: config
            .public_url
            .iter()
            .chain(&config.allowed_origins)
            .map(|origin| origin.as_str().to_owned())
            .collect(),
        chaos: config.chaos,
        roles: config.role,
    }
}

async fn upkeep(metrics: Metrics, log: Option<Arc<EmbeddedLog>>) {
    let mut round = tokio::time::interval(UPKEEP);
    loop {
        round.tick().await;
        metrics.upkeep();
        if let Some(log) = &log {
            telemetry::observe_log(&log.statistics());
        }
    }
}

/// Skips a round in which other long work runs, or that was done already.
async fn compact_regularly(node: Data<Node>, config: Config) {
    let every = Duration::from_secs(u64::from(config.compact.every_hours) * 3_600);
    let mut round = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        round.tick().await;
        let days = config.compact.older_than_days;
        if is_compacted(&node, (days, every)).await {
            tracing::info!("what is to be compacted has been, by this node or another");
        } else if let Err(running) = http::begin_compaction(&node, days).await {
            tracing::info!(%running, "compaction waits for its next turn");
        }
    }
}

/// Whether that is done often enough: rounds of several nodes do not begin at once.
async fn is_compacted(node: &Node, (days, every): (u32, Duration)) -> bool {
    let last = node.jobs.covering(JobKind::Compact, &Reach::OlderThan(days)).await;
    let last = last.filter(|last| last.state == JobState::Done);
    let recent_ms = i64::try_from((every * 9 / 10).as_millis()).unwrap_or(i64::MAX);
    last.is_some_and(|last| node.clock.now().since_ms(last.begun_at) < recent_ms)
}
