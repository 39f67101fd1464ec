//! Players that report numbered facts as fast as they are answered, and remember what was
//! acknowledged. What was not is sent again, with the same number, to the next server.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use viewlog::events::SessionId;

use crate::support::at;

/// Long ago, so that no number of facts reaches the present.
const BEGUN_S: i64 = -30 * 24 * 3_600;
const BATCH: u64 = 7;

/// How a player sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A request for each fact.
    One,
    /// A request for some at once.
    Some,
    /// A frame for each fact.
    Socket,
}

/// What all of some players have heard.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    /// The facts that were acknowledged.
    pub(super) facts: u64,
    /// The players that had one acknowledged.
    pub(super) players: u128,
}

/// One device with one session.
#[derive(Debug, Clone)]
pub(super) struct Player {
    pub(super) account: String,
    pub(super) session: SessionId,
    pub(super) way: Way,
    /// Every fact below was acknowledged.
    pub(super) acknowledged: u64,
    /// What it and those beside it have heard.
    pub(super) heard: watch::Sender<Heard>,
}

/// So many players, on a few accounts, of every way to send.
pub(super) fn players(count: u128) -> Vec<Player> {
    let ways = [Way::One, Way::Some, Way::Socket];
    let heard = watch::Sender::default();
    (0..count)
        .zip(ways.into_iter().cycle())
        .map(|(number, way)| Player {
            account: format!("home-{}", number % 4),
            session: SessionId::derived(at(BEGUN_S), number),
            way,
            acknowledged: 0,
            heard: heard.clone(),
        })
        .collect()
}

/// Lets all of them report until the server is gone.
pub(super) fn play(players: Vec<Player>, url: &str) -> Vec<JoinHandle<Player>> {
    let each = players.into_iter().map(|player| tokio::spawn(player.report(url.to_owned())));
    each.collect()
}

/// All of them, as far as they came.
pub(super) async fn back(playing: Vec<JoinHandle<Player>>) -> Vec<Player> {
    let mut players = Vec::new();
    for player in playing {
        players.push(player.await.unwrap());
    }
    players
}

/// The facts that were acknowledged and are not among those that are kept.
pub(super) fn lost(players: &[Player], kept: &BTreeMap<String, Vec<u64>>) -> Vec<(SessionId, u64)> {
    let each = players.iter().flat_map(|player| {
        let seqs = kept.get(&player.session.to_string()).map(Vec::as_slice).unwrap_or_default();
        let missing = (0..player.acknowledged).filter(|seq| seqs.binary_search(seq).is_err());
        missing.map(|seq| (player.session, seq))
    });
    each.collect()
}

impl Player {
    /// The fact with this number, the same whenever it is sent.
    pub(super) fn fact(&self, seq: u64) -> Value {
        json!({
            "profile": "anna", "title": "film", "session": self.session, "seq": seq,
            "kind": if seq == 0 { "started" } else { "progressed" },
            "at": at(BEGUN_S + i64::try_from(seq).unwrap()), "position_ms": seq * 1_000,
        })
    }

    async fn report(mut self, url: String) -> Self {
        match self.way {
            Way::One => self.report_by_requests(&url, 1).await,
            Way::Some => self.report_by_requests(&url, BATCH).await,
            Way::Socket => self.report_by_socket(&url).await,
        }
        self
    }

    async fn report_by_requests(&mut self, url: &str, at_once: u64) {
        let client = crate::support::client();
        let url = format!("{url}/v1/accounts/{}/events", self.account);
        loop {
            let seqs = self.acknowledged..self.acknowledged + at_once;
            let facts: Vec<Value> = seqs.map(|seq| self.fact(seq)).collect();
            let request = client.post(&url).json(&json!({ "events": facts }));
            let Ok(response) = request.send().await else { return };
            let status = response.status();
            let Ok(answer) = response.text().await else { return };
            assert_eq!(status, 200, "{answer}");
            self.hear(&answer, at_once);
        }
    }

    async fn report_by_socket(&mut self, url: &str) {
        let live = format!("{url}/v1/accounts/{}/live?record=only", self.account);
        let uri = live.replacen("http", "ws", 1).parse().unwrap();
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("viewlog.v1");
        let Ok((mut socket, _)) = connect_async(request).await else { return };
        loop {
            let facts = [self.fact(self.acknowledged)];
            let frame = json!({ "type": "record", "id": self.acknowledged, "events": facts });
            if socket.send(Message::text(frame.to_string())).await.is_err() {
                return;
            }
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => break self.hear(&text, 1),
                    Some(Ok(Message::Ping(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(other)) => panic!("{other:?}"),
                }
            }
        }
    }

    fn hear(&mut self, answer: &str, sent: u64) {
        let told: Value = serde_json::from_str(answer).unwrap();
        let count = |what: &str| told[what].as_u64().unwrap_or(0);
        assert_eq!(count("recorded") + count("duplicates"), sent, "{answer}");
        self.heard.send_modify(|heard| {
            heard.facts += sent;
            heard.players += u128::from(self.acknowledged == 0);
        });
        self.acknowledged += sent;
    }
}
