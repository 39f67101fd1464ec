//! A Redis that loses everything while players report, and a rebuild that brings all of it back.

use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::load::{Habits, Load, is_well, nothing_is_lost};
use super::{Fleet, asked, done, fact};
use crate::binary::Served;
use crate::servers::OwnRedis;
use crate::support::at;

const FLUSHES: usize = 5;
const HOUSEHOLDS: u128 = 200;
const FACTS: u64 = 3;

fn resume(node: &Served, household: u128) -> String {
    format!("{}/v1/accounts/quiet-{household}/profiles/anna/resume/film", node.url)
}

/// Households that watched, and of which nobody asks.
async fn recorded(node: &Served) {
    let facts = (0..HOUSEHOLDS).flat_map(|number| {
        (0..FACTS).map(move |seq| {
            let mut fact = fact(SessionId::derived(at(0), number), seq);
            fact["account"] = json!(format!("quiet-{number}"));
            fact["position_ms"] = json!(seq * 20_000);
            fact["at"] = json!(at(i64::try_from(seq).unwrap() * 20));
            fact
        })
    });
    let facts: Vec<Value> = facts.collect();
    let url = format!("{}/v1/events", node.url);
    let sent = crate::support::client().post(url).json(&json!({ "events": facts })).send().await;
    let answer: Value = sent.unwrap().json().await.unwrap();
    assert_eq!(answer["recorded"], facts.len(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_flushed_under_load_costs_nothing_and_a_rebuild_restores_all_of_it() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, second) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    recorded(&first).await;
    let load = Load::begin(&Habits::of("home"), &[&first.url, &second.url]);
    load.goes_on(100).await;
    for _ in 0..FLUSHES {
        redis.flush();
        for node in [&first, &second] {
            let answer = asked(&resume(node, 7)).await;
            assert_eq!(answer["position_ms"], (FACTS - 1) * 20_000, "{answer}");
        }
        load.goes_on(100).await;
    }
    let (players, tally) = load.end().await;
    tally.say("Redis flushed again and again");
    assert_eq!(tally.refused, 0, "{tally:?}");
    nothing_is_lost(&players, &second.url).await;
    is_well(&players, &first.url).await;

    redis.flush();
    done(&second.url, &["rebuild"]);
    for number in 0..HOUSEHOLDS {
        let answer = asked(&resume(&first, number)).await;
        let found = (&answer["source"], &answer["position_ms"]);
        assert_eq!(found, (&json!("views"), &json!((FACTS - 1) * 20_000)), "{answer}");
    }
    done(&first.url, &["verify"]);
}
