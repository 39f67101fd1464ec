//! What no proper client sends, byte by byte over a bare socket.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{EVENTS, Play, site};
use crate::site::Site;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a site.
pub(super) async fn connected(site: &Site) -> TcpStream {
    TcpStream::connect(site.url.trim_start_matches("http://")).await.unwrap()
}

/// Says something and closes its side, and hears everything until the other side closes.
pub(super) async fn said_all(site: &Site, words: &[u8]) -> String {
    let mut socket = connected(site).await;
    socket.write_all(words).await.unwrap();
    socket.shutdown().await.unwrap();
    heard(&mut socket).await
}

/// Says something and hears everything until the other side closes.
pub(super) async fn said(site: &Site, words: &[u8]) -> String {
    let mut socket = connected(site).await;
    socket.write_all(words).await.unwrap();
    heard(&mut socket).await
}

async fn heard(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer.
pub(super) fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {answer:?}"))
}

/// The JSON of an answer.
pub(super) fn json_of(answer: &str) -> Value {
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let first = serde_json::Deserializer::from_str(body).into_iter().next();
    first.and_then(Result::ok).unwrap_or_else(|| panic!("no JSON: {answer:?}"))
}

fn post(body: &str, length: usize) -> String {
    format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[actix_web::test]
async fn a_body_shorter_than_it_says_is_not_recorded() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let fact = play.fact(0, "started").to_string();
    let answer = said_all(&site, post(&fact, fact.len() + 10).as_bytes()).await;
    assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
    assert_eq!(site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await.0, 404);
}

#[actix_web::test]
async fn a_body_longer_than_it_says_is_cut_there() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let fact = play.fact(0, "started").to_string();
    let answer = said(&site, post(&fact, fact.len() - 5).as_bytes()).await;
    assert_eq!(status(&answer), 400);
    assert_eq!(json_of(&answer)["code"], json!("malformed"));
    assert!(!answer.contains(" 200 OK"), "the rest is no request: {answer}");
}

#[actix_web::test]
async fn contradicting_lengths_are_no_request() {
    let (site, fact) = (site().await, Play::of("film", 3_600).fact(0, "started").to_string());
    let length = fact.len();
    for lengths in [
        format!("Content-Length: {length}\r\nContent-Length: {}", length - 1),
        "Content-Length: -1".to_owned(),
        "Content-Length: many".to_owned(),
        "Content-Length: 99999999999999999999999".to_owned(),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
    ] {
        let words = format!("POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n{fact}");
        let answer = said_all(&site, words.as_bytes()).await;
        assert!([400, 413].contains(&status(&answer)), "{lengths}: {answer}");
    }
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
}

#[actix_web::test]
async fn a_length_past_the_bound_is_refused_before_the_body_comes() {
    let site = site().await;
    let answer = said(&site, post("{", (4 << 20) + 1).as_bytes()).await;
    assert_eq!(status(&answer), 413);
    assert_eq!(json_of(&answer)["code"], json!("too_large"));
}

#[actix_web::test]
async fn a_client_may_ask_before_it_sends_its_body() {
    let (site, fact) = (site().await, Play::of("film", 3_600).fact(0, "started").to_string());
    let head = post("", fact.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut socket = connected(&site).await;
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    timeout(PATIENCE, socket.read_exact(&mut go_on)).await.expect("an answer").unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(fact.as_bytes()).await.unwrap();
    assert_eq!(json_of(&heard(&mut socket).await)["recorded"], json!(1));
}

#[actix_web::test]
async fn a_chunked_body_is_read_to_its_end() {
    let (site, fact) = (site().await, Play::of("film", 3_600).fact(0, "started").to_string());
    let (one, two) = fact.split_at(40);
    let words = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len(),
    );
    let answer = said(&site, words.as_bytes()).await;
    assert_eq!((status(&answer), answer.contains("\"recorded\":1")), (200, true), "{answer}");
}

#[actix_web::test]
async fn a_body_that_never_ends_is_given_up() {
    let settings = [("log", "memory:"), ("http.body_timeout_ms", "200")];
    let site = Site::with(&settings).await;
    let answer = said(&site, post("{\"kind\":", 500).as_bytes()).await;
    assert_eq!(status(&answer), 408);
    assert!(answer.contains("application/problem+json"), "{answer}");
}

#[actix_web::test]
async fn what_is_no_http_does_no_harm() {
    let site = site().await;
    for words in [
        &b"hello\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /v1/accounts/\xff\xfe/now HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/accounts/home/now HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n",
    ] {
        let answer = said_all(&site, words).await;
        let is_refused = answer.is_empty() || (400..500).contains(&status(&answer));
        assert!(is_refused, "{:?}: {answer}", String::from_utf8_lossy(words));
    }
    assert_eq!(site.get("/healthz").await.0, 200);
}

#[actix_web::test]
async fn a_head_without_end_is_cut() {
    let site = site().await;
    let words = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(1 << 20));
    let mut socket = connected(&site).await;
    // It may hang up while it is still being spoken to.
    let _ = socket.write_all(words.as_bytes()).await;
    let answer = heard(&mut socket).await;
    assert!(answer.is_empty() || [400, 431].contains(&status(&answer)), "{answer}");
    assert_eq!(site.get("/healthz").await.0, 200);
}

#[actix_web::test]
async fn requests_in_a_row_on_one_connection_are_answered_in_their_order() {
    let site = site().await;
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let words = format!("{}{}{last}", get("/v1/accounts/home/now"), get("/nowhere"));
    let answer = said(&site, words.as_bytes()).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|one| &one[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}
