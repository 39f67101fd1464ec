//! What operators and browsers ask: health, metrics, the system, jobs, the API's description, the
//! pages.

use serde_json::json;

use super::{ANNA, EVENTS, Play, asked, fields, sent, site, titles, watched};
use crate::binary::Served;
use crate::servers::stores;
use crate::support::eventually;

#[actix_web::test]
async fn a_node_says_that_it_lives_and_is_ready() {
    let site = site().await;
    for path in ["/healthz", "/readyz"] {
        let reply = asked(&site, path, &[]).await;
        assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{path}");
    }
}

#[actix_web::test]
async fn the_system_reports_what_the_contract_names() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let system = asked(&site, "/v1/system", &[]).await.ok();
    let named = [
        "version",
        "roles",
        "uptime_s",
        "actors",
        "log",
        "views",
        "as_of",
        "oldest_window",
        "generation",
        "rebuild",
        "parked",
    ];
    let present = fields(&system);
    assert!(named.iter().all(|field| present.contains(field)), "{system}");
    let account = fields(&system["actors"]["account"]);
    assert!(["active", "given_up", "restarts"].iter().all(|field| account.contains(field)));
    assert_eq!(system["actors"]["account"]["active"], json!(1));
    let kind = if stores::are_a_fleets() { "cassandra" } else { "memory" };
    assert_eq!((&system["log"]["kind"], &system["log"]["ok"]), (&json!(kind), &json!(true)));
    assert_eq!((&system["views"]["ok"], &system["parked"]), (&json!(true), &json!(0)));
    assert_eq!(system["rebuild"], json!(null));
}

#[actix_web::test]
async fn metrics_count_facts_by_what_became_of_them() {
    // In a process of its own: counters are bound when the first fact comes.
    let data = tempfile::tempdir().unwrap();
    let (served, client) = (Served::start(data.path(), &[]), crate::support::client());
    let play = Play::of("film", 3_600);
    let private = Play::of("x", 60).fact_with(0, "started", json!({ "private": true }));
    let facts = json!([play.fact(0, "started"), play.fact(0, "started"), private, null]);
    let told = client.post(format!("{}{EVENTS}", served.url)).json(&json!({ "events": facts }));
    assert_eq!(sent(told).await.status, 200);
    let reply = sent(client.get(format!("{}/metrics", served.url))).await;
    assert!(reply.header("content-type").starts_with("text/plain"));
    for (metric, label) in [
        ("viewlog_facts_total", "outcome=\"recorded\""),
        ("viewlog_facts_total", "outcome=\"duplicate\""),
        ("viewlog_facts_total", "outcome=\"private\""),
        ("viewlog_facts_refused_total", "code=\"invalid_event\""),
    ] {
        let counts = |line: &str| line.starts_with(metric) && line.contains(label);
        assert!(reply.text().lines().any(counts), "{metric} {label}");
    }
    assert!(!reply.text().contains("home"), "no metric names an account");
}

#[actix_web::test]
async fn a_rebuild_is_started_and_answers_stay() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    site.get(&format!("{ANNA}/history")).await;
    let (status, started) = site.post("/v1/system/rebuild", &json!({})).await;
    assert_eq!(status, 202, "{started}");
    eventually("the rebuild is done", async || {
        site.get("/v1/system/jobs/rebuild").await.1["state"] == json!("done")
    })
    .await;
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film"]);
    assert_eq!(site.get("/v1/system").await.1["rebuild"], json!(null));
}

#[actix_web::test]
async fn a_job_that_never_ran_is_not_found() {
    let site = site().await;
    for kind in ["rebuild", "verify", "compact"] {
        let path = format!("/v1/system/jobs/{kind}");
        asked(&site, &path, &[]).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn wrong_parameters_of_jobs_are_refused() {
    let site = site().await;
    for path in ["compact?older_than_days=-1", "compact?older_than_days=x", "verify?account=%00"] {
        let request = site.client.post(format!("{}/v1/system/{path}", site.url));
        sent(request).await.problem(400, "malformed");
    }
}

#[actix_web::test]
async fn the_description_names_every_route_of_the_contract() {
    let site = site().await;
    let document = asked(&site, "/openapi.json", &[]).await.ok();
    let paths = fields(&document["paths"]);
    let person = "/v1/accounts/{account}/profiles/{profile}";
    for path in [
        "/v1/events",
        "/v1/accounts/{account}/events",
        "/v1/accounts/{account}/now",
        "/v1/accounts/{account}/live",
        "/v1/accounts/{account}/export",
        "/v1/accounts/{account}/profiles",
        "/v1/accounts/{account}/sessions/{session}",
        &format!("{person}/resume/{{title}}"),
        &format!("{person}/resume"),
        &format!("{person}/continue-watching"),
        &format!("{person}/history"),
        &format!("{person}/titles/{{title}}"),
        &format!("{person}/watch-time"),
        &format!("{person}/undo"),
        &format!("{person}/history/{{session}}"),
        "/v1/system",
        "/v1/system/rebuild",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
}

#[actix_web::test]
async fn pages_are_pages_and_let_nothing_in_from_elsewhere() {
    let site = site().await;
    for path in ["/", "/accounts/home", "/accounts/%2F%20x"] {
        let reply = asked(&site, path, &[]).await;
        assert_eq!(reply.status, 200);
        assert!(reply.header("content-type").starts_with("text/html"));
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        let again = asked(&site, path, &[("if-none-match", reply.header("etag"))]).await;
        assert_eq!(again.status, 304);
    }
    let docs = asked(&site, "/docs/", &[]).await;
    assert_eq!(docs.status, 200);
    assert!(docs.header("content-type").starts_with("text/html"));
    assert_eq!(asked(&site, "/docs", &[]).await.status, 200, "it leads there");
}
