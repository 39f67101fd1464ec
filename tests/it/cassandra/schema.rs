//! The tables: made, compared, and required before anything is written.

use viewlog::events::cassandra::{OpenError, Replication, Schema, schema_text};

use super::keyspace::make;
use super::*;
use crate::binary::{err, finish, out, said, viewlog};

async fn differences(keyspace: &Keyspace) -> Vec<String> {
    let schema = Schema::connect(&keyspace.options).await.unwrap();
    schema.check(None).await.unwrap().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_one(found: &[String], parts: &[&str]) {
    assert_eq!(found.len(), 1, "{found:?}");
    for part in parts {
        assert!(found[0].contains(part), "{found:?} does not say {part:?}");
    }
}

#[tokio::test]
async fn what_apply_makes_check_finds_right_and_a_second_time_changes_nothing() {
    let Some(keyspace) = Keyspace::unmade() else { return };
    let missing = differences(&keyspace).await;
    assert_one(&missing, &["there is no keyspace", keyspace.name(), "viewlog schema apply"]);
    for _ in 0..2 {
        make(&keyspace.options).await;
        assert!(differences(&keyspace).await.is_empty());
    }
}

#[test]
fn the_text_is_the_file_for_this_keyspace() {
    let Some(keyspace) = Keyspace::unmade() else { return };
    let replication: Replication = "dc1:3,dc2:2".parse().unwrap();
    let text = schema_text(keyspace.name(), &replication);
    assert!(text.contains(&format!("CREATE KEYSPACE IF NOT EXISTS {}\n", keyspace.name())));
    assert!(text.contains("{'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': 2}"), "{text}");
    let table = format!("CREATE TABLE IF NOT EXISTS {}.", keyspace.name());
    assert_eq!(text.matches(&table).count(), 6);
    assert!(!text.contains("viewlog."), "{text}");
}

#[test]
fn a_replication_that_is_none_is_refused() {
    for wrong in ["", "dc1", "dc1:0", "dc1:x", "dc1:3,", "d'c:3", ":3", "dc1:101"] {
        let refused = wrong.parse::<Replication>().unwrap_err();
        assert!(refused.contains("such as dc1:3,dc2:3"), "{refused}");
    }
}

#[tokio::test]
async fn each_difference_is_named_with_what_puts_it_right() {
    let Some(keyspace) = Keyspace::unmade() else { return };
    make(&keyspace.options).await;
    keyspace.run("ALTER TABLE KS.dirty WITH default_time_to_live = 60").await;
    let parts = ["default_time_to_live of dirty is 60 and should be 864000", "ALTER TABLE"];
    assert_one(&differences(&keyspace).await, &parts);
    keyspace.run("ALTER TABLE KS.dirty WITH default_time_to_live = 864000").await;

    let schema = Schema::connect(&keyspace.options).await.unwrap();
    let found = schema.check(Some(&"dc1:3".parse().unwrap())).await.unwrap();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_one(&found, &["the copies of keyspace", "'dc1': 3", "nodetool repair"]);

    keyspace.run("ALTER TABLE KS.fences DROP deleted_us").await;
    let parts = ["fences.deleted_us is missing", "fences ADD deleted_us bigint"];
    assert_one(&differences(&keyspace).await, &parts);
    keyspace.run("ALTER TABLE KS.fences ADD deleted_us bigint").await;

    keyspace.run("DROP TABLE KS.snapshots").await;
    let parts = ["table snapshots is missing", "viewlog schema apply"];
    assert_one(&differences(&keyspace).await, &parts);
    keyspace
        .run(
            "CREATE TABLE KS.snapshots (account text, week int, session uuid, body blob, \
         PRIMARY KEY ((account, week), session)) WITH compaction = \
         {'class': 'UnifiedCompactionStrategy'}",
        )
        .await;
    let parts = [
        "the key of snapshots is ((account, week), session ASC)",
        "must be ((account, week), session DESC)",
        "DROP TABLE",
    ];
    assert_one(&differences(&keyspace).await, &parts);

    let opened = CassandraLog::open(&keyspace.options, Arc::new(SystemClock)).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, OpenError::Schema { .. }), "{error}");
    assert!(error.to_string().contains("viewlog schema apply"), "{error}");
    let (data, url) = (tempfile::tempdir().unwrap(), keyspace.url());
    let stores = ["--log", &url, "--views", "redis://127.0.0.1:1", "--listen", "127.0.0.1:0"];
    let refused = finish(viewlog().arg("serve").args(stores).arg("--data").arg(data.path()));
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    let command = format!("viewlog schema check --log {url}");
    let named =
        ["viewlog schema apply --log", &command].iter().any(|it| err(&refused).contains(it));
    assert!(named, "{}", said(&refused));
}

#[tokio::test]
async fn the_command_prints_makes_and_checks() {
    let Some(keyspace) = Keyspace::unmade() else { return };
    let url = keyspace.url();
    let schema = |arguments: &[&str]| finish(viewlog().arg("schema").args(arguments));
    let print = schema(&["print", "--log", &url, "--replication", "here:2"]);
    assert_eq!(print.status.code(), Some(0), "{}", said(&print));
    assert!(out(&print).contains("'here': 2}"), "{}", said(&print));
    let check = schema(&["check", "--log", &url]);
    assert_eq!(check.status.code(), Some(1), "{}", said(&check));
    assert!(out(&check).contains("wrong there is no keyspace"), "{}", said(&check));
    let apply = schema(&["apply", "--log", &url, "--replication", "dc1:1,there:3"]);
    assert_eq!(apply.status.code(), Some(2), "{}", said(&apply));
    assert!(err(&apply).contains("no datacentre there; this cluster has dc1"), "{}", said(&apply));
    let apply = finish(viewlog().args(["schema", "apply"]).env("VIEWLOG_LOG", &url));
    assert_eq!(apply.status.code(), Some(0), "{}", said(&apply));
    assert!(
        out(&apply).contains(" keeps copies dc1:1\nnote  1 node of dc1 can be seen"),
        "{}",
        said(&apply)
    );
    let later = format!("ALTER KEYSPACE {} WITH replication = ", keyspace.name());
    assert!(out(&apply).contains(&later), "{}", said(&apply));
    assert!(out(&apply).contains("ok    every table"), "{}", said(&apply));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("log = {url:?}\n")).unwrap();
    let check = schema(&["check", "--config", file.path().to_str().unwrap()]);
    let is_answered = [Some(0), Some(1)].contains(&check.status.code());
    assert!(is_answered && !out(&check).contains("wrong table"), "{}", said(&check));
    assert!(differences(&keyspace).await.is_empty());
}

#[test]
fn what_apply_would_run_is_printed_without_a_server() {
    let print = |arguments: &[&str]| {
        let print = finish(viewlog().args(["schema", "print"]).args(arguments));
        assert_eq!(print.status.code(), Some(0), "{}", said(&print));
        out(&print)
    };
    let away = "cassandra://127.0.0.1:1/mine";
    let told = print(&["--log", away, "--replication", "here:2,there:3"]);
    assert!(told.contains("'here': 2, 'there': 3}") && !told.contains("assumed"), "{told}");
    assert!(told.contains("CREATE TABLE IF NOT EXISTS mine.events"), "{told}");
    let told = print(&["--log", &format!("{away}?dc=here")]);
    assert!(told.starts_with("-- No node answers at 127.0.0.1:1: copies here:3 are assumed"));
    assert!(told.contains("'NetworkTopologyStrategy', 'here': 3}"), "{told}");
    let told = print(&["--log", away]);
    assert!(told.contains("copies datacenter1:3 are assumed"), "{told}");
}

#[test]
fn a_store_that_cannot_be_asked_is_3_and_a_wrong_address_2() {
    let schema = |url: &str| finish(viewlog().args(["schema", "check", "--log", url]));
    let away = schema("cassandra://anna:hunter2@127.0.0.1:1/viewlog");
    assert_eq!(away.status.code(), Some(3), "{}", said(&away));
    assert!(err(&away).contains("127.0.0.1:1"), "{}", said(&away));
    assert!(!said(&away).contains("hunter2"), "{}", said(&away));
    assert_eq!(schema("").status.code(), Some(2));
    for wrong in ["redis://x", "cassandra://anna:hunter2@h/Key Space"] {
        let wrong = schema(wrong);
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
        assert!(err(&wrong).contains("cassandra://"), "{}", said(&wrong));
        assert!(!said(&wrong).contains("hunter2"), "{}", said(&wrong));
    }
}
