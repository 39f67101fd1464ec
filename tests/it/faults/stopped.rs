//! SIGTERM: what is in flight is answered, sockets are told, and the process is gone in time.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::exported;
use super::players::{Player, back, lost, play, players};
use crate::binary::Served;
use crate::support::eventually;

const WITHIN: Duration = Duration::from_secs(10);

/// A request whose body is sent but for its end, and whose handler waits for it.
async fn begin_to_send(served: &Served, player: &Player) -> (TcpStream, String) {
    let body = player.fact(0).to_string();
    let host = served.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let (account, length) = (&player.account, body.len());
    let head = format!(
        "POST /v1/accounts/{account}/events HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    let (first, rest) = body.split_at(length / 2);
    stream.write_all(first.as_bytes()).await.unwrap();
    (stream, rest.to_owned())
}

async fn accepts_nobody(served: &Served) {
    let host = served.url.trim_start_matches("http://");
    eventually("it accepts nobody", async || TcpStream::connect(host).await.is_err()).await;
}

fn ends_cleanly(served: Served, data: &Path) {
    assert_eq!(served.ended(WITHIN), Some(0));
    assert!(!data.join("server.json").exists());
    assert!(data.join("log/clean").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_answered_before_the_server_ends() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let player = &players(1)[0];
    let (mut stream, rest) = begin_to_send(&served, player).await;
    served.ask_to_stop();
    accepts_nobody(&served).await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"recorded\":1"), "{answer}");
    ends_cleanly(served, data.path());
    let player = Player { acknowledged: 1, ..player.clone() };
    assert_eq!(lost(&[player], &exported(data.path(), "home-0")), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_holds_nobody_up() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let (_stream, _rest) = begin_to_send(&served, &players(1)[0]).await;
    served.ask_to_stop();
    ends_cleanly(served, data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_have_their_acknowledgements_and_are_told_to_go_away() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let player = &players(1)[0];
    let live = format!("{}/v1/accounts/home-0/live", served.url);
    let uri = live.replacen("http", "ws", 1).parse().unwrap();
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("viewlog.v1");
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut events = crate::support::client()
        .get(&live)
        .header("Accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    assert!(events.chunk().await.unwrap().is_some());
    let facts: Vec<_> = (0..500).map(|seq| player.fact(seq)).collect();
    for (id, facts) in facts.chunks(50).enumerate() {
        let frame = json!({ "type": "record", "id": id, "events": facts });
        socket.send(Message::text(frame.to_string())).await.unwrap();
    }
    eventually("the first is recorded", async || {
        let seen = format!("{}/v1/accounts/home-0/profiles", served.url);
        crate::support::get(seen).await.unwrap().text().await.unwrap().contains("anna")
    })
    .await;
    served.ask_to_stop();
    let (mut acknowledged, mut told) = (0, None);
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) if text.contains("\"type\":\"recorded\"") => {
                assert!(text.contains("\"recorded\":50"), "{text}");
                acknowledged += 50;
            }
            Message::Close(reason) => told = reason.map(|reason| reason.code),
            _ => {}
        }
    }
    assert_eq!(told, Some(CloseCode::Away));
    while events.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    ends_cleanly(served, data.path());
    let player = Player { acknowledged, ..player.clone() };
    assert_eq!(lost(&[player], &exported(data.path(), "home-0")), []);
    assert!(acknowledged > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_under_load_answers_for_all_it_recorded() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let playing = play(players(24), &served.url);
    eventually("all accounts record", async || {
        let metrics = crate::support::get(format!("{}/metrics", served.url)).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let recorded = metrics.lines().find(|line| line.contains("outcome=\"recorded\""));
        let count = recorded.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        count.is_some_and(|count| count > 300.0)
    })
    .await;
    let asked = Instant::now();
    served.ask_to_stop();
    ends_cleanly(served, data.path());
    println!("stopped within {:?}", asked.elapsed());
    let all = back(playing).await;
    for account in 0..4 {
        let account = format!("home-{account}");
        let kept = exported(data.path(), &account);
        for player in all.iter().filter(|player| player.account == account) {
            // Whatever was recorded was answered for, too.
            let numbers = (0..player.acknowledged).collect::<Vec<_>>();
            assert_eq!(kept[&player.session.to_string()], numbers, "{player:?}");
        }
    }
}
