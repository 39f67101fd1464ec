//! Views in Redis: plays merged, bytes a play takes, and reads beside plain ones of the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use viewlog::events::{AccountId, Event, Id, SystemClock, fold};
use viewlog::projections::{
    Entry, Query, Recorded, RedisViews, RedisViewsOptions, Select, Target, View, ViewStore, project,
};

use crate::facts::Player;
use crate::load::{Load, Waiter, measure, per_second};
use crate::server::Server;

/// Accounts whose sessions go on, a play each.
const ACCOUNTS: usize = 10_000;
/// What a projector takes from its queue at once.
const BATCH: usize = 1_000;
/// Accounts with a history, and how many plays each has.
const READERS: usize = 200;
const PLAYS: usize = 500;
const IN_FLIGHT: usize = 64;

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(server) = Server::start(7391) else { return };
        let views = server.views();
        space(&server, &views).await;
        reads(&server, &views).await;
        merges(&server, &views).await;
    });
}

impl Server {
    pub(crate) fn views(&self) -> Arc<RedisViews> {
        let options = RedisViewsOptions::default();
        Arc::new(RedisViews::new(self.redis.clone(), options, Arc::new(SystemClock)))
    }

    async fn set(&self, option: &str, value: u32) {
        let mut set = redis::cmd("CONFIG");
        self.redis.run(set.arg("SET").arg(option).arg(value)).await.unwrap();
    }

    /// A figure of INFO.
    async fn figure(&self, name: &str) -> f64 {
        let info = self.redis.run(redis::cmd("INFO").arg("everything")).await.unwrap();
        let info: String = redis::from_redis_value(info).unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().trim().parse().unwrap()
    }

    pub(crate) async fn cpu_s(&self) -> f64 {
        self.figure("used_cpu_user").await + self.figure("used_cpu_sys").await
    }
}

/// What a session of two heartbeats a minute comes to, as entries of every view.
fn entries(player: &mut Player, facts: usize, title: &str) -> Vec<Entry> {
    let mut events: Vec<Event> = (0..facts).map(|_| player.next()).collect();
    for event in &mut events {
        event.fact.about.as_mut().unwrap().title = Some(Id::new(title).unwrap());
    }
    project(&Recorded::Session(&fold(None, &events).unwrap()))
}

pub(crate) async fn complete(views: &RedisViews, account: &AccountId, entries: Vec<Entry>) {
    let mut fill = views.begin_fill(account, Target::Live).await.unwrap().unwrap();
    assert!(views.fill(&mut fill, entries).await.unwrap());
    assert!(views.end_fill(fill, true).await.unwrap());
}

fn reader(number: usize) -> AccountId {
    Id::new(&format!("reader-{number:06}")).unwrap()
}

/// Bytes of a play, with all that finds it.
async fn space(server: &Server, views: &RedisViews) {
    filled(server, views, "reader", PLAYS).await;
    for plays in [20, 100] {
        filled(server, views, &format!("usual-{plays}"), plays).await;
    }
    server.set("zset-max-listpack-entries", 512).await;
    println!("with zset-max-listpack-entries 512:");
    filled(server, views, "compact", PLAYS).await;
    server.set("zset-max-listpack-entries", 128).await;
}

/// Fills accounts with so many plays each, all of other titles.
async fn filled(server: &Server, views: &RedisViews, name: &str, count: usize) {
    let before = server.figure("used_memory").await;
    let mut state_bytes = 0;
    for number in 0..READERS {
        let plays = (0..count).flat_map(|play| {
            let mut player = Player::new(number * PLAYS + play);
            entries(&mut player, 40, &format!("tt0944947:s{}e{}", play / 20, play % 20))
        });
        let plays: Vec<Entry> = plays.filter(|entry| entry.view == View::PLAYS).collect();
        state_bytes = plays.first().map_or(0, |play| play.value.len());
        complete(views, &Id::new(&format!("{name}-{number:06}")).unwrap(), plays).await;
    }
    let bytes = server.figure("used_memory").await - before;
    let plays = per_second((READERS * count) as u64, Duration::from_secs(1));
    println!(
        "space: {:.0} bytes a play, of which its state {state_bytes}; {READERS} accounts of \
         {count} plays",
        bytes / plays
    );
}

/// A resume point's two queries, beside plain reads on the same connection.
async fn reads(server: &Server, views: &Arc<RedisViews>) {
    let value = vec![b'x'; 120];
    server.redis.run(redis::cmd("SET").arg("plain").arg(&value)).await.unwrap();
    let redis = server.redis.clone();
    let begun = (Instant::now(), server.cpu_s().await);
    let plain = many(IN_FLIGHT, move |_| {
        let redis = redis.clone();
        async move { redis.run(redis::cmd("GET").arg("plain")).await.is_ok() }
    })
    .await;
    plain.print(&format!("GET of 120 bytes, {IN_FLIGHT} in flight"));
    core(server, begun, &plain).await;
    let views = Arc::clone(views);
    let begun = (Instant::now(), server.cpu_s().await);
    let resumes = many(IN_FLIGHT, move |turn| {
        let views = Arc::clone(&views);
        async move {
            let title = format!("tt0944947:s{}e{}", turn % 25, turn % 20);
            let query = |view| Query {
                view,
                scope: Some(Id::new("anna").unwrap()),
                select: Select::Labelled(title.clone().into_bytes().into()),
            };
            let queries = [query(View::PLAYS), query(View::MARKS)];
            let read = views.read(&reader(turn % READERS), &queries).await.unwrap();
            read.is_some_and(|pages| pages[0].entries.len() == 1)
        }
    })
    .await;
    resumes.print(&format!("the reads of a resume point, {IN_FLIGHT} in flight"));
    core(server, begun, &resumes).await;
    println!("  a resume point : a plain read = {:.2}", resumes.facts_per_s / plain.facts_per_s);
}

/// Sessions that go on, merged as a projector does.
async fn merges(server: &Server, views: &Arc<RedisViews>) {
    let mut players = Player::many(ACCOUNTS);
    for player in &mut players {
        let begun = entries(player, 2, "tt0944947:s1e3");
        complete(views, &player.account, begun).await;
    }
    let states: Vec<_> = players.iter().map(|player| grown(player, 40)).collect();
    let alone = states.iter().map(|(account, entries)| {
        let plays = entries.iter().filter(|entry| entry.view == View::PLAYS);
        (account.clone(), plays.cloned().collect::<Vec<_>>())
    });
    let (alone, states) = (Arc::new(alone.collect::<Vec<_>>()), Arc::new(states));
    let newer = Arc::new(AtomicU64::new(1_000));
    let all = [
        (1, "each with its now entry", &states),
        (4, "each with its now entry", &states),
        (1, "alone", &alone),
        (4, "alone", &alone),
    ];
    for (at_once, what, states) in all {
        let begun = (Instant::now(), server.cpu_s().await);
        let load = measure(|signal| {
            let merger = |number: usize| {
                let mut waiter = Waiter::new(signal);
                let (views, states) = (Arc::clone(views), Arc::clone(states));
                let newer = Arc::clone(&newer);
                async move {
                    for batch in states.chunks(BATCH).cycle().skip(number) {
                        let batch = newer_still(batch, newer.fetch_add(1, Ordering::Relaxed));
                        let sent = Instant::now();
                        match views.merge(batch).await {
                            Ok(()) => waiter.acknowledged(BATCH as u64, sent),
                            Err(_) => waiter.failed(),
                        }
                        if !waiter.goes_on() {
                            break;
                        }
                    }
                    waiter.histogram()
                }
            };
            (0..at_once).map(merger).collect()
        })
        .await;
        load.print(&format!("plays merged, {what}, {at_once} batches at once"));
        core(server, begun, &load).await;
    }
}

/// An account's session after so many facts.
fn grown(player: &Player, facts: usize) -> (AccountId, Vec<Entry>) {
    let mut fresh = Player::new(player.number());
    let mut entries = entries(&mut fresh, facts, "tt0944947:s1e3");
    for entry in &mut entries {
        // The session that the account began with.
        entry.key = bytes::Bytes::copy_from_slice(player.session.as_bytes());
    }
    (player.account.clone(), entries)
}

/// The same with another heartbeat: a greater version, moved later.
fn newer_still(batch: &[(AccountId, Vec<Entry>)], version: u64) -> Vec<(AccountId, Vec<Entry>)> {
    let mut batch = batch.to_vec();
    for entry in batch.iter_mut().flat_map(|(_, entries)| entries) {
        entry.version.0 = version;
        entry.rank = entry.rank.map(|rank| rank + i64::try_from(version).unwrap());
    }
    batch
}

async fn many<F: Future<Output = bool> + Send>(
    in_flight: usize,
    ask: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Load {
    measure(|signal| {
        let asker = |number: usize| {
            let (mut waiter, ask) = (Waiter::new(signal), ask.clone());
            async move {
                for turn in (number * 97)..usize::MAX {
                    let sent = Instant::now();
                    if ask(turn).await {
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
        };
        (0..in_flight).map(asker).collect()
    })
    .await
}

/// What a core of Redis does alone: what was done by the part of a core that it had.
pub(crate) async fn core(server: &Server, (since, cpu_s): (Instant, f64), load: &Load) {
    let share = (server.cpu_s().await - cpu_s) / since.elapsed().as_secs_f64();
    println!("  redis had {share:.2} of a core: {:.0}/s of one", load.facts_per_s / share);
}
