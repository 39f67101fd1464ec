//! The command line from outside: what it prints, what it does, how it exits. Here what needs no
//! server: help, wrong use, what it says then.

mod doctor;
mod encrypted;
mod household;
mod importing;
mod reading;
mod serving;
mod telling;
mod tokens;
mod upkeep;
mod watching;

use std::io::Write;
use std::process::{Output, Stdio};

use crate::binary::{err, finish, out, said, viewlog};

/// Every command, and options that its help must name.
const COMMANDS: &[(&str, &[&str])] = &[
    (
        "serve",
        &[
            "--listen",
            "--data",
            "--log",
            "--views",
            "--role",
            "--config",
            "--public-url",
            "--demo",
            "--auth-secret-file",
            "--auth-key",
            "--auth-jwks-url",
            "--auth-audience",
        ],
    ),
    ("import", &["netflix", "viewlog", "--account", "--profile", "--time-zone", "--dry-run"]),
    ("export", &["--account", "--format", "csv", "--out"]),
    ("now", &["--account", "--json"]),
    ("resume", &["TITLE", "--account", "--profile", "--as-of", "--explain", "--json"]),
    ("continue", &["--account", "--profile", "--limit", "--json"]),
    ("history", &["--account", "--profile", "--limit", "--from", "--to", "--json"]),
    ("title", &["TITLE", "--account", "--profile", "--json"]),
    ("profiles", &["--account", "--json"]),
    ("watch-time", &["--account", "--profile", "--by", "--tz", "--json"]),
    ("watch", &["--account", "--json"]),
    ("hide", &["TITLE", "--account", "--profile"]),
    ("show", &["TITLE", "--account", "--profile"]),
    ("watched", &["TITLE", "--account", "--profile", "--at"]),
    ("unwatched", &["TITLE", "--account", "--profile"]),
    ("position", &["TITLE", "WHERE", "--account", "--profile"]),
    ("undo", &["--since", "--title", "--account", "--profile"]),
    ("erase", &["--account", "--profile", "--title", "--yes"]),
    ("rebuild", &["--json"]),
    ("verify", &["--account", "--json"]),
    ("compact", &["--older-than", "--json"]),
    ("sweep", &["--from", "--json"]),
    ("schema", &["print", "apply", "check"]),
    ("token", &["create"]),
    ("doctor", &["--data", "--config"]),
];

fn run(arguments: &[&str]) -> Output {
    finish(viewlog().args(arguments))
}

#[test]
fn every_command_explains_itself_and_its_options() {
    for (command, options) in COMMANDS {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}: {}", said(&help));
        for option in *options {
            assert!(out(&help).contains(option), "{command} {option}: {}", said(&help));
        }
        let asks = !["serve", "schema", "token", "doctor"].contains(command);
        assert_eq!(out(&help).contains("--server"), asks, "{command}: {}", said(&help));
    }
}

#[test]
fn the_main_help_names_every_command_and_shows_examples() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0), "{}", said(&help));
    for (command, _) in COMMANDS {
        let listed = out(&help).lines().any(|line| line.trim_start().starts_with(command));
        assert!(listed, "{command}: {}", said(&help));
    }
    assert!(out(&help).contains("Examples:"), "{}", said(&help));
}

#[test]
fn help_fits_a_hundred_columns() {
    for (command, _) in COMMANDS {
        let help = run(&[command, "--help"]);
        let widest = out(&help).lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{command}: {}", said(&help));
    }
}

/// The help of a command in one line, however it is wrapped.
fn help(command: &[&str]) -> String {
    let help = run(&[command, &["--help"]].concat());
    out(&help).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_says_what_holds() {
    let serve = help(&["serve"]);
    let (first, tokens) = serve.split_once("Access tokens:").unwrap();
    assert!(first.contains("--demo") && first.contains("--chaos"), "{serve}");
    assert!(first.contains("rediss://HOST"), "{serve}");
    assert!(!tokens.contains("--demo"), "{serve}");
    let create = help(&["token", "create"]);
    assert!(create.contains("kept in the token, not counted yet"), "{create}");
    assert!(![serve, create].iter().any(|help| help.contains("http alone")));
    let now = help(&["now"]);
    for name in ["TLS__CA_FILE", "SERVER", "TOKEN", "DATA", "CONFIG", "ACCOUNT"] {
        assert!(now.contains(&format!("VIEWLOG_{name}")), "{name}: {now}");
    }
}

#[test]
fn the_version_is_the_crate_s() {
    let version = run(&["--version"]);
    assert_eq!(out(&version), concat!("viewlog ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_use_is_told_and_exits_2() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    let long = "x".repeat(129);
    let uses: &[&[&str]] = &[
        &[],
        &["play"],
        &["now", "--account", "home", "--loud"],
        &["now", "--account", ""],
        &["now", "--account", &long],
        &["history", "--account", "home", "--profile", "a\tb"],
        &["history", "--account", "home", "--limit", "0"],
        &["resume", "--account", "home", "--explain"],
        &["watch-time", "--account", "home", "--tz", "Mars/Olympus"],
        &["watch-time", "--account", "home", "--by", "hour"],
        &["compact", "--older-than", "14"],
        &["undo", "--account", "home", "--profile", "anna"],
        &["import", "vhs", file, "--account", "home"],
        &["import", "trakt", file, "--account", "home"],
        &["import", "viewlog", "/nonexistent/file", "--account", "home"],
        &["import", "viewlog", "/", "--account", "home"],
        &["import", "viewlog", file, "--account", "home", "--profile", "anna"],
        &["export", "--account", "home", "--format", "trakt"],
        &["export", "--account", "home", "--out", "/nonexistent/file"],
        &["erase", "--yes"],
        &["erase", "--account", "home"],
        &["erase", "--account", "home", "--profile", "anna"],
        &["erase", "--account", "home", "--title", "film", "--yes"],
        &["erase", "--account", "home", "--profile", "anna", "--session", "1", "--yes"],
        &["serve", "--demo", "--data", "/nonexistent"],
        &["serve", "--listen", "everywhere"],
        &["now", "--account", "home", "--config", "/nonexistent/file"],
        &["now", "--account", "home", "--server", "ftp://example.org"],
        &["now", "--account", "home", "--server", "example.org"],
        &["now", "--account", "..", "--server", "http://127.0.0.1:1"],
        &["now", "--server", "http://127.0.0.1:1"],
    ];
    for arguments in uses {
        let wrong = run(arguments);
        assert_eq!(wrong.status.code(), Some(2), "{arguments:?}: {}", said(&wrong));
        assert!(!err(&wrong).is_empty(), "{arguments:?}");
        assert!(out(&wrong).is_empty(), "{arguments:?}: {}", said(&wrong));
    }
}

#[test]
fn tables_of_no_log_are_not_looked_for() {
    for verb in ["print", "apply", "check"] {
        let wrong = run(&["schema", verb]);
        assert_eq!(wrong.status.code(), Some(2), "{verb}: {}", said(&wrong));
        assert!(err(&wrong).contains("no log; name one with --log"), "{verb}: {}", said(&wrong));
    }
}

#[test]
fn what_is_no_time_is_told_with_what_would_be_one() {
    for text in ["", "yesterday", "3", "3 d", "d", "2026-13-01", "1969-01-01", "2h3", "-2h"] {
        let from = format!("--from={text}");
        let wrong = run(&["history", "--account", "home", &from]);
        assert_eq!(wrong.status.code(), Some(2), "{text:?}: {}", said(&wrong));
        let names = ["2026-11-23T05:00:30Z", "2026-11-23 05:00", "3d"];
        assert!(names.iter().all(|name| err(&wrong).contains(name)), "{}", said(&wrong));
    }
}

#[test]
fn times_playheads_and_days_are_read_as_people_write_them() {
    let server = ["--server", "http://127.0.0.1:1", "--account", "home", "--profile", "anna"];
    let times = ["2026-11-23T05:00:30Z", "2026-11-23T06:00:30.5+01:00", "2026-11-23", "90m"];
    let spans = ["2h", "3d", "3d ago", "1w2d", "99999999d"];
    let here = ["2026-11-23 05:00", "2026-11-23 05:00:30"];
    for text in times.iter().chain(&spans).chain(&here) {
        let right = run(&[&["history", "--from", text], &server[..]].concat());
        assert_eq!(right.status.code(), Some(3), "{text:?}: {}", said(&right));
    }
    for text in ["1:02:03", "62:03", "0:00", "1h2m3s", "812000ms", "90s"] {
        let right = run(&[&["position", "film", text], &server[..]].concat());
        assert_eq!(right.status.code(), Some(3), "{text:?}: {}", said(&right));
    }
    for text in ["", "812", "1:2", "1:99", "1:02:03:04", "+1:02", "1:-2", "99999999999999999999s"] {
        let wrong = run(&[&["position", "film", text], &server[..]].concat());
        assert_eq!(wrong.status.code(), Some(2), "{text:?}: {}", said(&wrong));
    }
}

#[test]
fn a_server_that_does_not_answer_is_named_and_exits_3() {
    let gone = run(&["now", "--account", "home", "--server", "http://127.0.0.1:1"]);
    assert_eq!(gone.status.code(), Some(3), "{}", said(&gone));
    assert!(err(&gone).contains("no answer from http://127.0.0.1:1/"), "{}", said(&gone));
    assert_eq!(err(&gone).lines().count(), 1, "{}", said(&gone));
}

#[test]
fn a_dry_run_needs_no_server_and_tells_odd_rows_with_their_lines() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "\nnot json\n\n[]").unwrap();
    file.write_all(b"\xff\xfe\n").unwrap();
    file.write_all(&vec![b'x'; 2 * 1024 * 1024]).unwrap();
    let path = file.path().to_str().unwrap();
    let read = run(&["import", "viewlog", path, "--account", "home", "--dry-run"]);
    assert_eq!(read.status.code(), Some(1), "{}", said(&read));
    let lines: Vec<String> = out(&read).lines().map(str::to_owned).collect();
    for (line, begins) in lines.iter().zip(["line 2: ", "line 4: ", "line 5: ", "line 6: "]) {
        assert!(line.starts_with(begins), "{}", said(&read));
    }
    assert!(lines.last().unwrap().contains("4 odd rows"), "{}", said(&read));
}

#[test]
fn a_reader_who_leaves_ends_a_command_quietly() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all("odd\n".repeat(10_000).as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let mut command = viewlog();
    command.args(["import", "viewlog", path, "--account", "home", "--dry-run"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
    assert_eq!(err(&ended), "");
}
