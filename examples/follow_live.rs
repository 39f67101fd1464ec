//! Follows an account over the WebSocket and prints what changes, for as long as it runs.
//!
//! ```text
//! viewlog serve --demo
//! cargo run --example follow_live -- http://127.0.0.1:7070 home
//! ```
//!
//! The server sends the whole picture at once and then what changes, so a client that lost its
//! connection needs to remember nothing: it connects again and begins anew.
#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};

const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The messages that this program listens to; there are others, and there may be more one day.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Heard {
    /// Everything that plays; forget what you knew.
    Now { playing: Vec<Playing> },
    /// One session began or changed.
    Playing(Playing),
    /// One session is over.
    Ended { session: String, reason: Option<String> },
    #[serde(other)]
    Else,
}

/// A session that is under way; of the answer's many fields those that are printed.
#[derive(Debug, Deserialize)]
struct Playing {
    session: String,
    profile: String,
    title: String,
    name: Option<String>,
    device: Option<String>,
    phase: String,
    position_ms: u64,
}

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
    let account = arguments.next().unwrap_or_else(|| "home".to_owned());
    let url = format!("{}/v1/accounts/{account}/live", server.replacen("http", "ws", 1));

    let mut wait = Duration::from_secs(1);
    loop {
        match follow(&url).await {
            Ok(()) => wait = Duration::from_secs(1),
            Err(error) => println!("not connected: {error}"),
        }
        println!("connecting again in {} s", wait.as_secs());
        tokio::time::sleep(wait).await;
        wait = BACKOFF_MAX.min(wait * 2);
    }
}

/// Prints until the server ends the connection, as it does with code 1001 when it shuts down.
async fn follow(url: &str) -> Result<(), Box<dyn Error>> {
    let request = ClientRequestBuilder::new(url.parse()?).with_sub_protocol("viewlog.v1");
    let (mut socket, _) = connect_async(request).await?;
    let mut titles = HashMap::new();
    // Pings are answered inside the library, as long as the stream is read.
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            print(serde_json::from_str(&text)?, &mut titles);
        }
    }
    Ok(())
}

/// `titles` keeps what each session plays, because its end names the session alone.
fn print(heard: Heard, titles: &mut HashMap<String, String>) {
    match heard {
        Heard::Now { playing } => {
            titles.clear();
            println!("{} playing", playing.len());
            playing.into_iter().for_each(|one| print(Heard::Playing(one), titles));
        }
        Heard::Playing(one) => {
            let (minutes, seconds) = (one.position_ms / 60_000, one.position_ms / 1000 % 60);
            let device = one.device.as_deref().unwrap_or("an unnamed device");
            let title = one.name.unwrap_or(one.title);
            let (who, phase) = (one.profile, one.phase);
            println!("{who} on {device}: {title}, {phase} at {minutes}:{seconds:02}");
            titles.insert(one.session, title);
        }
        Heard::Ended { session, reason } => {
            let title = titles.remove(&session).unwrap_or(session);
            println!("{title} ended ({})", reason.as_deref().unwrap_or("no reason given"));
        }
        Heard::Else => {}
    }
}
