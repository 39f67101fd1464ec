//! A server on a free port over a log and views in memory, and a socket to talk to it.

use actix_web::web;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use viewlog::actors::Submission;
use viewlog::events::json::FactJson;
use viewlog::events::{Clock, Event, SystemClock};
use viewlog::http::Node;

use crate::site::Site;
use crate::support::home;

pub(super) struct Server {
    pub(super) node: web::Data<Node>,
    site: Site,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(super) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings = [settings, &[("log", "memory:")]].concat();
        let site = Site::with(&settings).await;
        Self { node: site.app.node().clone(), site }
    }

    pub(super) async fn stop(self) {
        self.site.stop().await;
    }

    /// The address of something under `/v1/accounts/`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/v1/accounts/{path}", self.site.url)
    }

    /// The address of anything.
    pub(super) fn root(&self, path: &str) -> String {
        format!("{}{path}", self.site.url)
    }

    pub(super) fn socket_url(&self, path: &str) -> String {
        self.url(path).replace("http://", "ws://")
    }

    pub(super) async fn status(&self, path: &str) -> u16 {
        crate::support::get(self.url(path)).await.unwrap().status().as_u16()
    }

    pub(super) async fn read(&self, path: &str) -> Value {
        let response = crate::support::get(self.url(path)).await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What a refused read says.
    pub(super) async fn refused(&self, path: &str) -> (u16, String) {
        let response = crate::support::get(self.url(path)).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let status = response.status().as_u16();
        let problem: Value = response.json().await.unwrap();
        (status, format!("{}: {}", problem["code"].as_str().unwrap(), problem["detail"]))
    }

    pub(super) async fn connect(&self, path: &str) -> Socket {
        Socket(tokio_tungstenite::connect_async(self.socket_url(path)).await.unwrap().0)
    }

    pub(super) async fn events(&self, path: &str) -> reqwest::Response {
        let request = crate::support::client().get(self.url(path));
        request.header("accept", "text/event-stream").send().await.unwrap()
    }

    /// Records facts of the account `home`, and waits until the views have them.
    pub(super) async fn record(&self, facts: Vec<Value>) {
        let submissions = facts.iter().enumerate().map(|(index, fact)| {
            let text = fact.to_string();
            let fact = FactJson::parse(text.as_bytes()).unwrap().fact().unwrap();
            let event = Event::new(fact, SystemClock.now(), None);
            Submission { index, event }
        });
        let facts = vec![(home(), submissions.collect())];
        let outcome = self.node.system.accounts().record(facts).await;
        assert!(outcome.refused.is_empty(), "{outcome:?}");
        self.node.system.projector().flush().await;
    }
}

pub(super) struct Socket(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(super) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame.
    pub(super) async fn hear(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// The next frame of a type.
    pub(super) async fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Why the server closes.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                return frame.unwrap().code.into();
            }
        }
    }
}
