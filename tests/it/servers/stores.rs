//! A keyspace and a database of Redis for one application at a time, of the servers that all tests
//! share. Making a keyspace takes a second, so those that are given back are emptied and given out
//! again, the one that has rested longest first.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use viewlog::config::Config;
use viewlog::events::cassandra::{CassandraLog, CassandraOptions, Schema};
use viewlog::events::{Clock, Depth, EventLog, Slice, SystemClock};
use viewlog::projections::{Position, RedisViews, RedisViewsOptions, ViewStore};

use super::{Cassandra, cassandra, redis};
use crate::log_contract::{account, append, event, session};
use crate::redis_views::way;

/// With this word in it tests of applications run on the servers of a fleet.
const ASKED: &str = "VIEWLOG_TEST_STORES";
/// So many are made before the first is used again.
const RESTING: usize = 8;
/// So many requests make a store ready that began a moment ago.
const FIRST_REQUESTS: usize = 100;

static GIVEN_BACK: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static OF_DIRECTORIES: Mutex<BTreeMap<PathBuf, Stores>> = Mutex::new(BTreeMap::new());

/// Where the driver's tasks outlive the test that asked first.
static DRIVERS: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// Empty stores.
pub(crate) struct Stores {
    keyspace: String,
    pub(crate) log: String,
    pub(crate) views: String,
}

/// Whether applications are to be tested on these.
pub(crate) fn are_a_fleets() -> bool {
    std::env::var(ASKED).as_deref() == Ok("fleet")
}

/// Runs tests of this binary again, on these stores, in a process of its own.
pub(crate) fn again_on_a_fleet(filters: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(filters).env(ASKED, "fleet");
    command
}

impl Stores {
    /// Empty ones; given back with the value.
    pub(crate) async fn empty() -> Self {
        let rested = {
            let mut given_back = lock(&GIVEN_BACK);
            if given_back.len() < RESTING { None } else { given_back.pop_front() }
        };
        let server = cassandra().expect("whoever asks for a fleet looks first whether it is there");
        warmed_up(server).await;
        let keyspace = match rested {
            Some(keyspace) => emptied(server, keyspace).await,
            None => made(server).await,
        };
        let (log, views) = (server.url(&keyspace), redis().unwrap().url());
        let url = views.clone();
        DRIVERS.spawn(async move { swept(&url).await }).await.unwrap();
        Self { keyspace, log, views }
    }

    /// The log, past the application.
    pub(crate) async fn open_log(&self, clock: Arc<dyn Clock>) -> CassandraLog {
        CassandraLog::open(&options(&self.log), clock).await.unwrap()
    }

    /// Those that belong to a directory: the same ones after a restart.
    pub(crate) async fn of(data: &Path) -> (String, String) {
        let known = lock(&OF_DIRECTORIES).remove(data);
        let stores = match known {
            Some(stores) => stores,
            None => Self::empty().await,
        };
        let urls = (stores.log.clone(), stores.views.clone());
        lock(&OF_DIRECTORIES).insert(data.to_owned(), stores);
        urls
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        lock(&GIVEN_BACK).push_back(std::mem::take(&mut self.keyspace));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an application would reach it.
fn options(url: &str) -> CassandraOptions {
    Config::default().cassandra_options(&url.parse().unwrap())
}

async fn made(server: &'static Cassandra) -> String {
    let keyspace = server.keyspace();
    let options = options(&server.url(&keyspace));
    let making = async move {
        let schema = Schema::connect(&options).await.unwrap();
        schema.apply(&schema.default_replication()).await.unwrap();
    };
    DRIVERS.spawn(making).await.unwrap();
    keyspace
}

/// A store that began a moment ago takes seconds for what it does for the first time, and then
/// refuses it: that is over when this is.
async fn warmed_up(server: &'static Cassandra) {
    static WARM: OnceCell<()> = OnceCell::const_new();
    let warming = async {
        let options = options(&server.url(&made(server).await));
        let requests = async move {
            let log = CassandraLog::open(&options, Arc::new(SystemClock)).await.unwrap();
            for _ in 0..FIRST_REQUESTS {
                let account = account("first");
                drop(log.append(&append(&account, &[event(session(1), 0)])).await);
                drop(log.account(&account, Depth::Snapshots).try_collect::<Vec<_>>().await);
            }
        };
        DRIVERS.spawn(requests).await.unwrap();
    };
    WARM.get_or_init(|| warming).await;
}

/// Views that an application takes for swept through now: else each would begin with the last hours
/// of a log that has none, some 20,000 windows.
async fn swept(url: &str) {
    let views = RedisViews::new(way(url), RedisViewsOptions::default(), Arc::new(SystemClock));
    let now = SystemClock.now();
    for slices in Slice::all().collect::<Vec<_>>().chunks(128) {
        join_all(slices.iter().map(async |slice| {
            for position in [Position::Swept, Position::SweptAgain] {
                views.advance(*slice, position, now).await.unwrap();
            }
        }))
        .await;
    }
}

/// A table that holds nothing is left as it is.
async fn emptied(server: &'static Cassandra, keyspace: String) -> String {
    static SESSION: OnceCell<scylla::client::session::Session> = OnceCell::const_new();
    let emptying = async move {
        let session = SESSION.get_or_init(|| server.session()).await;
        let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
        let tables = session.query_unpaged(tables, (&keyspace,)).await.unwrap();
        for table in tables.into_rows_result().unwrap().rows::<(String,)>().unwrap() {
            let table = format!("{keyspace}.{}", table.unwrap().0);
            let any = format!("SELECT * FROM {table} LIMIT 1");
            let any = session.query_unpaged(any, ()).await.unwrap();
            if any.into_rows_result().unwrap().rows_num() > 0 {
                session.query_unpaged(format!("TRUNCATE {table}"), ()).await.unwrap();
            }
        }
        keyspace
    };
    DRIVERS.spawn(emptying).await.unwrap()
}
