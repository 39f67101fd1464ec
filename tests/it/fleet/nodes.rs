//! Two nodes that take the facts of the same sessions in turns.

use std::fs;
use std::net::TcpListener;

use futures_util::future::join_all;
use redis::Commands;
use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{Fleet, asked, done, fact};
use crate::binary::{err, run, said};
use crate::servers::OwnRedis;
use crate::support::{at, eventually};

const PLAYERS: u128 = 8;
const FACTS: u64 = 150;

/// Sends every fact to one node after the other, and to the next where one is gone.
async fn reported(account: &str, session: SessionId, urls: &[String; 2]) {
    let client = crate::support::client();
    let mut turn = 0;
    for seq in 0..FACTS {
        eventually("a node takes it", async || {
            turn += 1;
            let url = format!("{}/v1/accounts/{account}/events", urls[turn % 2]);
            let Ok(sent) = client.post(url).json(&fact(session, seq)).send().await else {
                return false;
            };
            if sent.status() == 503 {
                return false;
            }
            assert_eq!(sent.status(), 200);
            let Ok(answer) = sent.json::<Value>().await else { return false };
            let taken =
                answer["recorded"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap();
            assert_eq!(taken, 1, "{answer}");
            true
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_alternate_between_two_nodes_are_one_session_also_when_one_is_killed() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, second) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    let urls = [first.url.clone(), second.url.clone()];
    let sessions: Vec<(String, SessionId)> = (0..PLAYERS)
        .map(|number| (format!("home-{}", number % 3), SessionId::derived(at(0), number)))
        .collect();
    let players = sessions.iter().map(|(account, session)| reported(account, *session, &urls));
    let (account, session) = &sessions[0];
    let killing = async {
        eventually("a third is recorded", async || {
            let url = format!("{}/v1/accounts/{account}/sessions/{session}", urls[0]);
            asked(&url).await["seq"].as_u64().is_some_and(|seq| seq > FACTS / 3)
        })
        .await;
        second.kill();
    };
    tokio::join!(join_all(players), killing);
    for (account, session) in &sessions {
        let at_first = format!("{}/v1/accounts/{account}", first.url);
        let state = asked(&format!("{at_first}/sessions/{session}")).await;
        let expected = (json!(FACTS - 1), json!([]), json!(false));
        let found = (&state["seq"], &state["missing"], &state["conflict"]);
        assert_eq!(found, (&expected.0, &expected.1, &expected.2), "{state}");
        let resume = format!("{at_first}/profiles/anna/resume/film?after={session}:{}", FACTS - 1);
        assert_eq!(asked(&resume).await["position_ms"], (FACTS - 1) * 1_000);
    }
    done(&first.url, &["verify"]);
    // And a node that was never there knows all of it.
    let third = fleet.node(data[1].path());
    for (account, session) in &sessions {
        let state = asked(&format!("{}/v1/accounts/{account}/sessions/{session}", third.url)).await;
        assert_eq!(state["seq"], FACTS - 1, "{state}");
    }
    assert_eq!(third.terminate(), Some(0));
    assert_eq!(first.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_recorded_the_other_answers_from_the_views() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (first, second) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    let client = crate::support::client();
    let session = SessionId::derived(at(0), 7);
    let resume = |url: &str| format!("{url}/v1/accounts/home/profiles/anna/resume/film");
    for seq in 0..20_u64 {
        let url = if seq % 2 == 0 { &first.url } else { &second.url };
        let url = format!("{url}/v1/accounts/home/events");
        let sent = client.post(url).json(&fact(session, seq)).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        let last = asked(&resume(&second.url)).await;
        assert!(last["position_ms"].as_u64().is_none_or(|ms| ms <= seq * 1_000), "{last}");
    }
    for url in [&first.url, &second.url] {
        eventually("the views of both have all of it", async || {
            let found = asked(&resume(url)).await;
            found["source"] == "views" && found["position_ms"] == 19_000
        })
        .await;
    }
}

/// A fact that is known by its instant alone: each pair is ten seconds played, then comes a jump.
fn unnumbered(session: SessionId, number: u64) -> Value {
    let mut fact = fact(session, number);
    fact["at"] = json!(at(i64::try_from(number).unwrap() * 10));
    fact["position_ms"] = json!((number / 2) * 1_000_000 + (number % 2) * 10_000);
    fact.as_object_mut().unwrap().remove("seq");
    fact
}

/// Neither node has a gap to see.
#[tokio::test(flavor = "multi_thread")]
async fn facts_without_numbers_that_alternate_are_all_in_the_views() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let nodes = [fleet.node(data[0].path()), fleet.node(data[1].path())];
    let title = |url: &str| format!("{url}/v1/accounts/home/profiles/anna/titles/film");
    assert_eq!(asked(&title(&nodes[0].url)).await["code"], "not_found");
    let client = crate::support::client();
    for number in 0..7 {
        let url = format!("{}/v1/accounts/home/events", nodes[number % 2].url);
        let fact = unnumbered(SessionId::derived(at(0), 7), number as u64);
        let sent = client.post(url).json(&fact).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
    let watched = json!([[0, 10_000], [1_000_000, 1_010_000], [2_000_000, 2_010_000]]);
    for node in nodes {
        eventually("the views have all of it", async || {
            let found = asked(&title(&node.url)).await;
            found["source"] == "views" && found["watched"] == watched
        })
        .await;
        assert_eq!(node.terminate(), Some(0));
    }
}

/// Otherwise answers are stale until the window is over.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_started_where_a_node_crashed_sweeps_what_that_had_on_its_way() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (node, other) = (fleet.node(data[0].path()), fleet.node(data[1].path()));
    let session = SessionId::derived(at(0), 7);
    let facts: Vec<Value> = (0..20).map(|seq| fact(session, seq)).collect();
    let url = format!("{}/v1/accounts/home/events", node.url);
    let sent = crate::support::client().post(url).json(&json!({ "events": facts })).send().await;
    assert_eq!(sent.unwrap().status(), 200);
    let resume = format!("{}/v1/accounts/home/profiles/anna/resume/film", other.url);
    let is_stale = async || asked(&resume).await["stale"] == true;
    eventually("all is well", async || !is_stale().await).await;
    node.kill();
    eventually("it is missed", is_stale).await;
    // Twice in a row, before anything could be swept.
    fleet.node(data[0].path()).kill();
    let again = fleet.node(data[0].path());
    eventually("what it had on its way is swept", async || !is_stale().await).await;
    assert_eq!(asked(&resume).await["position_ms"], 19_000);
    assert_eq!(again.terminate(), Some(0));
    let third = fleet.node(data[0].path());
    assert_eq!(third.terminate(), Some(0));
    assert!(!is_stale().await, "who stops in order leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_do_not_share_a_data_directory() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    let stores = ["--log", &fleet.log, "--views", &fleet.views];
    let twice = run(data.path(), &[&["serve", "--listen", "127.0.0.1:0"], &stores[..]].concat());
    assert_eq!(twice.status.code(), Some(3), "{}", said(&twice));
    assert!(err(&twice).contains("is in use by another process"), "{}", said(&twice));
    let found = run(data.path(), &["now", "--account", "home"]);
    assert_eq!(found.status.code(), Some(0), "the first is found there: {}", said(&found));
    node.kill();
    assert_eq!(fleet.node(data.path()).terminate(), Some(0), "a crash leaves the directory free");
}

/// Others would wait for what it had on its way.
#[tokio::test(flavor = "multi_thread")]
async fn who_fails_to_start_is_no_node_that_died() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [data, other, damaged] = directories.each_ref().map(|directory| directory.path());
    let _node = fleet.node(data);
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut nodes = || -> usize { connection.hlen("vllags:{0}").unwrap() };
    eventually("it says how far it is", async || nodes() == 1).await;

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let stores = ["--log", &fleet.log, "--views", &fleet.views];
    let serve = |data, listen| run(data, &[&["serve", "--listen", listen], &stores[..]].concat());
    let failed = serve(other, &listen);
    assert!(err(&failed).contains("another program does"), "{}", said(&failed));
    assert_eq!(nodes(), 1);

    // A spool in which something was left.
    fs::create_dir_all(damaged.join("spool/store")).unwrap();
    fs::write(damaged.join("spool/format"), "of another kind").unwrap();
    let failed = serve(damaged, "127.0.0.1:0");
    assert!(err(&failed).contains("spool"), "{}", said(&failed));
    assert_eq!(nodes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sweeps_verifies_and_rebuilds_a_fleet() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    let session = SessionId::derived(at(0), 7);
    let facts: Vec<Value> = (0..40).map(|seq| fact(session, seq)).collect();
    let url = format!("{}/v1/accounts/home/events", node.url);
    let sent = crate::support::client().post(url).json(&json!({ "events": facts })).send().await;
    assert_eq!(sent.unwrap().status(), 200);
    for arguments in [&["sweep", "--from", "1h"][..], &["verify"], &["rebuild"], &["verify"]] {
        done(&node.url, arguments);
    }
    let resume = format!("{}/v1/accounts/home/profiles/anna/resume/film", node.url);
    eventually("the rebuilt views are read", async || {
        let found = asked(&resume).await;
        found["source"] == "views" && found["position_ms"] == 39_000
    })
    .await;
    assert_eq!(node.terminate(), Some(0));
}
