//! The proxy in front of a server that says back what it hears.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Proxy, Way};
use crate::support::free_address;

/// Long enough for an answer that comes.
const SOON: Duration = Duration::from_secs(10);
/// Long enough to believe that none comes.
const A_WHILE: Duration = Duration::from_millis(150);

/// Says back what it hears, to everybody.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn proxied() -> (Proxy, TcpStream) {
    let proxy = Proxy::to(&echo().await).await;
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, client)
}

/// What comes back within a time; none if nothing does, an empty text at the end.
async fn heard(client: &mut TcpStream, within: Duration) -> Option<String> {
    let mut answer = [0; 64];
    let read = tokio::time::timeout(within, client.read(&mut answer)).await.ok()?;
    Some(String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned())
}

async fn said_back(client: &mut TcpStream, word: &str) -> bool {
    client.write_all(word.as_bytes()).await.unwrap();
    heard(client, SOON).await.as_deref() == Some(word)
}

#[tokio::test]
async fn what_is_said_arrives_and_so_does_the_end() {
    let (_proxy, mut client) = proxied().await;
    assert!(said_back(&mut client, "one").await);
    client.shutdown().await.unwrap();
    assert_eq!(heard(&mut client, SOON).await.as_deref(), Some(""));
}

#[tokio::test]
async fn new_connections_go_where_it_leads_and_the_old_ones_stay() {
    let (proxy, mut client) = proxied().await;
    assert!(said_back(&mut client, "one").await);
    proxy.lead_to(&free_address().to_string());
    assert!(said_back(&mut client, "two").await);
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(heard(&mut other, SOON).await.as_deref(), Some(""), "nobody is there");
}

#[tokio::test]
async fn while_new_connections_are_refused_the_old_ones_stay() {
    let (proxy, mut client) = proxied().await;
    assert!(said_back(&mut client, "one").await);
    for _ in 0..3 {
        proxy.refuse().await;
        let error = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(said_back(&mut client, "two").await);
        proxy.heal().await;
        let mut other = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(said_back(&mut other, "three").await);
    }
}

#[tokio::test]
async fn a_cut_ends_the_connections_there_are_and_no_later_one() {
    let (proxy, mut client) = proxied().await;
    assert!(said_back(&mut client, "one").await);
    proxy.cut();
    assert_eq!(heard(&mut client, SOON).await.as_deref(), Some(""));
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(said_back(&mut other, "two").await);
}

#[tokio::test]
async fn a_chunk_is_late_in_both_directions() {
    let (proxy, mut client) = proxied().await;
    assert!(said_back(&mut client, "one").await);
    proxy.delay(Duration::from_millis(60));
    let begun = Instant::now();
    assert!(said_back(&mut client, "two").await);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    proxy.heal().await;
    assert!(said_back(&mut client, "three").await);
}

#[tokio::test]
async fn silence_in_either_direction_holds_back_until_it_heals() {
    for way in [Way::ToServer, Way::ToClient] {
        let (proxy, mut client) = proxied().await;
        assert!(said_back(&mut client, "one").await);
        proxy.silence(way);
        client.write_all(b"two").await.unwrap();
        assert_eq!(heard(&mut client, A_WHILE).await, None, "{way:?}");
        proxy.heal().await;
        assert_eq!(heard(&mut client, SOON).await.as_deref(), Some("two"), "{way:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_ends_the_connection() {
    let nowhere = free_address();
    let proxy = Proxy::to(&nowhere.to_string()).await;
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(heard(&mut client, SOON).await.as_deref(), Some(""));
}
