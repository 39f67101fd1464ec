//! Through the network: the real binary in its own process, its clients on the same cores.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::facts::Player;
use crate::load::{Load, Signal, Waiter, measure};

/// The real server on a fresh data directory; ends with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    _data: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these options besides.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_viewlog"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let note = data.path().join("server.json");
        let begun = Instant::now();
        let address = loop {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server did not start");
            if let Ok(text) = std::fs::read_to_string(&note)
                && let Ok(json) = serde_json::from_str::<serde_json::Value>(&text)
            {
                break json["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, address, _data: data }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A keep-alive connection that costs next to nothing beside the server.
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
    /// What was answered last.
    pub(crate) body: Vec<u8>,
    /// The line with the token of the next request, if it has one.
    pub(crate) authorization: String,
}

impl Http {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), body: Vec::new(), authorization: String::new() }
    }

    pub(crate) async fn post(&mut self, path: &str, content_type: &str, body: &str) -> u16 {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{}\
             Content-Length: {}\r\n\r\n",
            self.authorization,
            body.len()
        );
        self.ask(&[head.as_bytes(), body.as_bytes()].concat()).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> u16 {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", self.authorization);
        self.ask(head.as_bytes()).await
    }

    async fn ask(&mut self, request: &[u8]) -> u16 {
        self.stream.get_mut().write_all(request).await.unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await.unwrap();
        status
    }
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for clients in [1, 64, 256] {
            single_posts(clients).await.print(&format!("POST, one fact, {clients} connections"));
        }
        for clients in [4, 16] {
            ndjson(clients, 500)
                .await
                .print(&format!("NDJSON of 500 facts, {clients} connections"));
        }
        for (sockets, unacked) in [(200, 16), (200, 1), (1, 1)] {
            let load = web_socket(sockets, unacked).await;
            load.print(&format!("WebSocket, {sockets} sockets, {unacked} unacknowledged"));
        }
    });
}

async fn single_posts(clients: usize) -> Load {
    posts(&Server::start(), (Player::many(20_000), clients), &no_token).await
}

/// The line of a request that has no token.
pub(crate) fn no_token(_: &str) -> String {
    String::new()
}

/// Facts one by one; `line` makes the line with the token of an account.
pub(crate) async fn posts(
    server: &Server,
    (players, clients): (Vec<Player>, usize),
    line: &dyn Fn(&str) -> String,
) -> Load {
    let with_line = |player: Player| (line(player.account.as_str()), player);
    let players: Vec<_> = players.into_iter().map(with_line).collect();
    let chunk = players.len() / clients;
    let poster = |mut players: Vec<(String, Player)>, address: String, signal: &Signal| {
        let mut waiter = Waiter::new(signal);
        async move {
            let mut http = Http::connect(&address).await;
            let count = players.len();
            for turn in (0..count).cycle() {
                let (line, player) = &mut players[turn];
                http.authorization.clone_from(line);
                let path = format!("/v1/accounts/{}/events", player.account);
                let body = player.next_json();
                let sent = Instant::now();
                match http.post(&path, "application/json", &body).await {
                    200 => waiter.acknowledged(1, sent),
                    _ => waiter.failed(),
                }
                if !waiter.goes_on() {
                    break;
                }
            }
            waiter.histogram()
        }
    };
    measure(|signal| {
        let chunks = players.chunks(chunk).take(clients);
        chunks.map(|players| poster(players.to_vec(), server.address.clone(), signal)).collect()
    })
    .await
}

async fn ndjson(clients: usize, batch: usize) -> Load {
    let server = Server::start();
    let players = Player::many(20_000);
    let poster = |mut players: Vec<Player>, address: String, signal: &Signal| {
        let mut waiter = Waiter::new(signal);
        async move {
            let mut http = Http::connect(&address).await;
            let mut turn = 0;
            while waiter.goes_on() {
                let mut body = String::new();
                for _ in 0..batch {
                    let count = players.len();
                    body.push_str(&players[turn % count].next_json());
                    body.push('\n');
                    turn += 1;
                }
                let sent = Instant::now();
                match http.post("/v1/events", "application/x-ndjson", &body).await {
                    200 => waiter.acknowledged(batch as u64, sent),
                    _ => waiter.failed(),
                }
            }
            waiter.histogram()
        }
    };
    measure(|signal| {
        let chunks = players.chunks(players.len() / clients);
        chunks.map(|players| poster(players.to_vec(), server.address.clone(), signal)).collect()
    })
    .await
}

async fn web_socket(sockets: usize, unacked: usize) -> Load {
    let server = Server::start();
    let players = Player::many(sockets);
    measure(|signal| {
        players
            .into_iter()
            .map(|player| socket(player, server.address.clone(), unacked, Waiter::new(signal)))
            .collect()
    })
    .await
}

/// One player on one socket: keeps `unacked` records in flight, each acknowledged by its own frame.
async fn socket(
    mut player: Player,
    address: String,
    unacked: usize,
    mut waiter: Waiter,
) -> Histogram<u64> {
    let url = format!("ws://{address}/v1/accounts/{}/live?record=only", player.account);
    let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (mut sink, mut stream) = socket.split();
    let mut sent = std::collections::VecDeque::new();
    while waiter.goes_on() {
        while sent.len() < unacked {
            let (id, fact) = (player.seq, player.next_json());
            let frame = format!(r#"{{"type":"record","id":{id},"events":[{fact}]}}"#);
            sent.push_back(Instant::now());
            sink.feed(Message::text(frame)).await.unwrap();
        }
        sink.flush().await.unwrap();
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.contains(r#""recorded":1"#) => {
                waiter.acknowledged(1, sent.pop_front().unwrap());
            }
            Some(Ok(Message::Text(text))) if text.contains(r#""type":"recorded""#) => {
                sent.pop_front();
                waiter.failed();
            }
            Some(Ok(_)) => {}
            _ => break,
        }
    }
    waiter.histogram()
}
