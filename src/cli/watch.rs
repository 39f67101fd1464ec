//! `watch`: the live feed of an account, a line for each change, for as long as one looks.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use crate::events::{Clock, SystemClock, Timestamp};

use super::answers::Playing;
use super::client::{self, Client};
use super::failure::{Failure, Found};
use super::output::{say, warn};
use super::reach::Reach;
use super::seams::remedy;
use super::table;
use super::whose::Household;

/// A server pings every 20 s; three missed and it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(65);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Whom to follow.
#[derive(Debug, Args)]
pub(super) struct Watch {
    #[command(flatten)]
    household: Household,
    /// Print each message as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Watch {
    /// Follows until Ctrl-C.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let ended = self.reach.ask(async |client| self.follow(client).await).await;
        match ended {
            Err(error) if matches!(error.downcast_ref(), Some(Failure::Interrupted)) => {
                Ok(Found::Nothing)
            }
            ended => ended,
        }
    }

    /// Only the first attempt may fail for good; after it the server is known to be right.
    async fn follow(&self, client: &Client) -> anyhow::Result<Found> {
        if client.is_own() {
            warn("no server runs on this data directory, so nothing will change");
        }
        let mut seen = Seen::default();
        let mut socket = self.connect(client).await?;
        loop {
            let why = self.listen(&mut socket, &mut seen).await?;
            warn(format_args!("{why}; connecting again"));
            socket = self.reconnect(client).await?;
        }
    }

    async fn reconnect(&self, client: &Client) -> Result<Socket, Failure> {
        let mut wait = WAIT_FIRST;
        loop {
            tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..=1.0))).await;
            match self.connect(client).await {
                Err(Failure::Unavailable(_)) => wait = (wait * 2).min(WAIT_MAX),
                connected => return connected,
            }
        }
    }

    async fn connect(&self, client: &Client) -> Result<Socket, Failure> {
        let account = self.household.account(client)?;
        let url = client.url(&["v1", "accounts", account.as_str(), "live"])?;
        let address = url.as_str().replacen("http", "ws", 1);
        let uri: Uri = address
            .parse()
            .map_err(|error| Failure::Wrong(format!("{address} is not an address: {error}")))?;
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol("viewlog.v1");
        if let Some(token) = client.token() {
            request = request.with_header("Authorization", format!("Bearer {token}"));
        }
        let encrypting = client.encryption().map(Connector::Rustls);
        let connecting = connect_async_tls_with_config(request, None, false, encrypting);
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(refused(error, url.as_str())),
            Err(_) => Err(Failure::Unavailable(format!("no answer from {url}"))),
        }
    }

    /// Prints what comes; gives the reason when nothing more comes.
    async fn listen(&self, socket: &mut Socket, seen: &mut Seen) -> Result<String, Failure> {
        loop {
            let Ok(message) = tokio::time::timeout(SILENCE_MAX, socket.next()).await else {
                return Ok("the server is silent".to_owned());
            };
            match message {
                Some(Ok(Message::Text(text))) if self.json => say(text.as_str().trim_end())?,
                Some(Ok(Message::Text(text))) => seen.show(text.as_str())?,
                Some(Ok(Message::Close(_))) | None => {
                    return Ok("the server closed the connection".to_owned());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ok(format!("the connection broke: {error}")),
            }
        }
    }
}

fn refused(error: tungstenite::Error, url: &str) -> Failure {
    match error {
        tungstenite::Error::Http(response) => {
            let (head, body) = (*response).into_parts();
            let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or_default();
            let body = body.unwrap_or_default();
            client::problem(status, &head.headers, &String::from_utf8_lossy(&body))
        }
        error => {
            let error = error.to_string();
            Failure::Unavailable(format!("no answer from {url}: {error}{}", remedy(&error)))
        }
    }
}

/// A message of the feed. API contract, section 4.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Now {
        playing: Vec<Playing>,
    },
    Playing(Playing),
    Ended {
        session: String,
        reason: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// What was printed last of each session, so that a resynchronisation repeats nothing.
#[derive(Default)]
struct Seen(HashMap<String, Playing>);

impl Seen {
    fn show(&mut self, text: &str) -> Result<(), Failure> {
        match serde_json::from_str(text) {
            Ok(Said::Now { playing }) => self.now(playing),
            Ok(Said::Playing(playing)) => self.playing(playing),
            Ok(Said::Ended { session, reason }) => self.ended(&session, reason.as_deref()),
            // A newer server may say more than this version knows.
            Ok(Said::Other) | Err(_) => Ok(()),
        }
    }

    fn now(&mut self, playing: Vec<Playing>) -> Result<(), Failure> {
        let is_there = |session: &String| playing.iter().any(|now| now.session == *session);
        let gone: Vec<String> = self.0.keys().filter(|is| !is_there(is)).cloned().collect();
        for session in gone {
            self.ended(&session, None)?;
        }
        playing.into_iter().try_for_each(|playing| self.playing(playing))
    }

    fn playing(&mut self, playing: Playing) -> Result<(), Failure> {
        let known = self.0.get(&playing.session);
        if known.is_some_and(|known| known.version == playing.version) {
            return Ok(());
        }
        line(playing.last_at, &playing.phase, &playing)?;
        self.0.insert(playing.session.clone(), playing);
        Ok(())
    }

    fn ended(&mut self, session: &str, reason: Option<&str>) -> Result<(), Failure> {
        let Some(playing) = self.0.remove(session) else { return Ok(()) };
        let phase = match reason {
            Some(reason) if reason != "ended" => format!("ended ({reason})"),
            _ => "ended".to_owned(),
        };
        line(SystemClock.now(), &phase, &playing)
    }
}

fn line(at: Timestamp, phase: &str, playing: &Playing) -> Result<(), Failure> {
    let position = match playing.duration_ms {
        Some(ms) => format!("{}/{}", table::duration(playing.position_ms), table::duration(ms)),
        None => table::duration(playing.position_ms),
    };
    let device = playing.device.as_ref().map(|device| format!(" on {device}")).unwrap_or_default();
    let text = format!(
        "{}  {phase:<7}  {}  {position}  {}{device}",
        table::time(at),
        playing.profile,
        table::name(&playing.title),
    );
    say(table::plain(&text))
}
