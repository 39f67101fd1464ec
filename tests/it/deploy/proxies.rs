//! The examples of proxies, in front of nodes with a log of their own each: who has an account
//! shows where its facts went.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{App, HttpServer, web};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use viewlog::events::{Clock, SessionId, SystemClock};

use super::proxy::{Make, Proxy};
use crate::binary::Served;
use crate::http::roles::{ROLES, address as described_address, described};
use crate::site::Site;
use crate::support::{eventually, streamed};

const NODES: usize = 3;
const ACCOUNTS: u128 = 48;

#[actix_web::test]
async fn nginx_keeps_an_account_on_one_node_and_moves_those_of_a_lost_node_alone() {
    accounts_stay_together(Make::Nginx).await;
}

#[actix_web::test]
async fn haproxy_keeps_an_account_on_one_node_and_moves_those_of_a_lost_node_alone() {
    accounts_stay_together(Make::HaProxy).await;
}

#[actix_web::test]
async fn nginx_carries_sockets_and_event_streams_as_they_come() {
    feeds_are_carried(Make::Nginx).await;
}

#[actix_web::test]
async fn haproxy_carries_sockets_and_event_streams_as_they_come() {
    feeds_are_carried(Make::HaProxy).await;
}

#[actix_web::test]
async fn nginx_logs_no_token() {
    no_token_is_logged(Make::Nginx).await;
}

#[actix_web::test]
async fn haproxy_logs_no_token() {
    no_token_is_logged(Make::HaProxy).await;
}

#[actix_web::test]
async fn nginx_asks_a_node_with_the_role_that_a_route_needs() {
    roles_are_told_apart(Make::Nginx).await;
}

#[actix_web::test]
async fn haproxy_asks_a_node_with_the_role_that_a_route_needs() {
    roles_are_told_apart(Make::HaProxy).await;
}

/// Nodes of their own process each, to be killed, and where they answer.
struct Nodes {
    running: Vec<Option<Served>>,
    _data: Vec<tempfile::TempDir>,
}

impl Nodes {
    fn start() -> Self {
        let data: Vec<_> = (0..NODES).map(|_| tempfile::tempdir().unwrap()).collect();
        let running = data.iter().map(|data| Some(Served::start(data.path(), &[]))).collect();
        Self { running, _data: data }
    }

    fn addresses(&self) -> Vec<String> {
        self.running.iter().flatten().map(|node| address(&node.url)).collect()
    }

    fn kill(&mut self, node: usize) {
        self.running[node].take().unwrap().kill();
    }

    /// Which of those that run have facts of an account.
    async fn having(&self, account: &str) -> BTreeSet<usize> {
        let mut having = BTreeSet::new();
        for (at, node) in self.running.iter().enumerate() {
            let Some(node) = node else { continue };
            let url = format!("{}/v1/accounts/{account}/profiles", node.url);
            let profiles: Value = crate::support::get(url).await.unwrap().json().await.unwrap();
            if profiles["items"] != json!([]) {
                having.insert(at);
            }
        }
        having
    }

    async fn having_each(&self) -> BTreeMap<u128, BTreeSet<usize>> {
        let mut having = BTreeMap::new();
        for number in 0..ACCOUNTS {
            having.insert(number, self.having(&account(number)).await);
        }
        having
    }
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// Odd names too: the proxy is to leave them as they are.
fn account(number: u128) -> String {
    if number.is_multiple_of(2) { format!("home-{number}") } else { format!("a%2Fb%20{number}") }
}

fn fact(session: SessionId, seq: u32) -> Value {
    let kind = if seq == 0 { "started" } else { "progressed" };
    json!({
        "session": session, "seq": seq, "kind": kind, "position_ms": seq * 1_000,
        "at": SystemClock.now(), "profile": "anna", "title": "film",
    })
}

async fn post(url: String, fact: &Value) {
    let answer = crate::support::client().post(url).json(fact).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status} {}", answer.text().await.unwrap());
}

async fn accounts_stay_together(make: Make) {
    let mut nodes = Nodes::start();
    let Some(proxy) = Proxy::of(make, &nodes.addresses()).await else { return };
    let now = SystemClock.now();
    let record = async |seq: u32| {
        for number in 0..ACCOUNTS {
            let url = format!("{}/v1/accounts/{}/events", proxy.url, account(number));
            post(url, &fact(SessionId::derived(now, number), seq)).await;
        }
    };
    record(0).await;
    record(1).await;
    record(2).await;
    let before = nodes.having_each().await;
    assert!(before.values().all(|on| on.len() == 1), "an account is on one node: {before:?}");
    let used: BTreeSet<usize> = before.values().flatten().copied().collect();
    assert_eq!(used.len(), NODES, "every node has accounts: {before:?}");
    many_go_anywhere(&nodes, &proxy).await;
    nodes.kill(0);
    record(3).await;
    let after = nodes.having_each().await;
    for (number, on) in &after {
        assert_eq!(on.len(), 1, "{number} is on one node: {after:?}");
        let was = &before[number];
        assert!(was.contains(&0) || on == was, "{number} moved from {was:?} to {on:?}");
    }
}

/// Facts of many accounts are nobody's in particular.
async fn many_go_anywhere(nodes: &Nodes, proxy: &Proxy) {
    for number in 0..24 {
        let mut fact = fact(SessionId::derived(SystemClock.now(), number), 0);
        fact["account"] = "anyone".into();
        post(format!("{}/v1/events", proxy.url), &fact).await;
    }
    let on = nodes.having("anyone").await;
    assert!(on.len() > 1, "only {on:?} took facts of many accounts");
}

async fn feeds_are_carried(make: Make) {
    let (one, other) = (Site::start().await, Site::start().await);
    let Some(proxy) = Proxy::of(make, &[address(&one.url), address(&other.url)]).await else {
        return;
    };
    let session = SessionId::fresh(SystemClock.now());
    let live = format!("{}/v1/accounts/home/live", proxy.url);
    let (mut socket, _) = connect_async(live.replace("http://", "ws://")).await.unwrap();
    let mut hear = async |what: &str| loop {
        let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame["type"] == what {
            break frame;
        }
    };
    assert_eq!(hear("now").await["playing"], json!([]));
    let request = crate::support::client().get(&live).header(ACCEPT, "text/event-stream");
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status().as_u16(), 200);
    streamed(&mut stream, "event: now").await;
    post(format!("{}/v1/accounts/home/events", proxy.url), &fact(session, 0)).await;
    streamed(&mut stream, "event: playing").await;
    assert_eq!(hear("playing").await["session"], session.to_string());
    let frame = json!({"type": "record", "id": 7, "events": [fact(session, 1)]});
    socket.send(Message::text(frame.to_string())).await.unwrap();
    let recorded = async {
        loop {
            let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
            if text.contains("recorded") {
                break text;
            }
        }
    };
    assert!(recorded.await.contains("\"recorded\":1"));
}

async fn no_token_is_logged(make: Make) {
    let site = Site::start().await;
    let Some(proxy) = Proxy::of(make, &[address(&site.url)]).await else { return };
    let of = |path: &str| format!("{}/v1/accounts/home/{path}?token=most.secret", proxy.url);
    let call = async || {
        let fact = fact(SessionId::fresh(SystemClock.now()), 0);
        let events = crate::support::client().post(of("events")).json(&fact).send().await.unwrap();
        let live = crate::support::client().get(of("live")).header(ACCEPT, "text/event-stream");
        let live = live.send().await.unwrap();
        (events.status().as_u16(), live.status().as_u16())
    };
    assert_eq!(call().await, (200, 200));
    let now = crate::support::get(of("now")).await.unwrap();
    assert_eq!(now.status().as_u16(), 200);
    site.stop().await;
    let (events, live) = call().await;
    assert!(events >= 500 && live >= 500, "{events} and {live} without a node");
    eventually("all of it is logged", async || {
        let logged = proxy.logged();
        ["home/events", "home/live", "home/now"].iter().all(|path| {
            assert!(!logged.contains("most.secret"), "a token is logged: {logged}");
            logged.contains(path)
        })
    })
    .await;
}

/// Where one answers whatever it is asked with its name.
fn named(name: &'static str) -> Vec<String> {
    let server =
        HttpServer::new(move || App::new().default_service(web::to(move || async move { name })));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0].to_string();
    actix_web::rt::spawn(server.run());
    vec![address]
}

async fn roles_are_told_apart(make: Make) {
    let nodes = ROLES.map(|role| (role, named(role)));
    let of = |role: &str| {
        let found = nodes.iter().find(|(name, _)| *name == role);
        found.unwrap_or_else(|| panic!("{role} is no role")).1.as_slice()
    };
    let Some(proxy) = Proxy::by_role(make, &of).await else { return };
    let asked = async |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = crate::support::client().request(method, format!("{}{path}", proxy.url));
        request.send().await.unwrap().text().await.unwrap()
    };
    for (method, path, roles) in described() {
        let role = asked(&method, &described_address(&path)).await;
        let is_right = roles.is_empty() || roles.contains(&role.as_str());
        assert!(is_right || path == "/metrics", "{method} {path} went to {role}");
    }
    for (path, role) in [
        ("/", "provide"),
        ("/accounts/home", "provide"),
        ("/v1/accounts/a%2Fb/live", "provide"),
        ("/v1/accounts/a%2Fb/live?record=only", "collect"),
        ("/v1/accounts/home/live?token=t&record=only", "collect"),
        ("/v1/accounts/home/live?record=only&token=t", "collect"),
        ("/v1/accounts/home/profiles/a%2Fb/titles/live?as_of=x", "provide"),
    ] {
        assert_eq!(asked("GET", path).await, role, "{path}");
    }
    let of_title = "/v1/accounts/home/profiles/anna/titles/resume";
    assert_eq!(asked("POST", of_title).await, "collect");
    let many = "/v1/accounts/home/profiles/a%2Fb/resume?after=x";
    assert_eq!(asked("POST", many).await, "provide");
}
