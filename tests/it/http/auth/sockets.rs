//! The live feed with tokens: how a socket says who it is, what it hears, when it ends.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{
    ALL, Bearer, claims, fact, guarded, in_seconds, session, signed, token, token_of, watched,
};
use crate::site::Site;
use crate::support::streamed;
use crate::tokens::bearing;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn address(site: &Site, path: &str) -> String {
    format!("{}/v1/accounts/{path}", site.url.replace("http://", "ws://"))
}

/// A socket, or the status with which it is refused.
pub(super) async fn connect(site: &Site, path: &str, token: &str) -> Result<Socket, u16> {
    opened(connect_async(bearing(token, &address(site, path))).await)
}

async fn connect_offering(site: &Site, path: &str, protocols: &str) -> Result<Socket, u16> {
    let mut request = address(site, path).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let connected = connect_async(request).await;
    if let Ok((_, response)) = &connected {
        assert_eq!(response.headers()["sec-websocket-protocol"], "viewlog.v1");
    }
    opened(connected)
}

type Connected = Result<(Socket, tungstenite::handshake::client::Response), tungstenite::Error>;

fn opened(connected: Connected) -> Result<Socket, u16> {
    match connected {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

async fn hear(socket: &mut Socket) -> Value {
    let message = socket.next().await.unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

async fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}

#[actix_web::test]
async fn a_socket_says_who_it_is_in_one_of_three_ways() {
    let site = guarded().await;
    let good = token("home", "read");
    hear(&mut connect(&site, "home/live", &good).await.unwrap()).await;
    let offered = format!("viewlog.v1, token.{good}");
    hear(&mut connect_offering(&site, "home/live", &offered).await.unwrap()).await;
    let path = format!("home/live?token={good}");
    hear(&mut opened(connect_async(address(&site, &path)).await).unwrap()).await;
}

#[actix_web::test]
async fn a_socket_without_a_good_token_is_not_opened() {
    let site = guarded().await;
    let good = token("home", "read");
    assert_eq!(opened(connect_async(address(&site, "home/live")).await).err(), Some(401));
    for offered in ["viewlog.v1", "viewlog.v1, token.", "viewlog.v1, token.a.b.c"] {
        assert_eq!(
            connect_offering(&site, "home/live", offered).await.err(),
            Some(401),
            "{offered}"
        );
    }
    let two = format!("viewlog.v1, token.{good}, token.{}", token("home", ALL));
    assert_eq!(connect_offering(&site, "home/live", &two).await.err(), Some(401));
    assert_eq!(connect(&site, "theirs/live", &good).await.err(), Some(403));
    assert_eq!(connect(&site, "home/live", &token("home", "record")).await.err(), Some(403));
    assert_eq!(connect(&site, "home/live?record=only", &good).await.err(), Some(403));
    assert_eq!(connect(&site, "home/live", &token("home", "admin")).await.err(), Some(403));
    let events = format!("{}/v1/accounts/home/live", site.url);
    let request = site.client.get(&events).header("accept", "text/event-stream");
    super::answered(request).await.refused(401, "unauthenticated");
    let recorder = Bearer::new(&site, token("home", "record"));
    assert_eq!(recorder.follow("/v1/accounts/home/live").await.status(), 403);
    let named = format!("{events}?token={good}");
    let request = site.client.get(named).header("accept", "text/event-stream");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[actix_web::test]
async fn facts_over_a_socket_are_of_its_account_and_need_record() {
    let site = guarded().await;
    let mut reading = connect(&site, "home/live", &token("home", "read")).await.unwrap();
    assert_eq!(hear(&mut reading).await["type"], "now");
    let mine = fact("anna", session(60), 0, "started");
    say(&mut reading, &json!({"type": "record", "id": 1, "events": [mine]})).await;
    let refused = hear(&mut reading).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("forbidden")));
    let path = "home/live?record=only";
    let mut recording = connect(&site, path, &token("home", "record")).await.unwrap();
    let mut theirs = mine.clone();
    theirs["account"] = "theirs".into();
    say(&mut recording, &json!({"type": "record", "events": [theirs, mine]})).await;
    let answer = hear(&mut recording).await;
    assert_eq!((&answer["recorded"], &answer["refused"][0]["index"]), (&json!(1), &json!(0)));
}

#[actix_web::test]
async fn a_limited_socket_hears_and_tells_of_its_profile_alone() {
    let site = guarded().await;
    let old = watched(&site, "home", "ben").await;
    let mut anna = connect(&site, "home/live", &token_of("home", "anna", ALL)).await.unwrap();
    let first = hear(&mut anna).await;
    assert_eq!((&first["type"], &first["playing"]), (&json!("now"), &json!([])));
    let home = Bearer::new(&site, token("home", "record"));
    let send = async |events: Vec<Value>| {
        home.post("/v1/accounts/home/events", &json!({"events": events})).await.ok();
    };
    let (theirs, mine) = (session(20), session(20));
    send(vec![fact("ben", theirs, 0, "started"), fact("ben", old, 30, "stopped")]).await;
    send(vec![fact("ben", theirs, 1, "stopped")]).await;
    send(vec![fact("anna", mine, 0, "started")]).await;
    let playing = hear(&mut anna).await;
    assert_eq!((&playing["type"], &playing["profile"]), (&json!("playing"), &json!("anna")));
    send(vec![fact("anna", mine, 1, "stopped")]).await;
    let ended = hear(&mut anna).await;
    assert_eq!((&ended["type"], &ended["session"]), (&json!("ended"), &json!(mine.to_string())));
    let events = [fact("ben", session(10), 0, "started"), fact("anna", session(10), 0, "started")];
    say(&mut anna, &json!({"type": "record", "id": "r", "events": events})).await;
    let mut answer = hear(&mut anna).await;
    while answer["type"] != "recorded" {
        assert_eq!(answer["profile"], "anna", "{answer}");
        answer = hear(&mut anna).await;
    }
    assert_eq!(answer["recorded"], 1);
    assert_eq!(answer["refused"][0]["code"], "forbidden");
}

#[actix_web::test]
async fn a_limited_event_stream_tells_of_its_profile_alone() {
    let site = guarded().await;
    watched(&site, "home", "ben").await;
    watched(&site, "home", "anna").await;
    let anna = Bearer::new(&site, token_of("home", "anna", "read"));
    let mut stream = anna.follow("/v1/accounts/home/live").await;
    let home = Bearer::new(&site, token("home", "record"));
    for profile in ["ben", "anna"] {
        let fact = fact(profile, session(20), 0, "started");
        home.post("/v1/accounts/home/events", &fact).await.ok();
    }
    let text = streamed(&mut stream, "event: playing").await;
    assert!(text.contains("film-of-anna") && !text.contains("ben"), "{text}");
}

#[actix_web::test]
async fn a_socket_and_a_stream_end_when_their_token_expires() {
    let site = guarded().await;
    // What is left of the leeway.
    let mut short = claims("home", ALL);
    short["exp"] = in_seconds(-4).into();
    let token = signed(&short);
    let mut socket = connect(&site, "home/live", &token).await.unwrap();
    let mut recording = connect(&site, "home/live?record=only", &token).await.unwrap();
    let mut stream = Bearer::new(&site, token.clone()).follow("/v1/accounts/home/live").await;
    assert_eq!(stream.status(), 200);
    let events = [fact("anna", session(60), 0, "started")];
    say(&mut recording, &json!({"type": "record", "events": events})).await;
    assert_eq!(hear(&mut recording).await["recorded"], 1);
    assert_eq!(close_code(&mut socket).await, 4401);
    assert_eq!(close_code(&mut recording).await, 4401);
    while stream.chunk().await.unwrap().is_some() {}
    assert_eq!(connect(&site, "home/live", &token).await.err(), Some(401));
}

#[actix_web::test]
async fn a_token_that_is_good_for_ages_opens_a_socket_like_any_other() {
    let site = guarded().await;
    let mut long = claims("home", "read");
    long["exp"] = 250_000_000_000_i64.into();
    let mut socket = connect(&site, "home/live", &signed(&long)).await.unwrap();
    assert_eq!(hear(&mut socket).await["type"], "now");
}
