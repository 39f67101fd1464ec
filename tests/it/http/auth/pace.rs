//! How many requests a token may make.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::sockets::connect;
use super::{ALL, Bearer, fact, guarded_with, session, token, token_of};
use crate::site::Site;

const NOW: &str = "/v1/accounts/home/now";

/// How many requests are answered until one is refused. Meanwhile others become free.
async fn until_refused(bearer: &Bearer<'_>) -> usize {
    for answered in 0..=30 {
        let answer = bearer.get(NOW).await;
        if answer.status != 200 {
            answer.refused(429, "too_many_requests");
            assert_eq!(answer.retry_after, "1", "{answer:?}");
            return answered;
        }
    }
    panic!("none of 31 requests is refused");
}

#[actix_web::test]
async fn a_token_that_makes_too_many_is_told_when_to_come_back() {
    let site = guarded_with(&[("http.requests_per_s_max", "2")]).await;
    let (one, another) = (token("home", "read"), token("home", ALL));
    // Five seconds' worth at once.
    assert!(until_refused(&Bearer::new(&site, one)).await >= 10);
    // Another token for the same is no way around it, and nobody else has to wait.
    assert!(until_refused(&Bearer::new(&site, another)).await < 10);
    Bearer::new(&site, token_of("home", "anna", "read")).get(NOW).await.ok();
    Bearer::new(&site, token("other", "read")).get("/v1/accounts/other/now").await.ok();
    Bearer::new(&site, token("*", "read")).get(NOW).await.ok();
}

#[actix_web::test]
async fn requests_that_are_refused_count_as_well() {
    let site = guarded_with(&[("http.requests_per_s_max", "1")]).await;
    let bearer = Bearer::new(&site, token("home", "read"));
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(bearer.get("/v1/accounts/theirs/now").await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[actix_web::test]
async fn the_own_machine_and_servers_without_tokens_have_no_such_limit() {
    let site = Site::with(&[("log", "memory:"), ("http.requests_per_s_max", "1")]).await;
    for _ in 0..12 {
        assert_eq!(site.get(NOW).await.0, 200);
    }
}

#[actix_web::test]
async fn frames_of_a_socket_wait_for_their_turn() {
    let site = guarded_with(&[("http.requests_per_s_max", "20")]).await;
    let token = token("home", "record");
    let mut socket = connect(&site, "home/live?record=only", &token).await.unwrap();
    let begun = std::time::Instant::now();
    for id in 0..120 {
        let fact = fact("anna", session(600), 0, "started");
        let frame = json!({"type": "record", "id": id, "events": [fact]});
        socket.send(Message::text(frame.to_string())).await.unwrap();
    }
    for _ in 0..120 {
        let message = socket.next().await.unwrap().unwrap();
        let frame: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_eq!(frame["recorded"], 1, "{frame}");
    }
    // A hundred at once, then twenty a second.
    assert!(begun.elapsed().as_millis() > 700, "{:?}", begun.elapsed());
}
