//! The API's description is true: every route is in it, and what it says is answered is.

mod schema;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use viewlog::actors::Limits;
use viewlog::events::Timestamp;
use viewlog::http::Settings;

use self::schema::Description;
use super::site::{EVENTS, Site, fact};
use crate::support::session;

const ANNA: &str = "/v1/accounts/home/profiles/anna";

/// In the code and not in the description: the pages, and what is there with `--chaos` alone.
const LEFT_OUT: [(&str, &str); 4] = [
    ("GET", "/"),
    ("GET", "/accounts/{account}"),
    ("GET", "/ui/{file}"),
    ("POST", "/v1/system/chaos"),
];

async fn site(settings: Settings) -> Site {
    Site::on(Site::memory(), Limits::default(), settings).await
}

/// The routes of all files of a folder, as their handlers name them.
fn routes(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(".route("), "{path:?}: name the route over its handler");
        for method in ["get", "post", "delete", "put", "patch"] {
            let attribute = format!("\n#[{method}(\"");
            let named = text.split(&attribute).skip(1);
            let named = named.map(|rest| rest.split('"').next().unwrap().to_owned());
            found.extend(named.map(|address| (method.to_uppercase(), address)));
        }
    }
}

#[test]
fn every_route_is_described_but_those_left_out_on_purpose() {
    let mut routed = Vec::new();
    routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut routed);
    routed.sort();
    let description = Description::read();
    let described = description.operations().into_iter().map(|(method, path, _)| (method, path));
    let left_out = LEFT_OUT.map(|(method, path)| (method.to_owned(), path.to_owned()));
    let mut known: Vec<_> = described.chain(left_out).collect();
    known.sort();
    assert_eq!(routed, known);
}

#[test]
fn every_answer_has_words_and_every_refusal_is_a_problem() {
    let description = Description::read();
    for (method, path, operation) in description.operations() {
        for (status, response) in description.responses(operation) {
            let words = response["description"].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{method} {path} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{method} {path}");
            }
        }
    }
}

#[test]
fn every_shape_that_has_a_name_is_called_by_it() {
    let description = Description::read();
    let text = description.0.to_string();
    for name in description.0["components"]["schemas"].as_object().unwrap().keys() {
        let reference = format!("\"#/components/schemas/{name}\"");
        assert!(text.contains(&reference), "nothing is a {name}");
    }
}

/// Asks all of it of one site, where each answer is to have its status and to be described.
async fn compared(description: &Description, requests: &[(&str, &str, Value, u16)]) -> Site {
    let site = site(Settings { facts_max: 3, ..Settings::default() }).await;
    for (method, target, body, status) in requests {
        let request = site.request(method, target);
        let answer = site
            .ask(match body {
                Value::Null => request,
                Value::String(text) => request.body(text.clone()),
                body => request.json(body),
            })
            .await;
        assert_eq!(answer.status, *status, "{method} {target} {body}: {answer:?}");
        description.describes((method, target), &answer);
    }
    site
}

#[actix_web::test]
async fn facts_are_answered_as_described() {
    let many = vec![fact(1, 0, "started", 0); 4];
    let (mut event, old) = (fact(2, 0, "started", 0), fact(1, 2, "progressed", 1_300));
    event["account"] = json!("home");
    event["received_at"] = event["at"].clone();
    let description = Description::read();
    let import = "/v1/accounts/home/import";
    let site = compared(
        &description,
        &[
            ("POST", EVENTS, fact(1, 0, "started", 0), 200),
            ("POST", EVENTS, json!({"events": [fact(1, 1, "progressed", 1_200), {}]}), 200),
            ("POST", EVENTS, fact(1, 1, "progressed", 1_300), 409),
            ("POST", EVENTS, json!("{"), 400),
            ("POST", EVENTS, json!({"events": many}), 413),
            ("POST", EVENTS, fact(1, 2, "watched", 0), 422),
            ("POST", "/v1/events", fact(2, 0, "started", 0), 422),
            ("POST", import, json!(event.to_string()), 200),
            ("POST", import, json!("{}"), 422),
            ("POST", &format!("{ANNA}/titles/film/forget"), Value::Null, 202),
            ("POST", EVENTS, old, 410),
        ],
    )
    .await;
    let picture = site.send(EVENTS, Some("image/png"), b"{}".to_vec()).await;
    assert_eq!(picture.status, 415);
    description.describes(("POST", EVENTS), &picture);
}

#[actix_web::test]
async fn commands_and_erasures_are_answered_as_described() {
    let description = Description::read();
    let (one, other) = (session(1), session(2));
    let since = json!({"since": "2026-01-01T00:00:00Z"});
    let site = compared(
        &description,
        &[
            ("POST", EVENTS, fact(1, 0, "started", 0), 200),
            ("POST", &format!("{ANNA}/titles/film/hide"), Value::Null, 200),
            ("POST", &format!("{ANNA}/titles/film/position"), json!({"position_ms": 7}), 200),
            ("POST", &format!("{ANNA}/titles/film/position"), Value::Null, 422),
            ("POST", &format!("{ANNA}/titles/film/love"), Value::Null, 404),
            ("POST", &format!("{ANNA}/titles/show?title=film"), Value::Null, 200),
            ("POST", &format!("{ANNA}/titles/show"), Value::Null, 400),
            ("POST", &format!("{ANNA}/titles/forget?title=else"), Value::Null, 202),
            ("POST", &format!("{ANNA}/undo"), since, 200),
            ("POST", &format!("{ANNA}/undo"), json!({}), 422),
            ("DELETE", &format!("{ANNA}/history/{one}"), Value::Null, 202),
            ("DELETE", &format!("{ANNA}/history/{other}"), Value::Null, 404),
            ("DELETE", ANNA, Value::Null, 202),
        ],
    )
    .await;
    let erased = site.call("DELETE", "/v1/accounts/home").await;
    description.describes(("DELETE", "/v1/accounts/home"), &erased);
    let receipt = erased.json["url"].as_str().unwrap();
    let again = site.call("GET", receipt).await;
    assert_eq!(again.status, 200);
    description.describes(("GET", receipt), &again);
}

#[actix_web::test]
async fn every_command_that_is_described_is_one() {
    let description = Description::read();
    let site = site(Settings::default()).await;
    let path = "/v1/accounts/{account}/profiles/{profile}/titles/{title}/{command}";
    let parameters = description.0["paths"][path]["post"]["parameters"].as_array().unwrap();
    let command = parameters.iter().find(|parameter| parameter["name"] == "command").unwrap();
    for word in command["schema"]["enum"].as_array().unwrap() {
        let path = format!("{ANNA}/titles/film/{}", word.as_str().unwrap());
        let answer = site.post(&path, &json!({"position_ms": 7})).await;
        assert!([200, 202].contains(&answer.status), "{path}: {answer:?}");
    }
}

#[actix_web::test]
async fn reads_are_answered_as_described() {
    let description = Description::read();
    let (one, other) = (session(1), session(2));
    let mut requests = vec![
        ("POST", EVENTS.to_owned(), fact(1, 0, "started", 0), 200),
        ("POST", EVENTS.to_owned(), fact(1, 1, "stopped", 1_200), 200),
        ("POST", EVENTS.to_owned(), fact(3, 0, "started", 0), 200),
        ("POST", format!("{ANNA}/resume"), json!({"titles": ["film"]}), 200),
        ("POST", format!("{ANNA}/resume"), json!({"titles": 1}), 400),
    ];
    let reads = [
        (format!("{ANNA}/resume/film?explain=true"), 200),
        (format!("{ANNA}/resume/other"), 404),
        (format!("{ANNA}/resume?titles=film,other"), 200),
        (format!("{ANNA}/resume?title=film"), 200),
        (format!("{ANNA}/resume?title=other"), 404),
        (format!("{ANNA}/resume?titles={}", "a,".repeat(501)), 413),
        (format!("{ANNA}/continue-watching"), 200),
        (format!("{ANNA}/history"), 200),
        (format!("{ANNA}/history?from=nonsense"), 400),
        (format!("{ANNA}/titles/film"), 200),
        (format!("{ANNA}/titles?title=film"), 200),
        (format!("{ANNA}/titles?title=other"), 404),
        (format!("{ANNA}/title?title=film"), 200),
        (format!("{ANNA}/watch-time?by=week"), 200),
        ("/v1/accounts/home/now".to_owned(), 200),
        ("/v1/accounts/home/profiles".to_owned(), 200),
        (format!("/v1/accounts/home/sessions/{one}"), 200),
        (format!("/v1/accounts/home/sessions/{other}"), 404),
        ("/v1/accounts/home/export".to_owned(), 200),
        ("/v1/accounts/home/live".to_owned(), 426),
    ];
    requests.extend(reads.map(|(target, status)| ("GET", target, Value::Null, status)));
    let requests: Vec<_> = requests
        .iter()
        .map(|(method, target, body, status)| (*method, target.as_str(), body.clone(), *status))
        .collect();
    let site = compared(&description, &requests).await;
    let now = "/v1/accounts/home/now";
    let known = site.ask(site.request("GET", now).header("if-none-match", "*")).await;
    assert_eq!(known.status, 304);
    description.describes(("GET", now), &known);
}

#[actix_web::test]
async fn operations_are_answered_as_described() {
    let description = Description::read();
    let site = compared(
        &description,
        &[
            ("GET", "/healthz", Value::Null, 200),
            ("GET", "/readyz", Value::Null, 200),
            ("GET", "/metrics", Value::Null, 404),
            ("GET", "/v1/system", Value::Null, 200),
            ("GET", "/v1/system/jobs/verify", Value::Null, 404),
            ("POST", "/v1/system/verify", Value::Null, 202),
            ("GET", "/v1/system/jobs/verify", Value::Null, 200),
            ("POST", "/v1/system/compact?older_than_days=x", Value::Null, 400),
            ("POST", "/v1/system/sweep?from=2026-01-01T00:00:00Z", Value::Null, 404),
        ],
    )
    .await;
    let foreign = site.ask(site.request("GET", "/healthz").header("host", "evil.example")).await;
    assert_eq!(foreign.status, 403);
    description.describes(("GET", "/healthz"), &foreign);
}

#[actix_web::test]
async fn a_fact_is_what_is_described() {
    let site = site(Settings::default()).await;
    let description = Description::read();
    let described = &description.0["components"]["schemas"]["Fact"];
    let fields = described["properties"].as_object().unwrap();
    for name in fields.keys() {
        let mut wrong = fact(1, 0, "started", 0);
        wrong[name] = json!([]);
        let refused = site.post(EVENTS, &wrong).await;
        assert!(refused.problem(422, "invalid_event").starts_with(&format!("{name} is not")));
    }
    assert_eq!(described["required"], json!(["session", "kind", "position_ms"]));
    for name in ["session", "kind", "position_ms"] {
        let mut lacking = fact(1, 0, "started", 0);
        lacking.as_object_mut().unwrap().remove(name);
        let refused = site.post(EVENTS, &lacking).await;
        assert!(refused.problem(422, "invalid_event").starts_with(&format!("{name} is missing")));
    }
    let words = ["kind", "reason", "media"].iter().flat_map(|name| {
        let words = fields[*name]["enum"].as_array().unwrap().iter();
        words.map(|word| (*name, word.clone()))
    });
    for (number, (name, word)) in (1..).zip(words) {
        let mut taken = fact(number, 0, "stopped", 0);
        taken[name] = word;
        assert_eq!(site.post(EVENTS, &taken).await.recorded(), 1, "{taken}");
    }
}

/// The example of this name in a content.
fn example<'d>(content: &'d Value, name: &str) -> &'d Value {
    let value = &content["examples"][name]["value"];
    assert!(!value.is_null(), "{content}");
    value
}

#[actix_web::test]
async fn the_examples_are_what_is_sent_and_answered() {
    let description = Description::read();
    let paths = &description.0["paths"];
    let events = &paths["/v1/accounts/{account}/events"]["post"];
    let resume = &paths["/v1/accounts/{account}/profiles/{profile}/resume/{title}"]["get"];
    let sent = &events["requestBody"]["content"];
    let json = "application/json";
    let found = &resume["responses"]["200"]["content"][json];
    let found = (&found["schema"], example(found, "resume"));

    let site = site(Settings::default()).await;
    let now = found.1["as_of"].as_str().unwrap();
    site.clock.set(Timestamp::parse(now).unwrap());
    let of_body = &sent[json];
    for name in ["fact", "facts"] {
        let fit = description.fits(&of_body["schema"], example(of_body, name));
        assert_eq!(fit, Ok(()), "{name}");
    }
    assert_eq!(site.post(EVENTS, example(of_body, "fact")).await.recorded(), 1);
    let recorded = site.post(EVENTS, example(of_body, "facts")).await;
    let said = &events["responses"]["200"]["content"][json];
    assert_eq!(recorded.json, *example(said, "facts"));
    let lines = example(&sent["application/x-ndjson"], "lines").as_str().unwrap();
    let again = site.send(EVENTS, Some("application/x-ndjson"), lines.into()).await;
    assert_eq!(again.json["duplicates"], 2);

    let mut unknown = example(of_body, "fact").clone();
    unknown["kind"] = json!("watched");
    let refused = site.post(EVENTS, &unknown).await;
    let problems = &description.0["components"]["responses"]["invalid_event"]["content"];
    assert_eq!(refused.json, *example(&problems["application/problem+json"], "facts"));

    assert_eq!(description.fits(found.0, found.1), Ok(()));
    let title = found.1["title"].as_str().unwrap();
    let answer = site.call("GET", &format!("{ANNA}/resume/{title}")).await;
    let mut expected = found.1.clone();
    // Either may have been read.
    expected["source"] = answer.json["source"].clone();
    assert_eq!(answer.json, expected);
    let none = &resume["responses"]["404"]["content"]["application/problem+json"];
    let answer = site.call("GET", &format!("{ANNA}/resume/other")).await;
    assert_eq!(answer.json, *example(none, "none"));
}
