//! The API's description says of every route what it needs of a token, and it is so.

use serde_json::{Value, json};
use viewlog::http::document;

use super::{Bearer, guarded, token, watched};

/// Every described route, and the scopes of which it needs one. A new route gets a line here, and
/// in `src/http/auth/rules.rs` the rule that it says.
const ROUTES: &[(&str, &str, &[&str])] = &[
    ("DELETE", "/v1/accounts/{account}", &["admin"]),
    ("DELETE", "/v1/accounts/{account}/history/{session}", &["record"]),
    ("DELETE", "/v1/accounts/{account}/profiles/{profile}", &["admin"]),
    ("DELETE", "/v1/accounts/{account}/profiles/{profile}/history/{session}", &["record"]),
    ("GET", "/healthz", &[]),
    ("GET", "/metrics", &["admin"]),
    ("GET", "/readyz", &[]),
    ("GET", "/v1/accounts/{account}/erasures/{receipt}", &["record", "read", "admin"]),
    ("GET", "/v1/accounts/{account}/export", &["read"]),
    ("GET", "/v1/accounts/{account}/live", &["read", "record"]),
    ("GET", "/v1/accounts/{account}/now", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/continue-watching", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/history", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/resume", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/resume/{title}", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/title", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/titles", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/titles/{title}", &["read"]),
    ("GET", "/v1/accounts/{account}/profiles/{profile}/watch-time", &["read"]),
    ("GET", "/v1/accounts/{account}/sessions/{session}", &["read"]),
    ("GET", "/v1/system", &["admin"]),
    ("GET", "/v1/system/jobs/{kind}", &["admin"]),
    ("POST", "/v1/accounts/{account}/events", &["record"]),
    ("POST", "/v1/accounts/{account}/import", &["record"]),
    ("POST", "/v1/accounts/{account}/profiles/{profile}/resume", &["read"]),
    ("POST", "/v1/accounts/{account}/profiles/{profile}/titles/{title}", &["record"]),
    ("POST", "/v1/accounts/{account}/profiles/{profile}/titles/{title}/{command}", &["record"]),
    ("POST", "/v1/accounts/{account}/profiles/{profile}/undo", &["record"]),
    ("POST", "/v1/events", &["record"]),
    ("POST", "/v1/system/compact", &["admin"]),
    ("POST", "/v1/system/rebuild", &["admin"]),
    ("POST", "/v1/system/sweep", &["admin"]),
    ("POST", "/v1/system/verify", &["admin"]),
];

/// The address of a described route, where what it names is of a profile.
pub(super) fn address(path: &str, account: &str, profile: &str, session: &str) -> String {
    let title = format!("film-of-{profile}");
    let named = [
        ("{account}", account),
        ("{profile}", profile),
        ("{session}", session),
        ("{receipt}", session),
        ("{title}", &title),
        ("{command}", "hide"),
        ("{kind}", "verify"),
    ];
    let filled = named.iter().fold(path.to_owned(), |path, (name, what)| path.replace(name, what));
    assert!(!filled.contains('{'), "{filled}");
    filled
}

fn described() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::to_value(document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    found
}

#[test]
fn every_described_route_says_what_it_needs() {
    let mut found = Vec::new();
    for (method, path, operation) in described() {
        let security = operation["security"].as_array();
        let security = security.unwrap_or_else(|| panic!("{method} {path} has no rule"));
        let words: Vec<String> =
            security.iter().map(|one| one["token"][0].as_str().unwrap().to_owned()).collect();
        let said = &operation["responses"];
        assert_eq!(said.get("401").is_some(), !words.is_empty(), "{method} {path}");
        // Where nobody has to say who asks, a host or an origin may still not be answered.
        assert!(said.get("403").is_some(), "{method} {path}");
        found.push((method, path, words));
    }
    let expected = ROUTES.iter().map(|(method, path, words)| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        ((*method).to_owned(), (*path).to_owned(), words)
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn the_description_names_the_scheme() {
    let document: Value = serde_json::to_value(document()).unwrap();
    let scheme = &document["components"]["securitySchemes"]["token"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    assert_eq!(scheme["bearerFormat"], "JWT");
}

#[actix_web::test]
async fn a_scope_that_is_not_needed_does_not_open_a_route() {
    let site = guarded().await;
    let session = watched(&site, "home", "anna").await.to_string();
    for (method, path, words) in ROUTES {
        let filled = address(path, "home", "anna", &session);
        for scope in ["record", "read", "admin"] {
            if words.is_empty() || words.contains(&scope) {
                continue;
            }
            let bearer = Bearer::new(&site, token("*", scope));
            let request = bearer.request(method.parse().unwrap(), &filled).body("{}");
            super::answered(request).await.refused(403, "forbidden");
        }
    }
}
