//! Folding everything again: a log of many accounts, page-cache hot.

use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;
use viewlog::actors::{Accounts, Submission, System};
use viewlog::events::codec::{decode_event, encode_event};
use viewlog::events::{Append, EventLog, SystemClock, fold};
use viewlog::projections::{
    MemoryViews, MemoryViewsOptions, Progress, Rebuild, ViewStore, rebuild,
};

use crate::RUN;
use crate::cassandra::Store;
use crate::facts::Player;
use crate::in_process::{Node, system_on};
use crate::load::per_second;
use crate::server::{Cassandra, Server as Redis};

const ACCOUNTS: usize = 10_000;
const FACTS: usize = 200;

pub(crate) fn run() {
    actix_rt::System::new().block_on(async {
        let node = Node::start();
        fill(&node.system, &mut Player::many(ACCOUNTS), FACTS).await;
        let log = Arc::clone(&node.log) as Arc<dyn EventLog>;
        let views =
            Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::new(SystemClock)));
        for pass in ["first", "second"] {
            let (events, rate) = rebuilt(&log, views.clone(), node.system.accounts()).await;
            println!("rebuild, {pass} pass: {events} events, {rate:.0} events/s on all cores");
        }
        node.system.stop().await;
    });
    decode_and_fold();
}

/// Rebuilds everything; how many events that were, and how many a second.
async fn rebuilt(
    log: &Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    accounts: &Accounts,
) -> (u64, f64) {
    let accounts = accounts.clone();
    let work = Rebuild {
        log: Arc::clone(log),
        views,
        clock: Arc::new(SystemClock),
        renew: Box::new(move |account, week| {
            let accounts = accounts.clone();
            Box::pin(async move { accounts.renew(account, week).await.is_ok() })
        }),
    };
    let begun = Instant::now();
    let events = rebuild(work, Arc::new(Progress::default())).await.unwrap().events;
    (events, per_second(events, begun.elapsed()))
}

/// A fleet's rebuild, into views in Redis, beside a scan of the same rows by the bare driver, and
/// the bytes that the rows take.
pub(crate) fn of_fleet(redis: &Redis, cassandra: &Cassandra, runtime: &Runtime) {
    for household in [
        Household { keyspace: "weeks", accounts: 1_000, sessions: 20, facts: 50 },
        Household { keyspace: "evenings", accounts: 10_000, sessions: 1, facts: 20 },
    ] {
        let store = runtime.block_on(Store::make(cassandra, household.keyspace));
        let log = Arc::clone(&store.log) as Arc<dyn EventLog>;
        let household = &household;
        runtime.block_on(async {
            let accounts = (0..household.accounts).map(|account| household.record(&log, account));
            stream::iter(accounts).buffer_unordered(64).collect::<()>().await;
        });
        println!("{household:?}:");
        household.compact(cassandra);
        runtime.block_on(store.scan());
        let scan = runtime.block_on(store.scan());
        let system = actix_rt::System::new();
        let actors = system.block_on(async { system_on(Arc::clone(&log)) });
        let accounts = actors.accounts().clone();
        for what in ["that writes every snapshot", "that finds them written", "once more"] {
            let views = redis.views();
            let (events, rate) = runtime.block_on(rebuilt(&log, views, &accounts));
            println!("rebuild {what}: {events} events, {rate:.0} events/s");
            println!("  events rebuilt : rows scanned = {:.2}", rate / scan);
        }
        system.block_on(actors.stop());
        household.print_space(cassandra);
    }
}

/// What a household plays in a week, and how many there are of it.
#[derive(Debug)]
struct Household {
    keyspace: &'static str,
    accounts: usize,
    sessions: usize,
    facts: usize,
}

impl Household {
    /// As rows that nobody wrote a snapshot of.
    async fn record(&self, log: &Arc<dyn EventLog>, account: usize) {
        let mut append = Append::new(Player::new(account).account);
        for session in 0..self.sessions {
            let mut player = Player::in_fleet(200_000 + account * self.sessions + session);
            append.weeks = vec![player.session.week()];
            append.events.extend((0..self.facts).map(|_| player.next_row()));
        }
        log.append(&append).await.unwrap();
    }

    fn compact(&self, cassandra: &Cassandra) {
        cassandra.nodetool(&["flush", self.keyspace]);
        cassandra.nodetool(&["compact", self.keyspace]);
    }

    /// Bytes on disk, snapshots included.
    fn print_space(&self, cassandra: &Cassandra) {
        self.compact(cassandra);
        let events = self.accounts * self.sessions * self.facts;
        for table in ["events", "snapshots", "account_weeks"] {
            let said = cassandra.nodetool(&["tablestats", &format!("{}.{table}", self.keyspace)]);
            let live =
                said.lines().find_map(|line| line.trim().strip_prefix("Space used (live): "));
            let bytes: u64 = live.unwrap().parse().unwrap();
            #[expect(clippy::cast_precision_loss, reason = "a ratio for people to read")]
            let each = bytes as f64 / events as f64;
            println!("{table}: {bytes} bytes on disk, {each:.1} for each event");
        }
    }
}

/// What a rebuild does with rows once they are read, on one core.
fn decode_and_fold() {
    let mut player = Player::new(0);
    let session = player.session;
    let rows: Vec<_> = (0..FACTS)
        .map(|_| player.next())
        .map(|event| (event.order, encode_event(&event)))
        .collect();
    let (begun, mut sessions) = (Instant::now(), 0);
    while begun.elapsed() < RUN {
        let events: Vec<_> =
            rows.iter().map(|(order, row)| decode_event(session, *order, row).unwrap()).collect();
        assert_eq!(fold(None, &events).unwrap().facts as usize, FACTS);
        sessions += 1;
    }
    let rate = per_second(sessions * FACTS as u64, begun.elapsed());
    println!("decoding and folding rows, one core: {rate:.0} events/s");
}

/// Records `facts` facts of each player, a session and an account each.
pub(crate) async fn fill(system: &System, players: &mut [Player], facts: usize) {
    for players in players.chunks_mut(50) {
        for _ in 0..facts.div_ceil(100) {
            let batch = players.iter_mut().map(|player| {
                let facts = (0..100.min(facts)).map(|index| Submission {
                    index: player.number() * 1_000 + index,
                    event: player.next(),
                });
                let facts = facts.collect();
                (player.account.clone(), facts)
            });
            let outcome = system.accounts().record(batch.collect()).await;
            assert!(outcome.refused.is_empty(), "{:?}", outcome.refused.first());
        }
    }
}
