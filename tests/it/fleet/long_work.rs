//! A rebuild and a verification over a fleet: the node that does it is killed in the middle,
//! another goes on, and players report all the while.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use scylla::client::session::Session;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_blocking};
use viewlog::events::SessionId;

use super::load::{Habits, Load, is_well, nothing_is_lost};
use super::{Fleet, asked, done, fact};
use crate::binary::{Served, err, finish_within, out, said, viewlog};
use crate::servers::{OwnRedis, cassandra};
use crate::support::{at, within};

const HOUSEHOLDS: u128 = 1_600;
const FACTS: u64 = 3;
/// A loaded machine is slow.
const DONE_WITHIN: Duration = Duration::from_secs(180);

/// Households that are recorded, and then left alone.
async fn recorded(node: &Served) {
    let client = crate::support::client();
    let numbers: Vec<u128> = (0..HOUSEHOLDS).collect();
    for some in numbers.chunks(400) {
        let facts = some.iter().flat_map(|number| (0..FACTS).map(move |seq| of(*number, seq)));
        let facts: Vec<Value> = facts.collect();
        let url = format!("{}/v1/events", node.url);
        let answer = client.post(url).json(&json!({ "events": facts })).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["recorded"], facts.len(), "{answer}");
    }
}

fn of(number: u128, seq: u64) -> Value {
    let mut fact = fact(SessionId::derived(at(0), number), seq * 20);
    fact["seq"] = seq.into();
    fact["kind"] = if seq == 0 { "started" } else { "progressed" }.into();
    fact["account"] = household(number).into();
    fact
}

fn household(number: u128) -> String {
    format!("quiet-{number}")
}

/// Some of them, whose views somebody reads.
fn some() -> impl Iterator<Item = u128> {
    (0..HOUSEHOLDS).step_by(97)
}

fn resume(node: &Served, number: u128) -> String {
    format!("{}/v1/accounts/{}/profiles/anna/resume/film", node.url, household(number))
}

/// The ranges of accounts of which a rebuild has noted how far it is.
async fn checkpoints(session: &Session, fleet: &Fleet) -> BTreeSet<String> {
    let keyspace = fleet.log.rsplit('/').next().unwrap();
    let select = format!("SELECT name FROM {keyspace}.notes");
    let rows = session.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
    let names = rows.rows::<(String,)>().unwrap().map(|row| row.unwrap().0);
    names.filter(|name| name.starts_with("rebuild")).collect()
}

async fn begun(node: &Served, work: &str) {
    let url = format!("{}/v1/system/{work}", node.url);
    let begun = crate::support::client().post(url).send().await.unwrap();
    assert_eq!(begun.status(), 202, "{work}");
}

async fn job(node: &Served, kind: &str) -> Value {
    asked(&format!("{}/v1/system/jobs/{kind}", node.url)).await
}

/// A command that waits for the node's long work.
fn followed(node: &Served, arguments: &'static [&'static str]) -> JoinHandle<Output> {
    let server = node.url.clone();
    spawn_blocking(move || {
        finish_within(viewlog().args(arguments).args(["--server", &server]), DONE_WITHIN)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_killed_under_load_goes_on_at_another_node_where_it_stopped() {
    let Some(fleet) = Fleet::begin() else { return };
    let past = cassandra().unwrap().session().await;
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, second) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    recorded(&first).await;
    for number in some() {
        let is_there = async || asked(&resume(&first, number)).await["source"] == "views";
        within(DONE_WITHIN, "its views are there", is_there).await;
    }
    let habits = Habits { players: 8, ..Habits::of("home") };
    let load = Load::begin(&habits, &[&first.url, &second.url]);
    load.goes_on(50).await;

    let system = async |node: &Served| asked(&format!("{}/v1/system", node.url)).await;
    let read_before = system(&second).await["generation"].as_u64().unwrap();
    begun(&first, "rebuild").await;
    assert_eq!(system(&second).await["rebuild"]["state"], "running", "as any node knows");
    let is_noted = async || !checkpoints(&past, &fleet).await.is_empty();
    within(DONE_WITHIN, "some of it is noted", is_noted).await;
    first.kill();
    let followed = followed(&second, &["rebuild"]);
    let noted = checkpoints(&past, &fleet).await;
    assert!(noted.len() < 16, "it was killed in the middle: {noted:?}");
    load.goes_on(50).await;
    let followed = followed.await.unwrap();
    assert_eq!(followed.status.code(), Some(0), "{}", said(&followed));
    assert!(err(&followed).contains("the node that was at it is gone"), "{}", said(&followed));
    assert!(out(&followed).starts_with("rebuild done: "), "{}", said(&followed));
    let went_on = job(&second, "rebuild").await;
    let (folded, total) = (went_on["done"].as_u64().unwrap(), went_on["total"].as_u64().unwrap());
    assert!(0 < folded && folded < total, "what was noted was not done again: {went_on}");
    assert_eq!(checkpoints(&past, &fleet).await, BTreeSet::new());
    assert!(system(&second).await["generation"].as_u64().unwrap() > read_before);

    begun(&second, "verify").await;
    let is_at_it = async || job(&second, "verify").await["done"] != 0;
    within(DONE_WITHIN, "it is at it", is_at_it).await;
    load.goes_on(50).await;
    let (players, tally) = load.end().await;
    tally.say("a rebuild killed and gone on with");
    second.kill();
    let third = fleet.node(data[1].path());
    nothing_is_lost(&players, &third.url).await;
    is_well(&players, &third.url).await;
    for number in some() {
        let found = asked(&resume(&third, number)).await;
        let expected = (&json!("views"), &json!((FACTS - 1) * 20_000));
        assert_eq!((&found["source"], &found["position_ms"]), expected, "rebuilt by whichever");
    }
    done(&third.url, &["verify"]);
    assert_eq!(third.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_waits_for_a_redis_that_goes_away_and_comes_back() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    recorded(&node).await;
    begun(&node, "rebuild").await;
    let is_at_it = async || job(&node, "rebuild").await["done"] != 0;
    within(DONE_WITHIN, "it is at it", is_at_it).await;
    redis.kill(1);
    let is_away = async || asked(&format!("{}/v1/system", node.url)).await["views"]["ok"] == false;
    within(DONE_WITHIN, "Redis is away", is_away).await;
    assert_eq!(job(&node, "rebuild").await["state"], "running");
    redis.start_again(1);
    let is_done = async || job(&node, "rebuild").await["state"] == "done";
    within(DONE_WITHIN, "it is done", is_done).await;
    for number in some() {
        let found = asked(&resume(&node, number)).await;
        let expected = (&json!("views"), &json!((FACTS - 1) * 20_000));
        assert_eq!((&found["source"], &found["position_ms"]), expected);
    }
    done(&node.url, &["verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_killed_in_the_middle_costs_nothing_and_another_node_ends_it() {
    const COMPACT: &[&str] = &["compact", "--older-than", "0d"];
    let Some(fleet) = Fleet::begin() else { return };
    let past = cassandra().unwrap().session().await;
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, second) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    recorded(&first).await;
    begun(&first, "compact?older_than_days=0").await;
    let is_at_it = async || job(&second, "compact").await["done"] != 0;
    within(DONE_WITHIN, "it is at it", is_at_it).await;
    first.kill();
    let left = rows(&past, &fleet, "events").await;
    assert!(left > 0, "it was killed in the middle");
    let followed = followed(&second, COMPACT).await.unwrap();
    assert_eq!(followed.status.code(), Some(0), "{}", said(&followed));
    // What was written of a session before it is taken by the next one.
    done(&second.url, COMPACT);
    assert_eq!(rows(&past, &fleet, "events").await, 0, "of {left}");
    assert_eq!(rows(&past, &fleet, "snapshots").await, HOUSEHOLDS);
    for number in 0..HOUSEHOLDS {
        let found = asked(&resume(&second, number)).await;
        assert_eq!(found["position_ms"], json!((FACTS - 1) * 20_000), "{number}: {found}");
    }
    done(&second.url, &["verify"]);
    assert_eq!(second.terminate(), Some(0));
}

async fn rows(session: &Session, fleet: &Fleet, table: &str) -> u128 {
    let keyspace = fleet.log.rsplit('/').next().unwrap();
    let select = format!("SELECT COUNT(*) FROM {keyspace}.{table}");
    let rows = session.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
    u128::try_from(rows.first_row::<(i64,)>().unwrap().0).unwrap()
}
