//! Views in Redis beyond the contract that all stores keep: what is lost and found again, what
//! nodes do to each other, what happens while Redis is away.

mod away;
mod failover;
mod feeds;
mod gathered;
mod lags;
mod loss;
mod positions;
mod proof;
mod relay;
mod sharing;
mod signals;
mod together;
mod versions;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use viewlog::events::{AccountId, Clock, ManualClock, State, fold};
use viewlog::projections::{
    Entry, Fill, Page, Query, Redis, RedisOptions, RedisViews, RedisViewsOptions, Select, Target,
    Version, View, ViewStore,
};

use crate::servers::{self, OwnRedis};
use crate::support::{at, home, id, session, watch};

/// The way to the server that those tests share which leave others alone.
fn shared_redis() -> Option<&'static Redis> {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    let server = servers::redis()?;
    Some(SHARED.get_or_init(|| way(&server.url())))
}

/// The cluster that tests share, and the way to it.
fn shared_cluster() -> Option<&'static (OwnRedis, Redis)> {
    static SHARED: OnceLock<Option<(OwnRedis, Redis)>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let cluster = OwnRedis::cluster()?;
        let redis = way(&cluster.url());
        Some((cluster, redis))
    });
    shared.as_ref()
}

/// With bounds for machines that have much else to do.
pub(crate) fn way(url: &str) -> Redis {
    let (response_timeout, connect_timeout) = (Duration::from_secs(10), Duration::from_secs(10));
    let pause = Duration::from_millis(20);
    let options =
        RedisOptions { response_timeout, connect_timeout, pause, ..RedisOptions::default() };
    Redis::new(&url.parse().unwrap(), options).unwrap()
}

/// What no other test's keys begin with.
pub(crate) fn fresh_prefix() -> String {
    format!("test-{:016x}-", rand::random::<u64>())
}

/// Empty views on the server that tests share.
pub(crate) fn shared(plays_max: usize, clock: &Arc<ManualClock>) -> Option<RedisViews> {
    shared_under(&fresh_prefix(), plays_max, clock)
}

/// Views on the server that tests share, under a prefix that several may have.
pub(crate) fn shared_under(
    prefix: &str,
    plays_max: usize,
    clock: &Arc<ManualClock>,
) -> Option<RedisViews> {
    Some(views(shared_redis()?.clone(), prefix, plays_max, clock))
}

/// Empty views on a cluster of three.
pub(crate) fn clustered(plays_max: usize, clock: &Arc<ManualClock>) -> Option<RedisViews> {
    Some(views(shared_cluster()?.1.clone(), &fresh_prefix(), plays_max, clock))
}

fn views(
    redis: Redis,
    prefix: &str,
    plays_per_profile_max: usize,
    clock: &Arc<ManualClock>,
) -> RedisViews {
    let prefix = prefix.to_owned();
    let options =
        RedisViewsOptions { prefix, plays_per_profile_max, ..RedisViewsOptions::default() };
    RedisViews::new(redis, options, Arc::clone(clock) as Arc<dyn Clock>)
}

/// Views on a server of the test's own.
fn views_on(server: &OwnRedis) -> RedisViews {
    views(way(&server.url()), "own-", usize::MAX, &clock())
}

fn views_idle(server: &OwnRedis, idle: Duration) -> RedisViews {
    let options = RedisViewsOptions { idle, ..RedisViewsOptions::default() };
    RedisViews::new(way(&server.url()), options, clock())
}

/// What a server answers to a command that an operator gives it.
fn told<T: redis::FromRedisValue>(server: &OwnRedis, words: &[&str]) -> T {
    told_at(&server.url(), words)
}

/// The same of the server at an address, which may be one of a cluster.
fn told_at<T: redis::FromRedisValue>(url: &str, words: &[&str]) -> T {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_connection().unwrap();
    let (first, others) = words.split_first().unwrap();
    redis::cmd(first).arg(others).query(&mut connection).unwrap()
}

/// How many keys there are of such names.
fn keys(server: &OwnRedis, pattern: &str) -> usize {
    told::<Vec<Vec<u8>>>(server, &["KEYS", pattern]).len()
}

/// How many scripts a server has run by their names.
fn scripts_run(server: &OwnRedis) -> u32 {
    let stats: String = told(server, &["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    calls.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

/// Takes away one of all keys, by its place among their names, counted from 1; its name.
fn lose_key(server: &OwnRedis, place: usize) -> Vec<u8> {
    let lose = "local keys = redis.call('keys', '*') table.sort(keys)
                local lost = keys[tonumber(ARGV[1])]
                return {lost, redis.call('del', lost)}";
    let (lost, count): (Vec<u8>, u32) = told(server, &["EVAL", lose, "0", &place.to_string()]);
    assert_eq!(count, 1);
    lost
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(0)))
}

fn play(key: u8, version: u64, value: &str) -> Entry {
    Entry {
        view: View::PLAYS,
        scope: Some(id("anna")),
        key: Bytes::copy_from_slice(&[key]),
        version: Version(version, 0),
        rank: Some(i64::from(key)),
        label: Bytes::from_static(b"t"),
        value: Bytes::copy_from_slice(value.as_bytes()),
        expires_at: None,
    }
}

fn query(select: Select) -> Query {
    Query { view: View::PLAYS, scope: Some(id("anna")), select }
}

/// Every way to ask for all plays.
fn all_ways() -> [Query; 3] {
    [
        query(Select::All),
        query(Select::Ranked { below: None, limit: 1_000 }),
        query(Select::Labelled(Bytes::from_static(b"t"))),
    ]
}

/// Anna's session after so many of 100 facts ten seconds apart; all of them, and it is over.
fn state(number: u128, facts: usize) -> State {
    fold(None, &watch(session(number), 100)[..facts]).unwrap()
}

async fn filled(store: &RedisViews, account: &AccountId, entries: Vec<Entry>) {
    let mut fill = begun(store, account).await;
    assert!(store.fill(&mut fill, entries).await.unwrap());
    assert!(store.end_fill(fill, true).await.unwrap());
}

async fn begun(store: &RedisViews, account: &AccountId) -> Fill {
    store.begin_fill(account, Target::Live).await.unwrap().unwrap()
}

async fn merge(store: &RedisViews, entry: Entry) {
    store.merge(vec![(home(), vec![entry])]).await.unwrap();
}

/// The values of all plays; none when the log is to be asked.
async fn values(store: &RedisViews) -> Option<Vec<String>> {
    values_of(store, &home()).await
}

/// The same of any account.
async fn values_of(store: &RedisViews, account: &AccountId) -> Option<Vec<String>> {
    let pages = store.read(account, &[query(Select::All)]).await.unwrap()?;
    Some(texts(&pages[0]))
}

fn texts(page: &Page) -> Vec<String> {
    page.entries.iter().map(|found| String::from_utf8(found.value.to_vec()).unwrap()).collect()
}
