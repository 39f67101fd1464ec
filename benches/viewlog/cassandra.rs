//! The log on Cassandra beside its bare driver.
//!
//! Driver and log take turns, because a server that warms up or falls behind moves every figure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlVarint;
use uuid::Uuid;
use viewlog::events::cassandra::{CassandraLog, CassandraOptions, Schema};
use viewlog::events::codec::encode_snapshot;
use viewlog::events::{
    Append, Event, EventLog, EventRow, SessionKey, SnapshotRow, SystemClock, fold,
};
use viewlog::projections::count_accounts;

use crate::appends::appends;
use crate::facts::{Player, row};
use crate::load::{Load, Signal, Waiter, measure, per_second};
use crate::server::Cassandra;

/// How often driver and log take turns.
const TURNS: usize = 3;
const ACCOUNTS: usize = 20_000;
pub(crate) const DRIVER: &str = "driver, facts one by one, 256 in flight";
/// At every so many facts an account writes its state beside them.
const SNAPSHOT_EVERY: u32 = 16;
/// How long a server compiles its hot paths, and more.
const WARM_UP: Duration = Duration::from_secs(40);
/// Facts of the session that is read.
const LONG: usize = 10_000;

pub(crate) fn run() {
    let Some(cassandra) = Cassandra::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::make(&cassandra, "log").await;
        store.warm_up().await;
        for _ in 0..TURNS {
            store.drive(players(), 256).await.print(DRIVER);
            store.append(256, 1).await.print("appends of 1 row, 256 in flight, rows");
        }
        for (in_flight, rows) in [(64, 10), (256, 10), (16, 25), (64, 25)] {
            let load = store.append(in_flight, rows).await;
            load.print(&format!("appends of {rows} rows, {in_flight} in flight, rows"));
        }
        store.drive(players(), 256).await.print(DRIVER);
        store.read_long().await;
        store.scan().await;
        store.count().await;
    });
}

fn players() -> Vec<Player> {
    (0..ACCOUNTS).map(Player::in_fleet).collect()
}

/// A log in a keyspace of its own, and the bare driver beside it.
pub(crate) struct Store {
    session: Arc<Session>,
    inserts: Inserts,
    pub(crate) log: Arc<CassandraLog>,
    pub(crate) keyspace: &'static str,
}

impl Store {
    pub(crate) async fn make(cassandra: &Cassandra, keyspace: &'static str) -> Self {
        let options = CassandraOptions {
            hosts: vec![cassandra.host.clone()],
            keyspace: keyspace.to_owned(),
            datacentre: None,
            login: None,
            tls: None,
            request_timeout: Duration::from_secs(10),
            speculative_after: Duration::from_millis(100),
            in_flight_max: 1_024,
        };
        let schema = Schema::connect(&options).await.unwrap();
        schema.apply(&schema.default_replication()).await.unwrap();
        let log = CassandraLog::open(&options, Arc::new(SystemClock)).await.unwrap();
        let session = SessionBuilder::new().known_node(&cassandra.host).build().await.unwrap();
        let inserts = Inserts::prepare(&session, keyspace).await;
        Self { session: Arc::new(session), inserts, log: Arc::new(log), keyspace }
    }

    pub(crate) async fn warm_up(&self) {
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            self.append(64, 10).await;
            self.append(256, 1).await;
        }
    }

    /// Through the driver alone, the rows that an account writes: each fact, and now and then its
    /// state.
    pub(crate) async fn drive(&self, players: Vec<Player>, in_flight: usize) -> Load {
        let chunk = players.len() / in_flight;
        measure(|signal| {
            let chunks = players.chunks(chunk).take(in_flight).map(<[Player]>::to_vec);
            let driver =
                |players| driver(Arc::clone(&self.session), self.inserts.clone(), players, signal);
            chunks.map(driver).collect()
        })
        .await
    }

    async fn append(&self, in_flight: usize, rows: usize) -> Load {
        let log = Arc::clone(&self.log) as _;
        appends(log, players(), (in_flight, rows)).await
    }

    async fn read_long(&self) {
        let mut player = Player::new(ACCOUNTS + 1);
        let key = SessionKey { account: player.account.clone(), session: player.session };
        let events: Vec<_> = (0..LONG).map(|_| player.next()).collect();
        for events in events.chunks(500) {
            let mut append = Append::new(key.account.clone());
            append.weeks = vec![key.session.week()];
            append.events = events.iter().map(row).collect();
            self.log.append(&append).await.unwrap();
        }
        self.read(&key, "session of 10,000 facts, no snapshot").await;
        let mut append = Append::new(key.account.clone());
        let state = fold(None, &events[..LONG - 10]).unwrap();
        let body = encode_snapshot(&state);
        append.snapshots = vec![SnapshotRow { session: key.session, body }];
        self.log.append(&append).await.unwrap();
        self.read(&key, "session of 10,000 facts, snapshot and 10 facts").await;
    }

    async fn read(&self, key: &SessionKey, what: &str) {
        let load = measure(|signal| vec![reader(Arc::clone(&self.log), key.clone(), signal)]);
        load.await.print(what);
    }

    /// All rows by token range, by the driver alone; how many a second.
    pub(crate) async fn scan(&self) -> f64 {
        let scan = format!(
            "SELECT account, week, session, seq, fingerprint, body FROM {}.events \
             WHERE token(account, week) > ? AND token(account, week) <= ?",
            self.keyspace
        );
        let scan = self.session.prepare(scan).await.unwrap();
        let (begun, step) = (Instant::now(), i64::MAX / 32);
        let ranges =
            (-32..32).map(|n: i64| (n * step, if n == 31 { i64::MAX } else { (n + 1) * step }));
        let scans = ranges.map(|range| scan_range(&self.session, &scan, range));
        let rows: u64 = join_all(scans).await.into_iter().sum();
        let rate = per_second(rows, begun.elapsed());
        println!("token scan, {rows} rows, {rate:.0} rows/s");
        rate
    }

    async fn count(&self) {
        self.register_accounts().await;
        let begun = Instant::now();
        let accounts = count_accounts(self.log.as_ref()).await.unwrap();
        println!("accounts, {accounts}, {:.0} accounts/s", per_second(accounts, begun.elapsed()));
    }

    async fn register_accounts(&self) {
        let registered = players().into_iter().map(|player| async move {
            let mut append = Append::new(player.account);
            append.weeks = vec![player.session.week()];
            self.log.append(&append).await.unwrap();
        });
        join_all(registered).await;
    }
}

/// How the bare driver writes.
#[derive(Clone)]
struct Inserts {
    event: PreparedStatement,
    snapshot: PreparedStatement,
    /// What a session comes to, for every one of them.
    state: Arc<Vec<u8>>,
}

impl Inserts {
    async fn prepare(session: &Session, keyspace: &str) -> Self {
        let insert = async |into: &str| {
            let values = vec!["?"; into.split(',').count()].join(", ");
            let insert = format!("INSERT INTO {keyspace}.{into} VALUES ({values})");
            let mut insert = session.prepare(insert).await.unwrap();
            insert.set_is_idempotent(true);
            insert
        };
        let mut player = Player::new(0);
        let events: Vec<Event> = (0..SNAPSHOT_EVERY).map(|_| player.next()).collect();
        Self {
            event: insert("events (account, week, session, seq, fingerprint, body)").await,
            snapshot: insert("snapshots (account, week, session, body)").await,
            state: Arc::new(encode_snapshot(&fold(None, &events).unwrap())),
        }
    }

    /// The player's next fact; whether it was written.
    async fn write(&self, session: &Session, player: &mut Player) -> bool {
        let EventRow { session: id, order, body } = player.next_row();
        let (account, week) = (player.account.as_str(), id.week().number().cast_signed());
        let id = Uuid::from_bytes(*id.as_bytes());
        let state = (account, week, id, self.state.as_slice());
        let seq = CqlVarint::from_signed_bytes_be(order.seq.to_be_bytes().to_vec());
        let event = (account, week, id, seq, order.fingerprint.to_be_bytes(), body);
        let event = session.execute_unpaged(&self.event, event);
        if player.seq.is_multiple_of(SNAPSHOT_EVERY) {
            return try_join(event, session.execute_unpaged(&self.snapshot, state)).await.is_ok();
        }
        event.await.is_ok()
    }
}

fn driver(
    session: Arc<Session>,
    inserts: Inserts,
    mut players: Vec<Player>,
    signal: &Signal,
) -> impl Future<Output = hdrhistogram::Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        let count = players.len();
        for turn in (0..count).cycle() {
            let player = &mut players[turn];
            let sent = Instant::now();
            if inserts.write(&session, player).await {
                waiter.acknowledged(1, sent);
            } else {
                waiter.failed();
            }
            if !waiter.goes_on() {
                break;
            }
        }
        waiter.histogram()
    }
}

fn reader(
    log: Arc<CassandraLog>,
    key: SessionKey,
    signal: &Signal,
) -> impl Future<Output = hdrhistogram::Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        while waiter.goes_on() {
            let sent = Instant::now();
            let state = log.session(&key).await.unwrap().unwrap().state().unwrap();
            assert_eq!(state.facts as usize, LONG);
            waiter.acknowledged(1, sent);
        }
        waiter.histogram()
    }
}

async fn scan_range(session: &Session, scan: &PreparedStatement, range: (i64, i64)) -> u64 {
    let (mut rows, mut state) = (0, PagingState::start());
    loop {
        let (page, next) = session.execute_single_page(scan, range, state).await.unwrap();
        let page = page.into_rows_result().unwrap();
        rows += page.rows_num() as u64;
        match next.into_paging_control_flow() {
            std::ops::ControlFlow::Break(()) => return rows,
            std::ops::ControlFlow::Continue(next) => state = next,
        }
    }
}
