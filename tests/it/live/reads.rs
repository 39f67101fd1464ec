//! Reads over HTTP: parameters, tags, names of things, what is refused and how.

use serde_json::{Value, json};

use super::server::Server;
use viewlog::events::{Append, Clock, EventRow, Mark, MarkKind, Order, SessionId, SystemClock};

use crate::support::{fresh, home, id, json_fact};

/// Anna watched so many minutes of titles of these names, each in a session of its own.
async fn watched(server: &Server, titles: &[&str]) -> Vec<SessionId> {
    let mut sessions = Vec::new();
    for (number, title) in titles.iter().enumerate() {
        let session = fresh(number as u128);
        let begun = SystemClock.now().plus_ms(-600_000 + 1_000 * number as i64);
        let facts = [(0, "started", 0), (1, "progressed", 120_000), (2, "stopped", 120_000)];
        let facts = facts.map(|(seq, kind, position_ms)| {
            let mut fact = json_fact(session, seq, kind, position_ms);
            fact["title"] = (*title).into();
            fact["at"] = json!(begun.plus_ms(position_ms as i64));
            fact
        });
        server.record(facts.into()).await;
        sessions.push(session);
    }
    sessions
}

#[actix_web::test]
async fn every_question_has_its_answer() {
    let server = Server::start().await;
    let sessions = watched(&server, &["film"]).await;
    let last = sessions[0];
    for (path, has) in [
        ("home/now", "playing"),
        ("home/profiles", "items"),
        ("home/profiles/anna/continue-watching?limit=3", "items"),
        ("home/profiles/anna/history?limit=50&cursor=&from=&to=&title=", "items"),
        ("home/profiles/anna/titles/film", "share_seen"),
        ("home/profiles/anna/titles?title=film", "share_seen"),
        ("home/profiles/anna/title?title=film", "share_seen"),
        ("home/profiles/anna/watch-time?by=week&tz=Europe/Berlin", "items"),
        ("home/profiles/anna/resume/film?explain=true", "explain"),
        ("home/profiles/anna/resume?title=film", "resume_at_ms"),
        ("home/profiles/anna/resume?titles=film,none", "items"),
        (&format!("home/sessions/{last}"), "clock_offset_ms"),
        (&format!("home/profiles/anna/resume/film?after={last}:2&whatever=x"), "position_ms"),
    ] {
        let answer = server.read(path).await;
        assert!(!answer[has].is_null(), "{path} {answer}");
        for common in ["as_of", "stale", "source", "complete"] {
            assert!(!answer[common].is_null(), "{path} {common} {answer}");
        }
    }
    let history = server.read("home/profiles/anna/history").await;
    assert_eq!(history["items"][0]["played_ms"], 120_000);
    server.stop().await;
}

#[actix_web::test]
async fn an_account_without_events_answers_empty_lists() {
    let server = Server::start().await;
    assert_eq!(server.read("nobody/now").await["playing"], json!([]));
    for path in ["profiles", "profiles/anna/continue-watching", "profiles/anna/history"] {
        assert_eq!(server.read(&format!("nobody/{path}")).await["items"], json!([]), "{path}");
    }
    let export = crate::support::get(server.url("nobody/export")).await.unwrap();
    assert_eq!((export.status().as_u16(), export.text().await.unwrap().as_str()), (200, ""));
    let unknown = server.refused("nobody/profiles/anna/resume/film").await;
    assert!(unknown.0 == 404 && unknown.1.starts_with("no_resume_point"), "{unknown:?}");
    for path in ["profiles/anna/titles/film".to_owned(), format!("sessions/{}", fresh(1))] {
        let unknown = server.refused(&format!("nobody/{path}")).await;
        assert!(unknown.0 == 404 && unknown.1.starts_with("not_found"), "{path} {unknown:?}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn ids_are_decoded_once_and_taken_as_they_are() {
    let server = Server::start().await;
    watched(&server, &["a/b", "a%2Fb", "50%+ ü,x"]).await;
    for (encoded, title) in
        [("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("50%25%2B%20%C3%BC%2Cx", "50%+ ü,x")]
    {
        let by_path = server.read(&format!("home/profiles/anna/titles/{encoded}")).await;
        let by_name = server.read(&format!("home/profiles/anna/titles?title={encoded}")).await;
        assert_eq!((&by_path["title"], &by_name["title"]), (&json!(title), &json!(title)));
    }
    let wanted = json!({"titles": ["50%+ ü,x", "none"]});
    let answer = crate::support::client()
        .post(server.url("home/profiles/anna/resume"))
        .body(wanted.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["items"][0]["title"], "50%+ ü,x");
    server.stop().await;
}

#[actix_web::test]
async fn a_wrong_parameter_is_named_with_what_would_be_right() {
    let server = Server::start().await;
    for (path, part) in [
        ("home/now?as_of=yesterday", "as_of: \\\"yesterday\\\" is not an RFC 3339 time"),
        ("home/now?after=1:2", "after: \\\"1:2\\\" is not SESSION:SEQ"),
        ("home/profiles/anna/history?limit=many", "limit: \\\"many\\\" is not a whole number"),
        ("home/profiles/anna/history?cursor=abc", "cursor"),
        ("home/profiles/anna/watch-time?by=year", "by: \\\"year\\\" is not day, week or month"),
        ("home/profiles/anna/watch-time?tz=Mars", "tz: \\\"Mars\\\" is not a time zone"),
        ("home/profiles/anna/resume/film?explain=why", "explain: \\\"why\\\" is neither"),
        ("home/profiles/anna/resume", "titles is missing"),
        ("home/profiles/anna/titles", "title is missing"),
        ("home/sessions/film", "session: \\\"film\\\" is not a UUID"),
        ("home/profiles/anna/titles/a%FFb", "the path is not percent-encoded UTF-8"),
        ("home/profiles/anna/titles/a%0Ab", "title holds a control character"),
        ("home/profiles/anna/titles?title=a%", "the query is not percent-encoded UTF-8"),
    ] {
        let (status, said) = server.refused(path).await;
        assert!(status == 400 && said.starts_with("malformed"), "{path} {status} {said}");
        assert!(said.contains(part), "{path} {said}");
    }
    let long = format!("home/profiles/{}/history", "x".repeat(129));
    assert!(server.refused(&long).await.1.contains("profile is longer than 128 bytes"));
    let many = format!("home/profiles/anna/resume?titles={}", "t,".repeat(501));
    assert_eq!(server.refused(&many).await.0, 413);
    server.stop().await;
}

#[actix_web::test]
async fn limits_are_clamped_and_offsets_may_lose_their_plus() {
    let server = Server::start().await;
    watched(&server, &["one", "two", "three"]).await;
    for (limit, found) in [("0", 1), ("-3", 1), ("2", 2), ("99999999999999999999", 3)] {
        let path = format!("home/profiles/anna/history?limit={limit}");
        let items = server.read(&path).await["items"].as_array().unwrap().len();
        assert_eq!(items, found, "{limit}");
    }
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let path = format!("home/profiles/anna/history?limit=1&cursor={cursor}");
        let page = server.read(&path).await;
        titles.push(page["items"][0]["title"].clone());
        cursor = page["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((titles, cursor), (vec!["three".into(), "two".into(), "one".into()], String::new()));
    let path = "home/profiles/anna/history?from=2020-01-01T00:00:00+01:00";
    assert_eq!(server.read(path).await["items"].as_array().unwrap().len(), 3);
    server.stop().await;
}

#[actix_web::test]
async fn who_has_an_answer_is_told_so_until_it_changes() {
    let server = Server::start().await;
    watched(&server, &["film"]).await;
    let ask = async |tag: &str| {
        let url = server.url("home/profiles/anna/history");
        let request = crate::support::client().get(url).header("if-none-match", tag);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        (response.status().as_u16(), tag, response.text().await.unwrap())
    };
    // The first answer comes from the log and fills the views, which answer from then on.
    assert_eq!(ask("\"other\"").await.0, 200);
    let (_, tag, _) = ask("\"other\"").await;
    assert_eq!(ask(&tag).await, (304, tag.clone(), String::new()));
    assert_eq!(ask(&format!("\"x\", {tag}")).await.0, 304);
    watched(&server, &["other film"]).await;
    let (status, newer, _) = ask(&tag).await;
    assert!(status == 200 && newer != tag);
    server.stop().await;
}

#[actix_web::test]
async fn a_read_after_a_command_knows_of_it() {
    let server = Server::start().await;
    watched(&server, &["film"]).await;
    server.read("home/profiles/anna/continue-watching").await;
    let now = SystemClock.now();
    let command = SessionId::fresh(now);
    let kind = MarkKind::TitleHidden { title: id("film") };
    let mark = Mark { command, profile: id("anna"), at: now, received_at: now, kind };
    server.node.system.accounts().mark(home(), mark).await.unwrap();
    let path = format!("home/profiles/anna/continue-watching?after={command}:0");
    assert_eq!(server.read(&path).await["items"], json!([]));
    server.stop().await;
}

#[actix_web::test]
async fn an_export_has_a_line_for_every_fact_and_command() {
    let server = Server::start().await;
    watched(&server, &["one", "two"]).await;
    let now = SystemClock.now();
    let kind = MarkKind::TitleHidden { title: id("one") };
    let command = SessionId::fresh(now);
    let mark = Mark { command, profile: id("anna"), at: now, received_at: now, kind };
    server.node.system.accounts().mark(home(), mark).await.unwrap();
    let response = crate::support::get(server.url("home/export")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 7, "{text}");
    assert!(lines.iter().all(|line| line["account"] == "home"));
    let started = lines.iter().filter(|line| line["kind"] == "started");
    assert!(started.map(|line| &line["title"]).eq([&json!("one"), &json!("two")]));
    server.stop().await;
}

#[actix_web::test]
async fn an_export_that_lacks_something_says_so_at_its_end() {
    let server = Server::start().await;
    let sessions = watched(&server, &["film"]).await;
    let mut append = Append::new(home());
    let order = Order { seq: 7, fingerprint: 7 };
    append.events.push(EventRow { session: sessions[0], order, body: b"not an event".into() });
    server.node.log.append(&append).await.unwrap();
    let text = crate::support::get(server.url("home/export")).await.unwrap().text().await.unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let detail = "rows that cannot be read: 1, in sessions: 1";
    assert_eq!(last, json!({"kind": "incomplete", "detail": detail}));
    assert_eq!(text.lines().count(), 4);
    server.stop().await;
}
