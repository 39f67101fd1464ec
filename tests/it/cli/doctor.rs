//! The doctor, in health and in sickness: what it finds, what it says to do, how it exits.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};

use super::household::quiet_household;
use crate::binary::{Served, err, finish, out, said, viewlog};
use crate::support::free_address;

/// With a port that is free, wherever the tests run.
pub(super) fn doctor(data: &Path, environment: &[(&str, &str)]) -> Output {
    let free = free_address().to_string();
    let mut command = viewlog();
    command.arg("doctor").arg("--data").arg(data).env("VIEWLOG_LISTEN", free);
    finish(command.envs(environment.iter().copied()))
}

fn healthy(seen: &Output, lines: &[&str]) {
    assert_eq!(seen.status.code(), Some(0), "{}", said(seen));
    for line in lines {
        assert!(out(seen).contains(line), "{line}: {}", said(seen));
    }
    assert!(out(seen).lines().all(|line| line.starts_with("ok    ")), "{}", said(seen));
}

fn sick(seen: &Output, finding: &str, todo: &str) {
    assert_eq!(seen.status.code(), Some(1), "{}", said(seen));
    assert_eq!(err(seen), "");
    let text = out(seen);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("wrong"));
    assert!(lines.next().is_some_and(|line| line.contains(finding)), "{}", said(seen));
    assert!(lines.next().is_some_and(|line| line.contains(todo)), "{}", said(seen));
}

#[test]
fn what_is_well_is_called_well() {
    let data = tempfile::tempdir().unwrap();
    healthy(&doctor(&data.path().join("new"), &[]), &["is made at the first start"]);
    assert!(!data.path().join("new").exists());
    let data = quiet_household();
    let at_rest = [" configuration: ", " clock: ", " MiB free in ", "none holds", " is free"];
    healthy(&doctor(data.path(), &[]), &at_rest);
    healthy(&doctor(data.path(), &[]), &["nothing acknowledged is missing"]);
    let served = Served::start(data.path(), &[]);
    let answering = format!("server: one answers at {}\n", served.url);
    healthy(&doctor(data.path(), &[]), &[&answering, "store: the server says it is ready"]);
    served.kill();
    let gone = doctor(data.path(), &[]);
    healthy(&gone, &["server: none; the one at http://", "nothing acknowledged is missing"]);
}

#[test]
fn a_wrong_configuration_is_named() {
    let data = tempfile::tempdir().unwrap();
    let seen = doctor(data.path(), &[("VIEWLOG_LISTN", "1")]);
    sick(&seen, "did you mean VIEWLOG_LISTEN?", "correct it");
    let seen = doctor(data.path(), &[("VIEWLOG_HTTP__FACTS_MAX", "many")]);
    sick(&seen, "VIEWLOG_HTTP__FACTS_MAX", "correct it");
}

#[test]
fn a_taken_port_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let seen = doctor(data.path(), &[("VIEWLOG_LISTEN", &address)]);
    sick(&seen, &format!("another program listens on {address}"), "--listen");
}

#[test]
fn a_directory_that_cannot_be_one_is_named() {
    sick(&doctor(Path::new("/proc/nowhere"), &[]), "cannot be made", "name another");
    let file = tempfile::NamedTempFile::new().unwrap();
    sick(&doctor(file.path(), &[]), "cannot be written", "name another with --data");
}

#[test]
fn a_directory_that_another_process_holds_in_silence_is_named() {
    let data = tempfile::tempdir().unwrap();
    let held = EmbeddedLog::open(&data.path().join("log"), EmbeddedOptions::default()).unwrap();
    sick(&doctor(data.path(), &[]), "is in use by another process", "end it, or wait");
    let mut command = viewlog();
    command.args(["now", "--account", "home", "--data"]).arg(data.path());
    let asked = finish(&mut command);
    assert_eq!(asked.status.code(), Some(3), "{}", said(&asked));
    assert!(err(&asked).contains("is in use by another process"), "{}", said(&asked));
    held.close().unwrap();
    drop(held);
    healthy(&doctor(data.path(), &[]), &["nothing acknowledged is missing"]);
}

#[test]
fn a_log_of_another_format_is_named() {
    let data = quiet_household();
    std::fs::write(data.path().join("log/format"), "viewlog embedded log 2\n").unwrap();
    let seen = doctor(data.path(), &[]);
    sick(
        &seen,
        "\"viewlog embedded log 2\", which this version does not know",
        "the version that made it",
    );
}

#[test]
fn a_clock_that_was_set_back_is_named() {
    let data = quiet_household();
    let log = data.path().join("log");
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    std::fs::File::open(&log).unwrap().set_modified(tomorrow).unwrap();
    sick(&doctor(data.path(), &[]), "a data file is 2", "set the clock");
}
