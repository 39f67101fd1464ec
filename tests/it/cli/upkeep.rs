//! Long work: rebuild, verify and compact, their words and their exit codes.

use std::path::Path;

use serde_json::Value;
use viewlog::events::codec::{encode_event, encode_snapshot};
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::{
    Append, Event, EventLog, EventRow, Kind, SessionId, SessionKey, SnapshotRow, fold,
};

use super::household::{FILM, household, quiet_household};
use crate::binary::{Served, err, out, run, said};
use crate::support::{event, fact, home};

fn done(data: &Path, arguments: &[&str]) -> String {
    let done = run(data, arguments);
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}", said(&done));
    assert_eq!(err(&done), "", "{arguments:?}");
    out(&done)
}

#[test]
fn long_work_says_what_it_came_to() {
    for is_served in [false, true] {
        let data = quiet_household();
        let _served = is_served.then(|| Served::start(data.path(), &[]));
        let verified = done(data.path(), &["verify"]);
        assert!(verified.starts_with("verify done: 9 events, "), "{verified}");
        assert!(verified.ends_with("; no difference\n"), "{verified}");
        let verified = done(data.path(), &["verify", "--account", "home", "--json"]);
        let verified: Value = serde_json::from_str(&verified).unwrap();
        assert_eq!((&verified["state"], &verified["events"]), (&"done".into(), &9.into()));
        assert_eq!(verified["findings"].as_array().map(Vec::len), Some(0));
        let rebuilt = done(data.path(), &["rebuild"]);
        assert!(rebuilt.starts_with("rebuild done: 9 events, "), "{rebuilt}");
        let compacted = done(data.path(), &["compact", "--older-than", "9999d"]);
        assert!(compacted.ends_with("; 0 sessions compacted\n"), "{compacted}");
    }
}

#[test]
fn a_data_directory_that_is_not_there_is_not_taken_for_an_empty_one() {
    let above = tempfile::tempdir().unwrap();
    let data = above.path().join("mispelt");
    for arguments in [&["rebuild"][..], &["verify"], &["history", "--account", "home"]] {
        let refused = run(&data, arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", said(&refused));
        let why = format!("there is no data directory {}; see --data\n", data.display());
        assert!(err(&refused).ends_with(&why), "{}", said(&refused));
        assert!(!data.exists(), "{arguments:?} made it");
    }
    // One that is there and has nothing in it is as good as a new one.
    assert!(done(above.path(), &["rebuild"]).starts_with("rebuild done: 0 events"));
}

#[test]
fn a_rebuild_changes_no_answer() {
    let data = household();
    let served = Served::start(data.path(), &[]);
    let history = || done(data.path(), &["history", "--account", "home", "--limit", "500"]);
    let before = history();
    done(data.path(), &["rebuild"]);
    assert_eq!(history(), before);
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(history(), before);
}

#[test]
fn a_compaction_leaves_the_state_of_old_sessions_and_every_answer() {
    let data = quiet_household();
    let history = || done(data.path(), &["history", "--account", "home"]);
    let before = history();
    // Whatever the first one finds behind its facts, the second one takes.
    done(data.path(), &["compact", "--older-than", "0d"]);
    done(data.path(), &["compact", "--older-than", "0d"]);
    let exported = done(data.path(), &["export", "--account", "home"]);
    assert_eq!(exported.matches("\"kind\":\"session\"").count(), 3, "{exported}");
    assert_eq!(exported.lines().count(), 3, "{exported}");
    assert_eq!(history(), before);
    done(data.path(), &["verify"]);
    let elsewhere = tempfile::tempdir().unwrap();
    super::household::import(elsewhere.path(), &exported);
    assert_eq!(done(elsewhere.path(), &["history", "--account", "home"]), before);
}

/// Writes rows past everyone who would have refused them.
async fn tamper(data: &Path, change: impl AsyncFnOnce(&EmbeddedLog)) {
    let log = EmbeddedLog::open(&data.join("log"), EmbeddedOptions::default()).unwrap();
    change(&log).await;
    log.close().unwrap();
}

fn first_play() -> SessionId {
    let evening = super::household::evening();
    let line: Value = serde_json::from_str(evening.lines().next().unwrap()).unwrap();
    SessionId::parse(line["session"].as_str().unwrap()).unwrap()
}

fn append(events: Vec<(SessionId, Event, Vec<u8>)>, snapshots: Vec<SnapshotRow>) -> Append {
    let mut append = Append::new(home());
    append.events = events
        .into_iter()
        .map(|(session, event, body)| EventRow { session, order: event.order, body })
        .collect();
    append.snapshots = snapshots;
    append
}

#[tokio::test]
async fn a_snapshot_that_lies_is_found_and_renewed() {
    let data = quiet_household();
    let session = first_play();
    for mended_by_rebuild in [false, true] {
        tamper(data.path(), async |log| {
            let key = SessionKey { account: home(), session };
            let events = log.events(&key, 0..=u64::MAX).await.unwrap();
            let mut state = fold(None, &events).unwrap();
            state.position_ms = 1;
            let body = encode_snapshot(&state);
            log.append(&append(vec![], vec![SnapshotRow { session, body }])).await.unwrap();
        })
        .await;
        if mended_by_rebuild {
            done(data.path(), &["rebuild"]);
        } else {
            done(data.path(), &["verify", "--account", "other"]);
            let verified = run(data.path(), &["verify"]);
            assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
            let what = "its snapshot is not what its facts say";
            let found = format!("account home session {session}: {what}\n");
            assert!(out(&verified).starts_with(&found), "{}", said(&verified));
            assert!(out(&verified).contains("; 1 finding\n"), "{}", said(&verified));
        }
        done(data.path(), &["verify", "--account", "home", "--json"]);
        done(data.path(), &["verify"]);
    }
}

#[tokio::test]
async fn a_flipped_byte_in_a_fact_is_found_and_hides_no_neighbour() {
    let data = quiet_household();
    let session = first_play();
    tamper(data.path(), async |log| {
        let event = event(fact(session, 3, Kind::Stopped, 3_500));
        let mut body = encode_event(&event);
        let middle = body.len() / 2;
        body[middle] ^= 1;
        log.append(&append(vec![(session, event, body)], vec![])).await.unwrap();
    })
    .await;
    for is_served in [false, true] {
        let _served = is_served.then(|| Served::start(data.path(), &[]));
        let verified = run(data.path(), &["verify"]);
        assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
        let found = format!("account home session {session}: 1 rows cannot be read: ");
        assert!(out(&verified).contains(&found), "{}", said(&verified));
        let history = run(data.path(), &["history", "--account", "home"]);
        assert_eq!(history.status.code(), Some(0), "{}", said(&history));
        assert_eq!(out(&history).matches(FILM).count(), 2, "{}", said(&history));
        let exported = run(data.path(), &["export", "--account", "home"]);
        assert_eq!(exported.status.code(), Some(1), "{}", said(&exported));
        assert!(
            err(&exported).contains("rows that cannot be read: 1, in sessions: 1"),
            "{}",
            said(&exported)
        );
        assert_eq!(out(&exported).lines().count(), 10, "{}", said(&exported));
    }
}
