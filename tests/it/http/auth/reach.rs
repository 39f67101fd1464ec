//! From where a server with tokens may be called, and the token that its own machine has.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};
use viewlog::app::StartError;

use super::{ALL, Bearer, SECRET, answered, guarded, guarded_with, token};
use crate::site::Site;

const NOW: &str = "/v1/accounts/home/now";
const PLAYER: &str = "https://player.example.org";

#[actix_web::test]
async fn any_host_is_answered_where_tokens_say_who_asks() {
    let site = guarded().await;
    let bearer = Bearer::new(&site, token("home", "read"));
    for host in ["tv.example.org", "192.168.1.5:7070", "viewlog", "[fe80::1]:7070"] {
        answered(bearer.request(Method::GET, NOW).header("host", host)).await.ok();
        // A page that brings this server's address under its own name has no token.
        let rebound = site.client.get(format!("{}{NOW}", site.url)).header("host", host);
        let rebound = rebound.header("origin", format!("http://{host}"));
        answered(rebound).await.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn a_page_of_another_site_is_refused_with_a_token_too() {
    let site = guarded_with(&[("allowed_origins", PLAYER)]).await;
    let bearer = Bearer::new(&site, token("home", ALL));
    let from = |origin: &str| bearer.request(Method::GET, NOW).header("origin", origin);
    answered(from(PLAYER)).await.ok();
    answered(from("https://evil.example")).await.refused(403, "forbidden");
    answered(from("null")).await.refused(403, "forbidden");
}

#[actix_web::test]
async fn an_allowed_page_may_read_that_it_needs_a_token() {
    let site = guarded_with(&[("allowed_origins", PLAYER)]).await;
    let request = site.client.get(format!("{}{NOW}", site.url)).header("origin", PLAYER);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["access-control-allow-origin"], PLAYER);
    let url = format!("{}/v1/accounts/home/events", site.url);
    let preflight = site.client.request(Method::OPTIONS, url).header("origin", PLAYER);
    let preflight = preflight.header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 204);
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization"), "{allowed}");
}

#[actix_web::test]
async fn a_server_without_a_key_does_not_listen_elsewhere() {
    let site = Site::with(&[("log", "memory:")]).await;
    let elsewhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = site.app.listen(elsewhere).unwrap_err();
    assert!(matches!(refused, StartError::Open { .. }), "{refused}");
    assert!(refused.to_string().contains("viewlog token create"), "{refused}");
    let site = guarded().await;
    let address = site.app.listen(elsewhere).unwrap();
    assert!(address.url.starts_with("http://127.0.0.1:"), "{}", address.url);
    let answer =
        site.client.get(format!("{}{NOW}", address.url)).bearer_auth(token("home", "read"));
    answered(answer).await.ok();
}

#[actix_web::test]
async fn programs_of_this_machine_have_a_token_for_everything() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[("auth_secret", SECRET)]).await;
    let note = data.path().join("server.json");
    assert_eq!(std::fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
    let told: Value = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
    let local = told["token"].as_str().unwrap().to_owned();
    let here = Bearer::new(&site, local.clone());
    here.get("/v1/system").await.ok();
    here.get("/v1/accounts/anyone/now").await.ok();
    here.post("/v1/events", &json!({"events": []})).await.ok();
    for wrong in [&local[1..], &format!("{local}0"), &local.to_uppercase()] {
        Bearer::new(&site, wrong).get("/v1/system").await.refused(401, "unauthenticated");
    }
    site.stop().await;
    let site = Site::on(data.path(), &[("auth_secret", SECRET)]).await;
    Bearer::new(&site, local).get("/v1/system").await.refused(401, "unauthenticated");
    site.stop().await;
}

#[actix_web::test]
async fn without_a_key_everything_is_as_it_was() {
    let site = Site::with(&[("log", "memory:")]).await;
    for token in ["nonsense", "a.b.c", &token("other", "")] {
        let bearer = Bearer::new(&site, token);
        bearer.get(NOW).await.ok();
        bearer.get("/v1/system").await.ok();
        let foreign = bearer.request(Method::GET, NOW).header("host", "tv.example.org");
        answered(foreign).await.refused(403, "forbidden");
    }
}
