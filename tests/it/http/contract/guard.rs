//! Which `Host` is answered without a token: this machine's own names, and the public one's.

use serde_json::json;

use super::raw::{json_of, said, status};
use super::{EVENTS, Play, asked, sent, site};
use crate::site::Site;

async fn status_for(site: &Site, host: &str) -> u16 {
    let words = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    status(&said(site, words.as_bytes()).await)
}

#[actix_web::test]
async fn names_of_this_machine_are_answered() {
    let site = site().await;
    let port = site.url.rsplit(':').next().unwrap();
    for host in [
        &format!("localhost:{port}"),
        &format!("127.0.0.1:{port}"),
        &format!("[::1]:{port}"),
        "localhost",
        "LocalHost",
        "127.0.0.1",
        "127.1.2.3",
        "[::1]",
        "localhost:1",
    ] {
        assert_eq!(status_for(&site, host).await, 200, "{host}");
    }
}

#[actix_web::test]
async fn any_other_host_is_refused_whatever_is_asked() {
    let site = site().await;
    for host in [
        "example.org",
        "example.org:7070",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "example.org@localhost",
        "localhost@example.org",
        "192.168.1.1",
        "0.0.0.0",
        "[::]",
        "[::2]:80",
        "[::1",
        "2130706433",
        "\u{fe}",
        "",
    ] {
        assert_eq!(status_for(&site, host).await, 403, "{host}");
    }
    for path in ["/", "/v1/system", "/metrics", "/docs/", "/nowhere", "/v1/accounts/home/now"] {
        asked(&site, path, &[("host", "example.org")]).await.problem(403, "forbidden");
    }
    let fact = Play::of("film", 3_600).fact(0, "started");
    let request = site.client.post(format!("{}{EVENTS}", site.url));
    let reply = sent(request.header("host", "example.org").json(&fact)).await;
    let problem = reply.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("public_url"), "{problem}");
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
}

#[actix_web::test]
async fn a_request_without_a_host_is_refused() {
    let site = site().await;
    for words in
        ["GET /healthz HTTP/1.0\r\n\r\n", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"]
    {
        let answer = said(&site, words.as_bytes()).await;
        assert!([400, 403].contains(&status(&answer)), "{answer}");
    }
}

#[actix_web::test]
async fn an_address_in_the_first_line_does_not_replace_the_host() {
    let site = site().await;
    let words =
        "GET http://localhost/healthz HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n";
    let answer = said(&site, words.as_bytes()).await;
    assert_eq!((status(&answer), &json_of(&answer)["code"]), (403, &json!("forbidden")));
}

#[actix_web::test]
async fn the_public_address_is_answered_with_and_without_its_port() {
    let settings = [("log", "memory:"), ("public_url", "https://tv.example.org")];
    let site = Site::with(&settings).await;
    for host in ["tv.example.org", "TV.example.org", "tv.example.org:443", "localhost"] {
        assert_eq!(status_for(&site, host).await, 200, "{host}");
    }
    for host in ["example.org", "a.tv.example.org", "tv.example.org.evil.example"] {
        assert_eq!(status_for(&site, host).await, 403, "{host}");
    }
}
