//! `watch`: what changes, as it changes, through restarts of the server, until Ctrl-C.

use serde_json::{Value, json};

use super::household::now;
use crate::binary::{Running, Served, viewlog};
use crate::support::{eventually, session};

async fn play(url: &str, seq: u32, kind: &str, position_ms: u64) {
    let fact = json!({
        "profile": "anna", "title": "film", "session": session(1), "seq": seq, "kind": kind,
        "at": now(), "position_ms": position_ms, "duration_ms": 3_600_000, "device": "tv",
        "name": "The Kingsroad",
    });
    let url = format!("{url}/v1/accounts/home/events");
    let answer = crate::support::client().post(url).json(&fact).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

fn watch(data: &std::path::Path, more: &[&str]) -> Running {
    let mut command = viewlog();
    Running::start(command.args(["watch", "--account", "home"]).args(more).arg("--data").arg(data))
}

#[tokio::test]
async fn changes_are_followed_a_line_each() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    play(&served.url, 0, "started", 0).await;
    let mut watching = watch(data.path(), &[]);
    let first = watching.line("what is playing at once", |_| true);
    assert!(first.contains("  playing  anna  0:00/1:00:00  The Kingsroad on tv"), "{first}");
    play(&served.url, 1, "paused", 62_000).await;
    let next = watching.line("the pause", |_| true);
    assert!(next.contains("  paused   anna  1:02/1:00:00  The Kingsroad on tv"), "{next}");
    play(&served.url, 2, "stopped", 63_000).await;
    watching.line("the end", |line| line.contains("  ended"));
    assert_eq!((watching.interrupt(), watching.said().as_str()), (Some(0), ""));
}

#[tokio::test]
async fn with_json_each_message_is_a_line() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let mut watching = watch(data.path(), &["--json"]);
    let read = |line: String| serde_json::from_str::<Value>(&line).unwrap();
    let now = read(watching.line("what is playing", |_| true));
    assert_eq!((&now["type"], &now["playing"]), (&"now".into(), &json!([])));
    play(&served.url, 0, "started", 0).await;
    let playing = read(watching.line("a change", |line| line.contains("\"playing\"")));
    assert_eq!(playing["title"], "film");
    assert_eq!(watching.interrupt(), Some(0));
}

#[tokio::test]
async fn a_server_that_comes_back_is_followed_again() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let url = served.url.clone();
    play(&url, 0, "started", 0).await;
    let mut watching = watch(data.path(), &[]);
    watching.line("what is playing", |line| line.contains("playing"));
    served.kill();
    eventually("it is noticed", async || watching.said().contains("; connecting again")).await;
    let served = Served::start(data.path(), &["--listen", url.trim_start_matches("http://")]);
    play(&served.url, 1, "paused", 5_000).await;
    let next = watching.line("the change since", |_| true);
    assert!(next.contains("  paused   anna  0:05/"), "{next}");
    assert_eq!(watching.interrupt(), Some(0));
}

#[test]
fn without_a_server_there_is_nothing_to_follow_and_it_is_said() {
    let data = tempfile::tempdir().unwrap();
    let mut watching = watch(data.path(), &["--json"]);
    watching.line("what is playing", |line| line.contains("\"playing\":[]"));
    assert_eq!(watching.interrupt(), Some(0));
    let told = "viewlog: no server runs on this data directory, so nothing will change\n";
    assert_eq!(watching.said(), told);
}
