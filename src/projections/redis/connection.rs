//! The way to Redis, one server or a cluster: for the views, and for whatever else a fleet keeps
//! there.
//!
//! Calls share one connection (in a cluster one for each node), made by the first of them and made
//! again when it is lost, on a thread of its own: no caller's thread has to live for it. A call
//! fails after the response timeout, and right after a failure at once, so that nobody waits for a
//! server that is away or frozen. Nothing is ever repeated here. Commands that block on purpose
//! need a [`Redis`] of their own, from [`Redis::waiting`].

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, Value};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use super::failure::{Failure, is_unknown_script, told};
use super::leavings::Primary;
use super::url::RedisUrl;
use crate::projections::ViewError;
use crate::tls::TlsFiles;

/// After so many failures in a row the connection is given up: a host that is gone answers nothing,
/// not even that.
const FAILURES_MAX: u64 = 3;

/// What bounds calls to Redis.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// After a failure, how long calls fail without being made.
    pub pause: Duration,
    /// How many calls are on their way at once; further ones wait.
    pub in_flight_max: usize,
    /// Whom to believe, where connections are encrypted.
    pub tls: TlsFiles,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            response_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(500),
            pause: Duration::from_millis(1_000),
            in_flight_max: 1_024,
            tls: TlsFiles::default(),
        }
    }
}

/// A Redis, or a cluster of them; cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

pub(super) struct Shared {
    url: RedisUrl,
    options: RedisOptions,
    link: Mutex<Option<Link>>,
    permits: Semaphore,
    breaker: Breaker,
    thread: Thread,
}

#[derive(Clone)]
enum Link {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

/// Where connections live.
struct Thread(Option<Runtime>);

impl Thread {
    /// Waits where the caller is, with tasks and timers of this thread: whatever is begun on the
    /// way outlives the caller's own.
    async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _entered = self.0.as_ref().map(Runtime::enter);
            work.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for it would be an error where tasks run.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A script that is compiled in, sent once to each server and called by its name from then on.
#[derive(Debug)]
pub(super) struct Script {
    code: String,
    name: String,
}

impl Script {
    /// A script of these parts.
    pub(super) fn new(parts: &[&str]) -> Self {
        let code = parts.concat();
        let name = redis::Script::new(&code).get_hash().to_owned();
        Self { code, name }
    }
}

impl Redis {
    /// A way to this Redis. Connects with the first call, so that it need not be there yet.
    ///
    /// # Errors
    /// When the system gives no thread, or whom to believe cannot be read.
    pub fn new(url: &RedisUrl, options: RedisOptions) -> Result<Self, ViewError> {
        let url =
            url.with(&options.tls).map_err(|error| ViewError::Unavailable(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("viewlog-redis")
            .enable_all()
            .build()
            .map_err(|error| ViewError::Unavailable(error.to_string()))?;
        Ok(Self(Arc::new(Shared {
            url,
            link: Mutex::default(),
            permits: Semaphore::new(options.in_flight_max.max(1)),
            breaker: Breaker::new(options.pause),
            options,
            thread: Thread(Some(runtime)),
        })))
    }

    /// Another way to the same Redis, for commands that block: they answer within `longest`.
    ///
    /// # Errors
    /// As [`Redis::new`].
    pub fn waiting(&self, longest: Duration) -> Result<Self, ViewError> {
        let response_timeout = self.0.options.response_timeout + longest;
        Self::new(&self.0.url, RedisOptions { response_timeout, ..self.0.options.clone() })
    }

    /// Runs a command; in a cluster on the node of its key.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`]; whether it was carried out is then not known.
    pub async fn run(&self, command: &Cmd) -> Result<Value, ViewError> {
        self.run_on(None, command).await
    }

    /// Runs a command on one of a cluster's primaries.
    pub(super) async fn run_on(
        &self,
        primary: Option<&Primary>,
        command: &Cmd,
    ) -> Result<Value, ViewError> {
        self.ask(primary, command).await.map_err(told)
    }

    /// Runs commands in a row, all of them on one node; what they answer, in the same row. Fails at
    /// once where the last call was not answered: another one tries.
    ///
    /// # Errors
    /// As [`Redis::run`], and when any of them is refused.
    pub(super) async fn pipeline(&self, commands: &Pipeline) -> Result<Vec<Value>, ViewError> {
        if !self.is_well() {
            return Err(told(Failure::Away));
        }
        let answer = self.0.answer(async {
            match self.0.link()? {
                Link::One(mut one) => commands.query_async(&mut one).await,
                Link::Cluster(mut cluster) => commands.query_async(&mut cluster).await,
            }
        });
        answer.await.map_err(told)
    }

    /// Runs a script on the node of `key`, with the arguments that `arguments` adds to a command.
    ///
    /// # Errors
    /// As [`Redis::run`].
    pub(super) async fn script(
        &self,
        script: &Script,
        key: &[u8],
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, ViewError> {
        let command = |verb: &str, what: &str| {
            let mut command = redis::cmd(verb);
            command.arg(what).arg(1).arg(key);
            arguments(&mut command);
            command
        };
        match self.ask(None, &command("EVALSHA", &script.name)).await {
            Err(Failure::Redis(error)) if is_unknown_script(&error) => {
                self.ask(None, &command("EVAL", &script.code)).await.map_err(told)
            }
            answer => answer.map_err(told),
        }
    }

    /// Lets something run on the connections' own thread, until nobody holds this any more.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0.thread.0 {
            drop(runtime.spawn(work));
        }
    }

    /// The same, without keeping it alive.
    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }

    /// What [`Redis::downgrade`] gave, if somebody uses it still.
    pub(super) fn upgrade(shared: &Weak<Shared>) -> Option<Self> {
        shared.upgrade().map(Self)
    }

    /// Where it is, and what bounds calls to it.
    pub(super) fn place(&self) -> (&RedisUrl, RedisOptions) {
        (&self.0.url, self.0.options.clone())
    }

    /// Whether keys of different slices may live on different nodes.
    pub fn is_cluster(&self) -> bool {
        self.0.url.is_cluster
    }

    /// Whether the last call was answered.
    pub fn is_well(&self) -> bool {
        self.0.breaker.is_well()
    }

    /// How many calls were not answered.
    pub fn failures(&self) -> u64 {
        self.0.breaker.failures()
    }

    async fn ask(&self, primary: Option<&Primary>, command: &Cmd) -> Result<Value, Failure> {
        if !self.0.breaker.admits() {
            return Err(Failure::Away);
        }
        match &self.0.thread.0 {
            // It tries for all others, so it comes to its end even if its own caller gives up,
            // perhaps because others of the same caller were not admitted.
            Some(runtime) if !self.is_well() => {
                let (redis, primary, command) = (self.clone(), primary.cloned(), command.clone());
                let tried = async move { redis.0.asked(primary.as_ref(), &command).await };
                runtime.spawn(tried).await.unwrap_or(Err(Failure::Away))
            }
            _ => self.0.asked(primary, command).await,
        }
    }
}

impl Shared {
    async fn asked(&self, primary: Option<&Primary>, command: &Cmd) -> Result<Value, Failure> {
        self.answer(self.call(primary, command)).await
    }

    /// Makes a call within its time, and remembers whether it was answered.
    async fn answer<T>(
        &self,
        call: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Failure> {
        let RedisOptions { response_timeout, connect_timeout, .. } = self.options;
        let asked = async {
            let called = async {
                let _permit = self.permits.acquire().await.map_err(|_| Failure::Away)?;
                call.await.map_err(Failure::Redis)
            };
            tokio::time::timeout(response_timeout + connect_timeout, called).await
        };
        let answer = self.thread.run(asked).await.unwrap_or(Err(Failure::Late));
        match &answer {
            Err(failure) if failure.is_absence() => self.failed(failure),
            _ => self.answered(),
        }
        answer
    }

    /// The first call makes the connection.
    async fn call(&self, primary: Option<&Primary>, command: &Cmd) -> Result<Value, RedisError> {
        let mut link = self.link()?;
        let answer = match (&mut link, primary) {
            (Link::One(one), _) => one.req_packed_command(command).await,
            (Link::Cluster(cluster), None) => cluster.req_packed_command(command).await,
            (Link::Cluster(cluster), Some(Primary { host, port })) => {
                let node = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
                cluster.route_command(command.clone(), RoutingInfo::SingleNode(node)).await
            }
        };
        answer?.extract_error()
    }

    fn link(&self) -> Result<Link, RedisError> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        match &*link {
            Some(link) => Ok(link.clone()),
            None => Ok(link.insert(connect(&self.url, &self.options)?).clone()),
        }
    }

    fn answered(&self) {
        if self.breaker.answered() {
            tracing::info!(redis = %self.url, "redis answers again");
        }
    }

    fn failed(&self, failure: &Failure) {
        let in_a_row = self.breaker.failed();
        if in_a_row == 1 {
            tracing::warn!(redis = %self.url, %failure, "redis does not answer");
        }
        if in_a_row.is_multiple_of(FAILURES_MAX) || failure.is_of_the_past() {
            *self.link.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Makes connections that are set up by their first call.
fn connect(url: &RedisUrl, options: &RedisOptions) -> Result<Link, RedisError> {
    let RedisOptions { response_timeout, connect_timeout, in_flight_max, .. } = *options;
    if url.is_cluster {
        let mut builder = ClusterClient::builder(url.nodes.clone());
        if let Some(certificates) = url.certificates.clone() {
            builder = builder.certs(certificates);
        }
        let client = builder
            // A moved slot is found at the first of them; the breaker spaces the rest.
            .retries(2)
            .min_retry_wait(10)
            .max_retry_wait(100)
            .build()?;
        let config = ClusterConfig::new()
            .set_connection_timeout(connect_timeout)
            .set_response_timeout(response_timeout);
        return Ok(Link::Cluster(client.get_pending_async_connection_with_config(config)));
    }
    let node = url.nodes.first().cloned();
    let node = node.ok_or_else(|| RedisError::from((ErrorKind::InvalidClientConfig, "no host")))?;
    let config = ConnectionManagerConfig::new()
        // One try: the breaker spaces them.
        .set_number_of_retries(0)
        .set_response_timeout(Some(response_timeout))
        .set_connection_timeout(Some(connect_timeout))
        .set_pipeline_buffer_size(in_flight_max.max(1));
    ConnectionManager::new_lazy_with_config(redis::Client::open(node)?, config).map(Link::One)
}
