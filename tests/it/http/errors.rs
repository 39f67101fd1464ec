//! Every error in one shape, also those that no handler made.

use serde_json::json;
use viewlog::events::AccountRange;
use viewlog::http::Settings;

use super::site::{EVENTS, Site, fact};
use crate::support::{eventually, home};

#[actix_web::test]
async fn an_unknown_address_is_not_found() {
    let site = Site::start().await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/v1"),
        ("GET", "/v1/accounts"),
        ("POST", "/v1/accounts/home/event"),
        ("POST", "/v1/accounts/home/events/"),
        ("GET", "/v2/accounts/home/now"),
    ] {
        site.call(method, path).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_known_address_names_the_methods_that_it_takes() {
    let site = Site::start().await;
    for (method, path, allowed) in [
        ("GET", EVENTS, "POST"),
        ("PUT", EVENTS, "POST"),
        ("GET", "/v1/events", "POST"),
        ("PATCH", "/v1/accounts/home", "DELETE"),
        ("POST", "/v1/accounts/home/profiles/anna", "DELETE"),
        ("GET", "/v1/accounts/home/profiles/anna/titles/film/hide", "POST"),
        ("GET", "/v1/accounts/home/profiles/anna/undo", "POST"),
        ("POST", "/v1/accounts/home/now", "GET, HEAD"),
    ] {
        let answer = site.call(method, path).await;
        answer.problem(405, "method_not_allowed");
        assert!(answer.header("allow").contains(allowed), "{method} {path}: {answer:?}");
    }
}

#[actix_web::test]
async fn an_unknown_command_on_a_title_is_not_found() {
    let site = Site::start().await;
    let path = "/v1/accounts/home/profiles/anna/titles/film/love";
    site.post(path, &json!({})).await.problem(404, "not_found");
}

#[actix_web::test]
async fn failures_on_purpose_are_unknown_unless_they_were_asked_for() {
    let site = Site::start().await;
    let body = json!({"panic": {"account": "home"}});
    site.post("/v1/system/chaos", &body).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_failure_on_purpose_costs_nothing_that_was_recorded() {
    let site = Site::with(Settings { chaos: true, ..Settings::default() }).await;
    site.post(EVENTS, &fact(1, 0, "started", 0)).await;
    let answer = site.post("/v1/system/chaos", &json!({"panic": {"account": "home"}})).await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let second = fact(1, 1, "progressed", 10);
    eventually("the account records again", async || {
        site.post(EVENTS, &second).await.status == 200
    })
    .await;
    let state = site.state(1).await;
    assert_eq!((state.facts, state.missing.is_empty()), (2, true));
    assert_eq!(site.log.accounts(&AccountRange::ALL, None, 10).await.unwrap(), [home()]);
}

#[actix_web::test]
async fn an_empty_account_is_not_all_accounts() {
    let site = Site::start().await;
    for account in ["account=", "account", "older=1&account="] {
        let answer = site.post(&format!("/v1/system/verify?{account}"), &json!({})).await;
        let detail = answer.problem(400, "malformed");
        assert!(detail.starts_with("account is empty;"), "{detail}");
    }
}

#[actix_web::test]
async fn a_failure_on_purpose_must_be_named() {
    let site = Site::with(Settings { chaos: true, ..Settings::default() }).await;
    site.send("/v1/system/chaos", None, b"no".to_vec()).await.problem(400, "malformed");
    for body in [json!({}), json!({"panic": {}}), json!({"panic": {"account": ""}})] {
        site.post("/v1/system/chaos", &body).await.problem(422, "invalid_event");
    }
}

#[actix_web::test]
async fn a_command_whose_body_is_too_great_is_refused_in_the_same_shape() {
    let site = Site::start().await;
    for path in ["titles/film/position", "undo"] {
        let path = format!("/v1/accounts/home/profiles/anna/{path}");
        let body = vec![b' '; (4 << 20) + 1];
        site.send(&path, Some("application/json"), body).await.problem(413, "too_large");
    }
}
