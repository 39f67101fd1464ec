//! Questions: the same answer with and without a server, as a table for people and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::household::{FILM, SEEN, household, now, quiet_household};
use crate::binary::{Served, err, finish, out, run, said, viewlog};
use crate::support::session;

/// A question on the command line, and what it asks of `/v1/accounts/home`.
const QUESTIONS: &[(&[&str], &str)] = &[
    (&["now"], "now"),
    (&["profiles"], "profiles"),
    (&["history", "--profile", "dora"], "profiles/dora/history?limit=20"),
    (&["history", "--profile", "anna", "--limit", "3"], "profiles/anna/history?limit=3"),
    (
        &["history", "--profile", "dora", "--title", SEEN],
        "profiles/dora/history?limit=20&title=tt0111161",
    ),
    (&["continue", "--profile", "ben"], "profiles/ben/continue-watching?limit=20"),
    (&["resume", "--profile", "dora"], "profiles/dora/continue-watching"),
    (&["resume", FILM, "--profile", "dora"], "profiles/dora/resume/tt0944947:s1e3"),
    (
        &["resume", FILM, "--profile", "dora", "--explain"],
        "profiles/dora/resume/tt0944947:s1e3?explain=true",
    ),
    (&["title", FILM, "--profile", "dora"], "profiles/dora/titles/tt0944947:s1e3"),
    (
        &["watch-time", "--profile", "cleo", "--by", "month", "--tz", "Europe/Berlin"],
        "profiles/cleo/watch-time?by=month&tz=Europe%2FBerlin",
    ),
];

fn ask(data: &Path, question: &[&str], more: &[&str]) -> String {
    let answer = run(data, &[question, &["--account", "home"], more].concat());
    assert_eq!(answer.status.code(), Some(0), "{question:?}: {}", said(&answer));
    let told = err(&answer);
    assert!(
        told.lines().all(|line| line.ends_with(" has watched more; --limit shows it")),
        "{told}"
    );
    out(&answer)
}

/// The answer but for when it was given, and from which store.
fn settled(json: &str) -> String {
    let mut json = json.trim_end().to_owned();
    for field in ["\"as_of\":\"", "\"source\":\""] {
        // Watches have a source of their own; the answer's comes last.
        let Some(from) = json.rfind(field).map(|at| at + field.len()) else { continue };
        let to = json[from..].find('"').unwrap();
        json.replace_range(from..from + to, "");
    }
    json
}

#[tokio::test]
async fn every_answer_is_the_same_with_and_without_a_server_and_json_is_untouched() {
    let data = household();
    let before: Vec<_> = QUESTIONS
        .iter()
        .zip([&["--json"][..], &[]].into_iter().cycle())
        .map(|((question, _), more)| ask(data.path(), question, more))
        .collect();
    let served = Served::start(data.path(), &[]);
    for ((question, path), before) in QUESTIONS.iter().zip(before) {
        let (table, json) =
            (ask(data.path(), question, &[]), ask(data.path(), question, &["--json"]));
        fits(&table);
        let now = if before.starts_with('{') { &json } else { &table };
        assert_eq!(settled(now), settled(&before), "{question:?}");
        let url = format!("{}/v1/accounts/home/{path}", served.url);
        let by_http = crate::support::get(url).await.unwrap().text().await.unwrap();
        assert_eq!(settled(&json), settled(&by_http), "{question:?}");
    }
}

/// Eighty columns are what everybody has.
fn fits(table: &str) {
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
        assert_eq!(line, line.trim_end(), "{table}");
    }
    assert!(!table.starts_with(char::is_whitespace), "{table}");
}

#[test]
fn tables_fit_eighty_columns_and_carry_no_empty_ones() {
    let data = household();
    let long: &[&[&str]] = &[&["history", "--limit", "500"], &["continue"], &["watch-time"]];
    for question in long {
        fits(&ask(data.path(), question, &[]));
    }
    // Netflix says neither how long a title is nor when it counts as finished.
    let table = ask(data.path(), &["history", "--profile", "anna"], &[]);
    let head = table.lines().next().unwrap();
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>(),
        ["LAST", "PLAYED", "TITLE", "PLAYED", "AT"]
    );
}

#[test]
fn a_title_is_named_once_with_the_id_that_other_commands_take() {
    let data = household();
    let table = ask(data.path(), &["history", "--profile", "anna", "--limit", "1"], &[]);
    assert_eq!(table.matches("Signal Lost").count(), 1, "{table}");
    let id = table.split("netflix:").nth(1).unwrap().split("  ").next().unwrap();
    let title = ask(data.path(), &["title", &format!("netflix:{id}"), "--profile", "anna"], &[]);
    assert!(title.contains(&format!("netflix:{id}\n")), "{title}");
    let table = ask(data.path(), &["history", "--profile", "dora"], &[]);
    for named in ["Game of Thrones S1E3 The", FILM, "The Shawshank Redemption", SEEN] {
        assert!(table.contains(named), "{named}: {table}");
    }
}

#[test]
fn a_resume_point_is_explained() {
    let data = quiet_household();
    let told = ask(data.path(), &["resume", FILM, "--explain"], &[]);
    for line in ["go on at    24:55", "stopped at  25:00 of 1:00:00", "finished    never", "phone"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("decided by stopped at 2026-10-24 07:35:00\n  fact 2 of"), "{told}");
    let lost = told.lines().find(|line| line.starts_with("older")).unwrap();
    assert!(lost.contains("  20:00  2026-10-24 06:43:20  "), "{told}");
    let before = ask(data.path(), &["resume", FILM, "--as-of", "2026-10-24 07:00"], &[]);
    assert!(before.contains("go on at    19:55"), "{before}");
    let seen = ask(data.path(), &["title", SEEN], &[]);
    assert!(seen.contains("finished  once"), "{seen}");
}

#[test]
fn what_is_not_there_is_said_in_words() {
    let data = quiet_household();
    let words: &[(&[&str], &str)] = &[
        (&["now"], "nothing is playing\n"),
        (&["profiles"], "nobody has watched anything on account nobody\n"),
        (&["history"], "nothing was watched\n"),
        (&["history", "--profile", "dora"], "nothing was watched\n"),
        (&["continue"], "nothing to go on with\n"),
        (&["resume"], "nothing to go on with\n"),
        (&["watch-time"], "nothing was watched\n"),
        (&["export"], ""),
    ];
    for (question, expected) in words {
        let answer = run(data.path(), &[*question, &["--account", "nobody"]].concat());
        assert_eq!(answer.status.code(), Some(0), "{question:?}: {}", said(&answer));
        assert_eq!((&*out(&answer), &*err(&answer)), (*expected, ""), "{question:?}");
    }
    for list in ["now", "profiles", "history", "continue", "watch-time"] {
        let answer = out(&run(data.path(), &[list, "--json", "--account", "nobody"]));
        let listed: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let empty = if list == "now" { &listed["playing"] } else { &listed["items"] };
        assert_eq!(empty, &serde_json::json!([]), "{list}: {answer}");
    }
    let unknown: &[(&[&str], &str)] = &[
        (&["resume", "nope"], "viewlog: nothing of this title to go on with\n"),
        (&["title", "nope"], "viewlog: this profile never played the title\n"),
        (&["title", "nope", "--json"], "viewlog: this profile never played the title\n"),
    ];
    for (question, expected) in unknown {
        let answer = run(data.path(), &[*question, &["--account", "home"]].concat());
        assert_eq!(answer.status.code(), Some(1), "{question:?}: {}", said(&answer));
        assert_eq!((&*out(&answer), &*err(&answer)), ("", *expected), "{question:?}");
    }
}

#[test]
fn a_person_may_be_left_out_only_where_there_is_one() {
    let quiet = quiet_household();
    let alone = ask(quiet.path(), &["history"], &[]);
    assert!(alone.starts_with("LAST PLAYED"), "{alone}");
    ask(quiet.path(), &["history", "--json"], &[]);
    let data = household();
    let all = ask(data.path(), &["history", "--limit", "2"], &[]);
    for person in ["anna:", "ben:", "cleo:", "dora:"] {
        assert!(all.lines().any(|line| line == person), "{person}: {all}");
    }
    for question in [&["history", "--json"][..], &["title", FILM], &["hide", FILM]] {
        let which = run(data.path(), &[question, &["--account", "home"]].concat());
        assert_eq!(which.status.code(), Some(2), "{question:?}: {}", said(&which));
        assert!(err(&which).contains("name one with --profile: "), "{}", said(&which));
        assert!(err(&which).contains("dora"), "{}", said(&which));
    }
}

#[tokio::test]
async fn what_is_playing_is_shown() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let fact = json!({
        "profile": "anna", "title": FILM, "session": session(1), "seq": 0, "kind": "started",
        "at": now(), "position_ms": 61_000, "duration_ms": 3_600_000, "device": "bedroom",
        "name": "The Kingsroad",
    });
    let url = format!("{}/v1/accounts/home/events", served.url);
    let answer = crate::support::client().post(url).json(&fact).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let table = ask(data.path(), &["now"], &[]);
    for told in ["anna", "The Kingsroad", FILM, "playing", "1:01", "1:00:00", "bedroom"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    let json: Value = serde_json::from_str(&ask(data.path(), &["now", "--json"], &[])).unwrap();
    assert_eq!(json["playing"][0]["device"], "bedroom");
}

#[test]
fn the_environment_stands_in_for_options() {
    let data = quiet_household();
    let mut command = viewlog();
    command.env("VIEWLOG_DATA", data.path()).env("VIEWLOG_ACCOUNT", "home").arg("history");
    let answer = finish(&mut command);
    assert!(out(&answer).contains(FILM), "{}", said(&answer));
    command.env("VIEWLOG_SERVER", "http://127.0.0.1:1");
    let elsewhere = finish(&mut command);
    assert_eq!(elsewhere.status.code(), Some(3), "{}", said(&elsewhere));
    // A directory that is named is meant, whatever the environment says.
    let named = finish(command.arg("--data").arg(data.path()));
    assert_eq!(out(&named), out(&answer), "{}", said(&named));
    let wrong = finish(command.env("VIEWLOG_ACCOUNT", "\t"));
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(err(&wrong).contains("VIEWLOG_ACCOUNT"), "{}", said(&wrong));
}

#[test]
fn a_note_that_a_crash_left_behind_misleads_nobody() {
    let data = quiet_household();
    let served = Served::start(data.path(), &[]);
    served.kill();
    let note = data.path().join("server.json");
    assert!(note.exists());
    assert!(ask(data.path(), &["history"], &[]).contains(FILM));
    std::fs::write(&note, "half of a no").unwrap();
    assert!(ask(data.path(), &["history"], &[]).contains(FILM));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stranger = format!(r#"{{"url":"http://{}","token":"t"}}"#, listener.local_addr().unwrap());
    drop(listener);
    std::fs::write(&note, stranger).unwrap();
    assert!(ask(data.path(), &["history"], &[]).contains(FILM));
}
