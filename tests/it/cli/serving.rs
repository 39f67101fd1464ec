//! `serve` as the one who starts it meets it: what it prints, what it refuses, how it ends.

use std::net::TcpListener;

use serde_json::Value;

use super::household::quiet_household;
use crate::binary::{Running, Served, err, finish, out, run, said, viewlog};

#[test]
fn a_server_says_where_it_is_and_ends_on_ctrl_c() {
    let data = tempfile::tempdir().unwrap();
    let mut command = viewlog();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let mut serving = Running::start(&mut command);
    let url = serving.line("an address", |line| line.starts_with("http://127.0.0.1:"));
    let note: Value =
        serde_json::from_slice(&std::fs::read(data.path().join("server.json")).unwrap()).unwrap();
    assert_eq!(note["url"], url);
    let seen = finish(viewlog().args(["profiles", "--account", "home", "--server", &url]));
    assert_eq!(seen.status.code(), Some(0), "{}", said(&seen));
    assert_eq!(serving.interrupt(), Some(0), "{}", serving.said());
    assert!(!data.path().join("server.json").exists());
    let told = serving.said();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].contains("/docs") && lines[1].contains("in flight"), "{told}");
}

#[test]
fn a_second_server_is_refused_by_directory_and_by_port() {
    let data = quiet_household();
    let served = Served::start(data.path(), &[]);
    let twice = run(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(twice.status.code(), Some(3), "{}", said(&twice));
    assert!(err(&twice).contains("is in use by another process"), "{}", said(&twice));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let other = tempfile::tempdir().unwrap();
    let refused = run(other.path(), &["serve", "--listen", &address]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let told = format!("viewlog: cannot listen on {address}: another program does; ");
    assert!(err(&refused).starts_with(&told), "{}", said(&refused));
    assert!(!other.path().join("server.json").exists());
    // The first one has noticed nothing of it.
    let history = run(data.path(), &["history", "--account", "home"]);
    assert_eq!(history.status.code(), Some(0), "{}", said(&history));
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn a_server_takes_away_no_note_but_its_own() {
    let data = tempfile::tempdir().unwrap();
    let log = |name: &str| format!("embedded:{}", data.path().join(name).display());
    let first = Served::start(data.path(), &["--log", &log("one")]);
    let second = Served::start(data.path(), &["--log", &log("two")]);
    assert_eq!(first.terminate(), Some(0));
    let note = data.path().join("server.json");
    let told: Value = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
    assert_eq!(told["url"], second.url);
    assert_eq!(second.terminate(), Some(0));
    assert!(!note.exists());
}

#[test]
fn what_this_version_cannot_do_is_refused_before_it_starts() {
    let data = tempfile::tempdir().unwrap();
    let refusals: &[(&[&str], &str)] = &[
        (&["--listen", "0.0.0.0:0"], "access tokens"),
        (&["--log", "cassandra://localhost/viewlog"], "memory: does not go with a log"),
        (&["--log", "sqlite:x"], "embedded:DIR, memory: or cassandra://"),
        (&["--views", "redis://localhost"], "memory:"),
        (&["--role", "collect"], "needs others that do the rest"),
        (&["--role", "cook"], "collect, process and provide"),
        (&["--public-url", "tv"], "public_url"),
    ];
    for (arguments, told) in refusals {
        let refused = run(data.path(), &[&["serve"], *arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", said(&refused));
        assert!(err(&refused).contains(told), "{arguments:?}: {}", said(&refused));
        assert_eq!(err(&refused).lines().count(), 1, "{}", said(&refused));
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn a_demonstration_shows_a_household_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let mut command = viewlog();
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).env("TMPDIR", place.path());
    let mut serving = Running::start(&mut command);
    let page = serving.line("the dashboard", |line| line.ends_with("/accounts/home"));
    let server = page.trim_end_matches("/accounts/home");
    let ask = |question: &[&str]| {
        let more = ["--account", "home", "--server", server];
        out(&finish(viewlog().args([question, &more[..]].concat())))
    };
    for (viewer, series) in [("anna", "Lighthouse"), ("ben", "Kitchen"), ("cleo", "Dragons")] {
        assert!(ask(&["now"]).contains(series), "{}", ask(&["now"]));
        assert!(ask(&["history", "--profile", viewer]).lines().count() > 10);
    }
    assert_eq!(serving.interrupt(), Some(0), "{}", serving.said());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_demonstration_on_a_node_of_a_fleet_touches_nothing_of_the_fleet() {
    let mut command = viewlog();
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    command.env("VIEWLOG_LOG", "cassandra://127.0.0.1:1/viewlog?dc=here");
    command.env("VIEWLOG_VIEWS", "redis://127.0.0.1:1");
    let mut serving = Running::start(&mut command);
    let page = serving.line("the dashboard", |line| line.ends_with("/accounts/home"));
    let server = page.trim_end_matches("/accounts/home");
    let system = crate::support::get(format!("{server}/v1/system")).await.unwrap();
    let system: Value = system.json().await.unwrap();
    assert_eq!(system["log"]["kind"], "embedded");
    assert_eq!(system["views"]["kind"], "memory");
    assert_eq!(serving.interrupt(), Some(0), "{}", serving.said());
}
