//! From the acknowledgement of a fact until the views in Redis have it, beside other facts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use viewlog::actors::{Accounts, Submission};
use viewlog::events::Kind;
use viewlog::projections::{Query, RedisViews, Select, View, ViewStore};

use crate::facts::Player;
use crate::redis::complete;
use crate::relay::unfollowed;

/// Facts that are awaited, one after another.
const CHANGES: usize = 1_000;
/// Sessions whose heartbeats are awaited, and how often each.
const SESSIONS: usize = 100;
const HEARTBEATS: usize = 4;
/// Whose facts come beside them.
const OTHERS: usize = 5_000;

/// A way to record, and the views.
#[derive(Clone)]
struct Node {
    accounts: Accounts,
    views: Arc<RedisViews>,
}

/// Of changes, which are merged at once, and of heartbeats, which are within a second.
pub(crate) async fn to_views(accounts: &Accounts, views: &Arc<RedisViews>, others: usize) {
    let node = Node { accounts: accounts.clone(), views: Arc::clone(views) };
    let players: Vec<_> = (0..OTHERS).map(|number| Player::new(50_000 + number)).collect();
    for player in &players {
        complete(views, &player.account, vec![]).await;
    }
    let load = rt::spawn(unfollowed(accounts.clone(), players, others));
    rt::time::sleep(Duration::from_secs(3)).await;
    let changes = [Kind::Paused, Kind::Resumed];
    let of_changes = node.follow(90_000, (&changes, CHANGES), Duration::from_millis(1)).await;
    print("a pause or the end of one", others, &of_changes);
    let each = (0..SESSIONS).map(|number| {
        let kinds = [Kind::Progressed];
        let node = node.clone();
        async move { node.follow(91_000 + number, (&kinds, HEARTBEATS), 20 * MS).await }
    });
    let mut of_heartbeats = Histogram::new(3).unwrap();
    join_all(each).await.iter().for_each(|one| of_heartbeats.add(one).unwrap());
    print("a heartbeat", others, &of_heartbeats);
    load.abort();
}

const MS: Duration = Duration::from_millis(1);

fn print(what: &str, others: usize, us: &Histogram<u64>) {
    let ms = |quantile: f64| us.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "{what}, acknowledged until in the views, {others} other facts/s: p50 {:.1} ms, \
         p99 {:.1} ms, most {:.1} ms",
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
}

impl Node {
    /// How long so many facts of these kinds took, in microseconds; looked for this often.
    async fn follow(
        &self,
        number: usize,
        (kinds, facts): (&[Kind], usize),
        every: Duration,
    ) -> Histogram<u64> {
        let mut player = Player::new(number);
        complete(&self.views, &player.account, vec![]).await;
        let mut us = Histogram::new(3).unwrap();
        self.record(&mut player, Kind::Started).await;
        for kind in kinds.iter().cycle().take(facts) {
            self.record(&mut player, *kind).await;
            let acknowledged = Instant::now();
            while self.merged(&player).await < Some(u64::from(player.seq) - 1) {
                rt::time::sleep(every).await;
            }
            us.record(u64::try_from(acknowledged.elapsed().as_micros()).unwrap()).unwrap();
        }
        us
    }

    async fn record(&self, player: &mut Player, kind: Kind) {
        let submission = Submission { index: 0, event: player.next_of(kind) };
        let fact = vec![(player.account.clone(), vec![submission])];
        assert_eq!(self.accounts.record(fact).await.recorded, 1);
    }

    /// The number of the newest fact that the views have.
    async fn merged(&self, player: &Player) -> Option<u64> {
        let query = Query { view: View::NOW, scope: None, select: Select::All };
        let pages = self.views.read(&player.account, &[query]).await.unwrap().unwrap();
        pages[0].entries.first().map(|entry| entry.version.0)
    }
}
