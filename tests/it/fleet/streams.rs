//! The streams between nodes that collect and nodes that process, when processors die, stand still
//! or are not there, and when streams are cut off or gone.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use futures_util::future::join_all;
use redis::Connection;
use serde_json::{Value, json};
use viewlog::events::{Clock, SessionId, Slice, SystemClock};
use viewlog::projections::{Position, RedisViews, RedisViewsOptions, ViewStore};

use super::roles::{Part, facts, turn};
use super::{Fleet, asked, done, fact};
use crate::redis_views::way;
use crate::servers::OwnRedis;
use crate::support::{at, eventually};

/// A provider whose views of the household are complete and hold the first facts.
async fn begun(fleet: &Fleet) -> (Part, Part, Part) {
    let (collect, process) = (Part::of(fleet, "collect"), Part::of(fleet, "process"));
    let provide = Part::of(fleet, "provide");
    collect.record(&facts(0, 20)).await;
    provide.answers_from_views(19_000).await;
    eventually("nothing waits", async || collect.signals().await["waiting"] == 0).await;
    (collect, process, provide)
}

/// Freezes a processor while signals come, and says whether it owes some.
async fn frozen(collect: &Part, process: &Part, redis: &mut Connection) -> bool {
    let published = async || collect.signals().await["published"].as_u64();
    let come = async || {
        let before = published().await;
        eventually("signals come", async || published().await > before).await;
    };
    come().await;
    process.node.pause();
    // What it said before, Redis has heard when it has heard of more.
    come().await;
    let is_owed = is_owed(redis);
    // It may have been frozen between two reads.
    if !is_owed {
        process.node.resume();
    }
    is_owed
}

/// Whether somebody read what nobody has merged.
fn is_owed(redis: &mut Connection) -> bool {
    (0..16).any(|number| {
        let mut pending = redis::cmd("XPENDING");
        pending.arg(format!("vlsignals:{{{number}}}")).arg("process");
        let (count, ..): (u64, redis::Value, redis::Value, redis::Value) =
            pending.query(redis).unwrap();
        count > 0
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_processor_had_read_another_merges() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let (collect, process, provide) = begun(&fleet).await;
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let seq = Cell::new(20);
    eventually("it has read something that it does not merge", async || {
        let is_owed = OnceCell::new();
        let recording = async {
            while is_owed.get().is_none() {
                let from = seq.replace(seq.get() + 10);
                let mut watched = facts(from, seq.get());
                // What begins is signalled at once.
                let mut begins = fact(SessionId::derived(at(0), from.into()), 0);
                begins["title"] = "other".into();
                watched.push(begins);
                collect.record(&watched).await;
            }
        };
        let freezing =
            async { is_owed.set(frozen(&collect, &process, &mut connection).await).unwrap() };
        tokio::join!(recording, freezing);
        is_owed == true.into()
    })
    .await;
    let seq = seq.get();
    let Part { node, .. } = process;
    node.kill();
    let heir = Part::of(&fleet, "process");
    provide.answers_from_views((seq - 1) * 1_000).await;
    eventually("nothing is left", async || {
        let signals = heir.signals().await;
        (&signals["waiting"], &signals["pending"]) == (&json!(0), &json!(0))
    })
    .await;
    assert!(heir.signals().await["claimed"].as_u64().unwrap() > 0);
    assert_eq!(heir.signals().await["lost"], 0);
    done(&heir.node.url, &["verify"]);
    heir.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_cut_off_is_noticed_and_healed_by_a_sweep() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let (collect, process, provide) = begun(&fleet).await;
    process.stop();
    collect.record(&facts(20, 30)).await;
    eventually("it waits", async || collect.signals().await["waiting"].as_u64() > Some(0)).await;
    let resume = provide.url("/v1/accounts/home/profiles/anna/resume/film");
    eventually("answers say that they may be old", async || asked(&resume).await["stale"] == true)
        .await;
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    cut_off(&mut connection);
    let process = Part::of(&fleet, "process");
    eventually("it is found", async || {
        let mut lost = 0;
        for part in [&collect, &process, &provide] {
            lost += part.signals().await["lost"].as_u64().unwrap();
        }
        lost > 0
    })
    .await;
    let answer = asked(&resume).await;
    assert_eq!((&answer["source"], &answer["position_ms"]), (&json!("views"), &json!(19_000)));
    assert_eq!(answer["stale"], true, "{answer}");
    done(&process.node.url, &["sweep", "--from", "1h"]);
    provide.answers_from_views(29_000).await;
    done(&process.node.url, &["verify"]);
    all_is_swept(&redis).await;
    eventually("answers are of now", async || asked(&resume).await["stale"] == false).await;
}

/// As a node that processes will say some twelve minutes later.
async fn all_is_swept(redis: &OwnRedis) {
    let clock = Arc::new(SystemClock);
    let views = RedisViews::new(way(&redis.url()), RedisViewsOptions::default(), clock);
    for slice in Slice::all() {
        views.advance(slice, Position::Swept, SystemClock.now()).await.unwrap();
    }
}

/// As an operator does who wants room.
fn cut_off(connection: &mut Connection) {
    for number in 0..16 {
        let mut trim = redis::cmd("XTRIM");
        trim.arg(format!("vlsignals:{{{number}}}")).arg("MAXLEN").arg(0);
        trim.exec(connection).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flush_the_streams_are_made_anew_and_all_goes_on() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let (collect, process, provide) = begun(&fleet).await;
    for round in 2..5 {
        redis.flush();
        collect.record(&facts(round * 10, round * 10 + 10)).await;
        provide.answers_from_views((round * 10 + 9) * 1_000).await;
    }
    // Merged into views that are complete, and not found by the fill.
    let before = process.signals().await["acknowledged"].as_u64().unwrap();
    collect.record(&facts(50, 60)).await;
    provide.answers_from_views(59_000).await;
    eventually("it went by the streams", async || {
        process.signals().await["acknowledged"].as_u64().unwrap() > before
    })
    .await;
    done(&process.node.url, &["verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_signals_wait_where_they_are_and_go_on_when_it_is_back() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let (collect, process, provide) = begun(&fleet).await;
    redis.kill(1);
    collect.record(&facts(20, 30)).await;
    redis.start_again(1);
    provide.answers_from_views(29_000).await;
    collect.record(&facts(30, 40)).await;
    provide.answers_from_views(39_000).await;
    done(&process.node.url, &["verify"]);
}

const PLAYERS: u128 = 12;
const FACTS: u64 = 60;

async fn reported(account: String, session: SessionId, parts: [&Part; 2]) {
    let client = crate::support::client();
    for seq in 0..FACTS {
        let part = parts[usize::try_from(seq % 2).unwrap()];
        let url = part.url(&format!("/v1/accounts/{account}/events"));
        let sent = client.post(url).json(&fact(session, seq)).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_collect_two_process_and_one_provides_what_is_so() {
    let _turn = turn().await;
    let Some(fleet) = Fleet::begin() else { return };
    let parts = ["collect", "collect", "process", "process", "provide"];
    let [one, other, first, second, provide] = parts.map(|role| Part::of(&fleet, role));
    let players: Vec<(String, SessionId)> = (0..PLAYERS)
        .map(|number| (format!("house-{}", number % 5), SessionId::derived(at(0), number)))
        .collect();
    for (account, _) in &players {
        let now = provide.url(&format!("/v1/accounts/{account}/now"));
        eventually("views are complete", async || asked(&now).await["source"] == "views").await;
    }
    let playing = players
        .iter()
        .map(|(account, session)| reported(account.clone(), *session, [&one, &other]));
    let asking = async {
        for (account, session) in players.iter().cycle().take(200) {
            let url = format!("/v1/accounts/{account}/sessions/{session}");
            let state = asked(&provide.url(&url)).await;
            assert!(state["seq"].as_u64().is_none_or(|seq| seq < FACTS), "{state}");
        }
    };
    tokio::join!(join_all(playing), asking);
    let position_ms = (FACTS - 1) * 1_000;
    for (account, session) in &players {
        let history = format!("/v1/accounts/{account}/profiles/anna/titles/film");
        let mut last = Value::Null;
        eventually("the views have all of it", async || {
            last = asked(&provide.url(&history)).await;
            last["source"] == "views" && last["position_ms"] == position_ms
        })
        .await;
        let state = format!("/v1/accounts/{account}/sessions/{session}");
        assert_eq!(asked(&provide.url(&state)).await["seq"], FACTS - 1);
    }
    eventually("nothing waits", async || provide.signals().await["waiting"] == 0).await;
    let mut sums = [0, 0];
    for part in [&one, &other, &first, &second] {
        let signals = part.signals().await;
        sums[0] += signals["published"].as_u64().unwrap();
        sums[1] += signals["acknowledged"].as_u64().unwrap();
    }
    assert_eq!(sums[0], sums[1]);
    done(&first.node.url, &["verify"]);
    done(&second.node.url, &["verify"]);
    for part in [one, other, first, second, provide] {
        part.stop();
    }
}
