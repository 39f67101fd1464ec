//! The live feed from outside, over real connections: what is told, what is taken, how it ends.

mod operations;
mod reads;
mod server;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use viewlog::events::{Clock, Scope, SystemClock};

use self::server::Server;
use crate::support::{eventually, fresh, home, json_fact, streamed};

#[actix_web::test]
async fn a_follower_is_shown_what_plays_and_then_every_change() {
    let server = Server::start().await;
    let session = fresh(1);
    server.record(vec![json_fact(session, 0, "started", 0)]).await;
    let mut socket = server.connect("home/live").await;
    let now = socket.hear().await;
    assert_eq!(now["type"], "now");
    assert_eq!(now["playing"][0]["session"], session.to_string());
    assert_eq!(now["complete"], true);
    server.record(vec![json_fact(session, 1, "paused", 7_000)]).await;
    let playing = socket.hear_of("playing").await;
    assert_eq!((&playing["phase"], &playing["position_ms"]), (&json!("paused"), &json!(7_000)));
    assert_eq!(playing["title"], "film");
    server.record(vec![json_fact(session, 2, "stopped", 7_000)]).await;
    let ended = socket.hear_of("ended").await;
    assert_eq!(ended, json!({"type": "ended", "session": session.to_string(), "reason": "user"}));
    server.stop().await;
}

#[actix_web::test]
async fn the_subprotocol_is_echoed_and_not_needed() {
    let server = Server::start().await;
    let mut request = server.socket_url("home/live").into_client_request().unwrap();
    let offered = "token.abc, viewlog.v1".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", offered);
    let (_socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "viewlog.v1");
    let mut plain = server.connect("home/live").await;
    assert_eq!(plain.hear().await["type"], "now");
    server.stop().await;
}

#[actix_web::test]
async fn facts_sent_over_the_socket_are_acknowledged_by_the_id_of_their_frame() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    for id in 0..40 {
        let fact = json_fact(fresh(id), 0, "started", 0);
        let now = SystemClock.now();
        let frame = json!({"type": "record", "id": id, "sent_at": now, "events": [fact, {}]});
        socket.say(&frame.to_string()).await;
    }
    let mut answered = Vec::new();
    for _ in 0..40 {
        let frame = socket.hear().await;
        assert_eq!((&frame["type"], &frame["recorded"]), (&json!("recorded"), &json!(1)));
        assert_eq!(frame["refused"][0]["index"], 1);
        answered.push(frame["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..40).collect::<Vec<_>>());
    server.stop().await;
}

#[actix_web::test]
async fn who_only_records_is_told_nothing_else() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    server.record(vec![json_fact(fresh(1), 0, "started", 0)]).await;
    socket.say(r#"{"type":"record","id":"x","events":[]}"#).await;
    let first = socket.hear().await;
    assert_eq!((&first["type"], &first["id"]), (&json!("recorded"), &json!("x")));
    let refused = crate::support::get(server.url("home/live?record=all")).await.unwrap();
    assert_eq!(refused.status(), 426);
    server.stop().await;
}

#[actix_web::test]
async fn a_player_that_hangs_up_at_once_is_still_heard() {
    let server = Server::start().await;
    let session = fresh(1);
    let mut socket = server.connect("home/live?record=only").await;
    let fact = json_fact(session, 0, "started", 0);
    socket.say(&json!({"type": "record", "events": [fact]}).to_string()).await;
    socket.0.close(None).await.unwrap();
    eventually("the fact is recorded", async || {
        server.status(&format!("home/sessions/{session}")).await == 200
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn what_is_not_understood_is_said_and_the_socket_goes_on() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    for (frame, detail) in [
        (r#"{"type":"dance","id":7}"#, "type \"dance\" is not known; send record"),
        (r#"[]"#, "a frame is a JSON object with a type"),
        (r#"{"id":7}"#, "type is missing; it is record"),
        (r#"{"type":"record","events":{}}"#, "events is not a list of facts"),
        (
            r#"{"type":"record","sent_at":1,"events":[]}"#,
            "sent_at is not an RFC 3339 time such as \"2026-11-23T05:00:30.000Z\"",
        ),
    ] {
        socket.say(frame).await;
        let error = socket.hear().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("malformed")));
        assert_eq!(error["detail"], detail);
    }
    socket.say(" { \"type\" : \"record\" , \"events\" : [ ] , \"more\" : [1, {\"a\":2}] } ").await;
    assert_eq!(socket.hear().await["recorded"], 0);
    server.stop().await;
}

#[actix_web::test]
async fn a_frame_that_cannot_be_taken_closes_with_its_reason() {
    let server = Server::start().await;
    let large = format!("{{\"type\":\"record\",\"events\":[\"{}\"]}}", "x".repeat(70_000));
    for (frame, code) in [
        (Message::text("{\"type\":\"record\""), 1007),
        (Message::text("{} {}"), 1007),
        (Message::text("[1,]"), 1007),
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::text(large), 1009),
        (Message::text("x".repeat(3 << 20)), 1009),
    ] {
        let mut socket = server.connect("home/live").await;
        socket.hear().await;
        // The server may have had enough before all of it is sent.
        let _ = socket.0.send(frame).await;
        assert_eq!(socket.close_code().await, code);
    }
    eventually("every seat is given back", async || server.node.sockets.open() == 0).await;
    server.stop().await;
}

fn fragment(text: &str, opcode: Data, is_final: bool) -> Message {
    let header = FrameHeader { is_final, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
    Message::Frame(Frame::from_payload(header, text.to_owned().into()))
}

#[actix_web::test]
async fn fragments_are_put_together_up_to_the_limit() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    socket.0.send(fragment("{\"type\":\"record\",", Data::Text, false)).await.unwrap();
    socket.0.send(fragment("\"events\":[]}", Data::Continue, true)).await.unwrap();
    assert_eq!(socket.hear().await["type"], "recorded");
    let half = "x".repeat(40_000);
    socket.0.send(fragment(&half, Data::Text, false)).await.unwrap();
    let _ = socket.0.send(fragment(&half, Data::Continue, true)).await;
    assert_eq!(socket.close_code().await, 1009);
    server.stop().await;
}

#[actix_web::test]
async fn an_account_has_so_many_sockets_and_no_more() {
    let server = Server::start_with(&[("http.sockets_per_account_max", "2")]).await;
    let one = server.connect("home/live").await;
    let events = server.events("home/live").await;
    let refused = tokio_tungstenite::connect_async(server.socket_url("home/live")).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(refused)) = refused else {
        panic!("the third is let in");
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    server.connect("neighbour/live").await.hear().await;
    drop(one);
    drop(events);
    eventually("a place is free", async || {
        tokio_tungstenite::connect_async(server.socket_url("home/live")).await.is_ok()
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn what_was_erased_is_shown_no_more() {
    let server = Server::start().await;
    let session = fresh(1);
    server.record(vec![json_fact(session, 0, "started", 0)]).await;
    let mut socket = server.connect("home/live").await;
    assert_eq!(socket.hear().await["playing"].as_array().unwrap().len(), 1);
    server.node.system.accounts().erase(home(), Scope::Session(session)).await.unwrap();
    let now = socket.hear_of("now").await;
    assert_eq!(now["playing"], json!([]));
    server.stop().await;
}

#[actix_web::test]
async fn a_shutdown_says_goodbye_to_everyone() {
    let server = Server::start().await;
    let mut fed = server.connect("home/live").await;
    let mut recording = server.connect("home/live?record=only").await;
    let mut events = server.events("home/live").await;
    fed.hear().await;
    server.node.system.close_feeds();
    assert_eq!(fed.close_code().await, 1001);
    assert_eq!(recording.close_code().await, 1001);
    while let Some(chunk) = events.chunk().await.unwrap() {
        assert!(!chunk.is_empty());
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_feed_is_also_there_as_server_sent_events() {
    let server = Server::start().await;
    let mut events = server.events("home/live").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let session = fresh(1);
    server.record(vec![json_fact(session, 0, "started", 0)]).await;
    server.record(vec![json_fact(session, 1, "stopped", 0)]).await;
    let text = streamed(&mut events, "event: ended").await;
    assert!(text.starts_with("retry: 2000\nevent: now\nid: "), "{text}");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let data: Vec<Value> = data.map(|json| serde_json::from_str(json).unwrap()).collect();
    assert_eq!(data[0]["playing"], json!([]));
    let last = data.last().unwrap();
    assert_eq!((&last["type"], &last["session"]), (&json!("ended"), &json!(session.to_string())));
    drop(events);
    eventually("the seat is given back", async || server.node.sockets.open() == 0).await;
    server.stop().await;
}

#[actix_web::test]
async fn a_plain_request_is_told_how_to_follow() {
    let server = Server::start().await;
    let response = crate::support::get(server.url("home/live")).await.unwrap();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], "upgrade_required");
    server.stop().await;
}

#[actix_web::test]
async fn pings_are_answered() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    socket.0.send(Message::Ping("hello".into())).await.unwrap();
    let pong = socket.0.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("hello".into()));
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_let_go() {
    let server = Server::start().await;
    let mut socket = server.connect("home/live?record=only").await;
    eventually("it is there", async || server.node.sockets.open() == 1).await;
    let frame = json!({"type": "record", "events": vec![json!({}); 5_000]}).to_string();
    actix_web::rt::spawn(async move {
        for _ in 0..100 {
            socket.say(&frame).await;
        }
        std::future::pending::<()>().await;
    });
    eventually("it is given up", async || server.node.sockets.open() == 0).await;
    server.stop().await;
}
