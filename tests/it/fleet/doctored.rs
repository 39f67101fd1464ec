//! What the doctor says of a fleet's stores, in health and in every sickness that can be had.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;

use redis::{Client, cmd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use viewlog::config::Config;
use viewlog::events::cassandra::{Acknowledges, NodeAnswer, NodeFound, Schema};
use viewlog::events::{Clock, ManualClock, SystemClock};

use super::Fleet;
use crate::binary::{finish, out, said, viewlog};
use crate::servers::{OwnRedis, cassandra, redis};
use crate::support::{eventually, free_address};

const NOBODY: &str = "127.0.0.1:1";

/// Asks the doctor about these stores.
fn doctor(log: &str, views: &str) -> Output {
    doctor_of(tempfile::tempdir().unwrap().path(), log, views)
}

/// The same of a node that has a data directory.
fn doctor_of(data: &Path, log: &str, views: &str) -> Output {
    let mut doctor = viewlog();
    doctor.arg("doctor").arg("--data").arg(data);
    doctor.args(["--log", log]).env("VIEWLOG_VIEWS", views);
    finish(doctor.env("VIEWLOG_LISTEN", free_address().to_string()))
}

/// What it calls wrong, each with what to do.
fn wrong(seen: &Output) -> Vec<String> {
    let text = out(seen);
    let parts = text.split("wrong ").skip(1);
    parts.map(|part| part.lines().take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn exits(seen: &Output, status: i32) {
    assert_eq!(seen.status.code(), Some(status), "{}", said(seen));
}

/// Says this, and nothing else that is wrong; each part is in the same finding.
#[track_caller]
fn finds(seen: &Output, parts: &[&str]) {
    let wrong = wrong(seen);
    let found = wrong.iter().filter(|found| parts.iter().all(|part| found.contains(part)));
    assert_eq!(found.count(), 1, "{parts:?} in {wrong:?}: {}", said(seen));
}

#[track_caller]
fn is_fine(seen: &Output, what: &str) {
    let lines = out(seen);
    let fine = lines.lines().any(|line| line.starts_with("ok    ") && line.contains(what));
    assert!(fine, "{what}: {}", said(seen));
}

#[test]
fn a_spool_that_cannot_be_opened_is_named_and_one_that_can_is_fine() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = tempfile::tempdir().unwrap();
    let format = data.path().join("spool/format");
    let spooling = fleet.node_with(data.path(), &[("VIEWLOG_SPOOL__ENABLED", "true")]);
    assert_eq!(spooling.terminate(), Some(0));
    let look = || doctor_of(data.path(), &fleet.log, &fleet.views);
    is_fine(&look(), "spool: it opens, and nothing waits in it");
    fs::write(&format, "of another kind").unwrap();
    finds(&look(), &["spool: ", "\"of another kind\"", "keep a copy of the directory"]);
    fs::remove_dir_all(data.path().join("spool")).unwrap();
    assert!(!out(&look()).contains("spool"), "there is none, and none is asked for");
    assert!(!data.path().join("spool").exists(), "looking makes none");
}

#[test]
fn of_stores_that_are_well_each_server_is_named_and_one_copy_is_called_too_few() {
    let Some(fleet) = Fleet::begin() else { return };
    let seen = doctor(&fleet.log, &fleet.views);
    exits(&seen, 1);
    assert_eq!(wrong(&seen).len(), 1, "{}", said(&seen));
    let few = ["datacentre dc1 keeps one copy", "is lost", "ALTER KEYSPACE test_", "'dc1': 3}"];
    finds(&seen, &few);
    let node = cassandra().unwrap().node();
    is_fine(&seen, &format!("every host of {}", fleet.log));
    is_fine(&seen, "its tables are as they should be");
    is_fine(&seen, &format!("node {node} answers, and acknowledges what is on its disk"));
    is_fine(&seen, " answers, with version 7.");
}

#[test]
fn a_host_that_cannot_be_reached_is_named_beside_one_that_can() {
    let Some(fleet) = Fleet::begin() else { return };
    let log = fleet.log.replace("cassandra://", &format!("cassandra://{NOBODY},"));
    let seen = doctor(&log, &fleet.views);
    exits(&seen, 1);
    finds(&seen, &["host 127.0.0.1:1 cannot be reached", "take it out of the log's address"]);
    is_fine(&seen, "its tables are as they should be");
}

#[test]
fn stores_that_nobody_can_reach_are_named_and_make_another_exit_status() {
    let Some(fleet) = Fleet::begin() else { return };
    let log = format!("cassandra://anna:hunter2@{NOBODY}/viewlog");
    let seen = doctor(&log, &fleet.views);
    exits(&seen, 3);
    finds(&seen, &["log: host 127.0.0.1:1 cannot be reached"]);
    finds(&seen, &["the log's store at 127.0.0.1:1 cannot be reached"]);
    is_fine(&seen, "views: ");
    assert!(!said(&seen).contains("hunter2"), "{}", said(&seen));
    let seen = doctor(&fleet.log, &format!("redis://:hunter2@{NOBODY}"));
    exits(&seen, 3);
    finds(&seen, &["views: 127.0.0.1:1 cannot be asked", "let this machine and its user in"]);
    is_fine(&seen, "its tables are as they should be");
    assert!(!said(&seen).contains("hunter2"), "{}", said(&seen));
}

#[test]
fn a_keyspace_that_was_not_made_and_a_datacentre_that_is_not_there_are_named() {
    let (Some(cassandra), Some(redis)) = (cassandra(), redis()) else { return };
    let log = cassandra.url(&cassandra.keyspace());
    let seen = doctor(&log, &redis.url());
    exits(&seen, 1);
    finds(&seen, &["there is no keyspace test_", "viewlog schema apply"]);
    let seen = doctor(&format!("{log}?dc=atlantis"), &redis.url());
    exits(&seen, 1);
    finds(&seen, &["there is no datacentre atlantis; there is dc1", "?dc="]);
}

#[test]
fn a_redis_that_drops_what_it_holds_or_is_full_or_keeps_no_file_is_named() {
    let (Some(redis), Some(cassandra)) = (OwnRedis::one(), cassandra()) else { return };
    let mut connection = Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut set = |name: &str, value: &str| {
        cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut connection).unwrap();
    };
    set("maxmemory-policy", "allkeys-lru");
    set("appendonly", "no");
    let log = cassandra.url(&cassandra.keyspace());
    let seen = doctor(&log, &redis.url());
    exits(&seen, 1);
    finds(&seen, &["maxmemory-policy allkeys-lru", "set maxmemory-policy noeviction"]);
    assert!(out(&seen).contains("note  views: "), "{}", said(&seen));
    set("maxmemory-policy", "noeviction");
    set("appendonly", "yes");
    set("maxmemory", "1");
    finds(&doctor(&log, &redis.url()), &["% of its memory in use", "views_redis.idle_days"]);
    set("maxmemory", "0");
    let seen = doctor(&log, &redis.url());
    assert!(!out(&seen).contains("maxmemory") && !out(&seen).contains("note  "), "{}", said(&seen));
}

#[tokio::test]
async fn a_cluster_is_looked_at_whole_and_what_it_does_not_serve_is_counted() {
    let (Some(redis), Some(cassandra)) = (OwnRedis::cluster(), cassandra()) else { return };
    let log = cassandra.url(&cassandra.keyspace());
    let first = &redis.members()[0];
    let one = format!("redis-cluster://{first}");
    let seen = doctor(&log, &one);
    is_fine(&seen, "the cluster serves all of its slots");
    for member in redis.members() {
        is_fine(&seen, &format!("views: {member} answers"));
    }
    let seen = doctor(&log, &format!("redis://{first}"));
    finds(&seen, &["is one of a cluster", "redis-cluster://"]);
    redis.kill(2);
    let gone = format!("views: {} cannot be asked", redis.members()[1]);
    finds(&doctor(&log, &one), &[&gone]);
    eventually("the others miss it", async || {
        let missing = |found: &String| found.contains("of its 16,384 slots");
        wrong(&doctor(&log, &one)).iter().any(missing)
    })
    .await;
}

/// A way to a Redis whose clock is behind: what it answers to `TIME` is changed.
async fn behind(redis: SocketAddr, seconds: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(redis).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
                    set_back(&mut bytes[..read], seconds);
                    to_client.write_all(&bytes[..read]).await.unwrap();
                }
            });
        }
    });
    at
}

/// `TIME` is answered by two texts, of which the first is ten digits long.
fn set_back(answer: &mut [u8], by_s: u64) {
    let Some(rest) = answer.strip_prefix(b"*2\r\n$10\r\n") else { return };
    let now: u64 = std::str::from_utf8(&rest[..10]).unwrap().parse().unwrap();
    answer[9..19].copy_from_slice((now - by_s).to_string().as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_are_named_and_more_so_from_thirty_seconds_on() {
    let (Some(redis), Some(cassandra)) = (OwnRedis::one(), cassandra()) else { return };
    let log = cassandra.url(&cassandra.keyspace());
    let server: SocketAddr = redis.members()[0].parse().unwrap();
    let ahead = " s ahead of that of the views' server";
    for (seconds, parts) in [
        (5, ["clock: it is ", ahead, "facts are dated by it"]),
        (60, ["clock: it is ", ahead, "from 30 s on a node is not ready"]),
    ] {
        let views = format!("redis://{}", behind(server, seconds).await);
        let seen = tokio::task::spawn_blocking({
            let log = log.clone();
            move || doctor(&log, &views)
        });
        finds(&seen.await.unwrap(), &parts);
    }
}

#[tokio::test]
async fn a_node_of_the_log_is_asked_for_its_time() {
    let Some(cassandra) = cassandra() else { return };
    let url = cassandra.url(&cassandra.keyspace()).parse().unwrap();
    let schema = Schema::connect(&Config::default().cassandra_options(&url)).await.unwrap();
    let ahead_ms = async |clock: &dyn Clock| {
        let nodes = schema.nodes(clock).await;
        assert_eq!(nodes.len(), 1, "{nodes:?}");
        let answer = nodes[0].answer.clone().unwrap();
        assert_eq!(answer.acknowledges, Acknowledges::Synced);
        answer.ahead_ms
    };
    assert!(ahead_ms(&SystemClock).await.abs() < 1_000);
    let behind = ManualClock::new(SystemClock.now().plus_ms(-40_000));
    assert!((-60_000..-39_000).contains(&ahead_ms(&behind).await));
}

#[test]
fn what_a_node_loses_that_acknowledges_early_is_said() {
    let found = |acknowledges| NodeFound {
        address: "10.0.0.1:9042".to_owned(),
        answer: Ok(NodeAnswer { acknowledges, ahead_ms: 0 }),
    };
    let early = found(Acknowledges::Early("10000ms".to_owned())).difference().unwrap();
    assert!(early.what.contains("up to 10000ms before they are on disk"), "{early}");
    assert!(early.what.contains("is lost") && early.remedy.contains("group"), "{early}");
    assert_eq!(found(Acknowledges::Unknown).difference(), None);
}
