//! A server on a port of its own over stores in memory, or over a fleet's, and how tests ask it.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer, test};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use viewlog::actors::{Limits, System};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    AccountId, Clock, EventLog, ManualClock, Mark, SessionKey, State, SystemClock, Timestamp,
};
use viewlog::http::{self, Clocks, Jobs, Node, Settings, Sockets};
use viewlog::projections::{
    Answers, Freshness, MemoryViews, MemoryViewsOptions, Policy, RedisViews, RedisViewsOptions,
    ViewStore,
};

use crate::redis_views;
use crate::servers::stores::{self, Stores};
use crate::support::{at, folded, home, session};

/// Where the facts of the test's household go.
pub(super) const EVENTS: &str = "/v1/accounts/home/events";

/// An hour after the test's beginning.
const BEGUN_S: i64 = 3_600;

/// A running server, whose clock stands.
pub(super) struct Site {
    pub(super) address: String,
    pub(super) clock: Arc<ManualClock>,
    pub(super) log: Arc<dyn EventLog>,
    client: reqwest::Client,
    listener: ServerHandle,
    _stores: Option<Stores>,
}

/// A log, and views of it.
type Both = (Arc<dyn EventLog>, Arc<dyn ViewStore>);

impl Site {
    /// As it is by default.
    pub(super) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        if !stores::are_a_fleets() {
            return Self::on(Self::memory(), Limits::default(), settings).await;
        }
        let clock = Arc::new(ManualClock::new(at(BEGUN_S)));
        let stores = Stores::empty().await;
        let log = Arc::new(stores.open_log(Arc::clone(&clock) as Arc<dyn Clock>).await);
        let redis = redis_views::way(&stores.views);
        let views = RedisViews::new(redis, RedisViewsOptions::default(), Arc::clone(&clock) as _);
        let limits = Limits { marks: true, ..Limits::default() };
        let bounds = (limits, settings);
        let mut site = Self::over((log, Arc::new(views)), (clock, Clocks::default()), bounds);
        site._stores = Some(stores);
        site
    }

    pub(super) fn memory() -> Arc<dyn EventLog> {
        Arc::new(MemoryLog::default())
    }

    pub(super) async fn on(log: Arc<dyn EventLog>, limits: Limits, settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::new(at(BEGUN_S)));
        Self::beside(log, (clock, Clocks::default()), (limits, settings)).await
    }

    /// With a clock that is compared with those of stores.
    pub(super) async fn beside(
        log: Arc<dyn EventLog>,
        (clock, clocks): (Arc<ManualClock>, Clocks),
        bounds: (Limits, Settings),
    ) -> Self {
        let views = MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(&clock) as _);
        Self::over((log, Arc::new(views)), (clock, clocks), bounds)
    }

    fn over(
        stores: Both,
        (clock, clocks): (Arc<ManualClock>, Clocks),
        (limits, settings): (Limits, Settings),
    ) -> Self {
        let log = Arc::clone(&stores.0);
        let limits = Limits { shards: 1, ..limits };
        let node = Data::new(node(stores, (&clock, clocks), limits, settings.clone()));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(node.clone())
                .wrap(from_fn(http::guard))
                .configure(|routes| http::routes(routes, &settings))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0].to_string();
        let server = server.run();
        let listener = server.handle();
        actix_web::rt::spawn(server);
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        Self { address, clock, log, client, listener, _stores: None }
    }

    /// A request that is still to be filled and asked.
    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(super) async fn ask(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, json, text }
    }

    /// Posts JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(path, Some("application/json"), body.to_string().into()).await
    }

    /// Posts bytes of a content type, or of none.
    pub(super) async fn send(
        &self,
        path: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.request("POST", path).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        self.ask(request).await
    }

    /// A request without a body.
    pub(super) async fn call(&self, method: &str, path: &str) -> Answer {
        self.ask(self.request(method, path)).await
    }

    /// What is answered to these very bytes until the server closes; none when it just closes.
    pub(super) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is as good as an end.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of a GET of a path that no decent client would send.
    pub(super) async fn raw_status(&self, method: &str, target: &str) -> u16 {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        status_of(&self.raw(head.as_bytes()).await)
    }

    /// The household's sessions, folded from the log.
    pub(super) async fn states(&self) -> Vec<State> {
        self.states_of(&home()).await
    }

    pub(super) async fn states_of(&self, account: &AccountId) -> Vec<State> {
        let states = folded(&self.log, account).await;
        states.into_iter().filter(|state| state.facts > 0).collect()
    }

    /// One session of the household, folded from the log.
    pub(super) async fn state(&self, number: u128) -> State {
        let key = SessionKey { account: home(), session: session(number) };
        self.log.session(&key).await.unwrap().unwrap().state().unwrap()
    }

    /// What persons of the household said.
    pub(super) async fn marks(&self) -> Vec<Mark> {
        self.log.marks(&home()).await.unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.listener.stop(false));
    }
}

fn node(
    (log, views): Both,
    (clock, clocks): (&Arc<ManualClock>, Clocks),
    limits: Limits,
    settings: Settings,
) -> Node {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let (policy, freshness) = (Arc::new(Policy::default()), Arc::new(Freshness::default()));
    let shared = (Arc::clone(&policy), Arc::clone(&freshness), Arc::clone(&clock));
    let stores = (Arc::clone(&log), Arc::clone(&views));
    Node {
        system: Arc::new(System::start(Arc::clone(&log), Arc::clone(&views), shared, limits)),
        answers: Answers::new(stores, policy, (Arc::clone(&freshness), Arc::clone(&clock)), 8),
        log,
        views,
        freshness,
        started_at: clock.now(),
        clock,
        clocks,
        jobs: Arc::new(Jobs::new(Arc::new(SystemClock), None)),
        sockets: Sockets::default(),
        metrics: None,
        tokens: None,
        settings,
    }
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    /// Null where the body is no JSON.
    pub(super) json: Value,
    pub(super) text: String,
}

impl Answer {
    /// A header's value; empty where it is absent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// How many facts were recorded by a request that was not refused.
    #[track_caller]
    pub(super) fn recorded(&self) -> u64 {
        assert_eq!(self.status, 200, "{self:?}");
        self.json["recorded"].as_u64().unwrap()
    }

    /// Checks that this is a problem as RFC 9457 and the contract have it; gives its detail.
    #[track_caller]
    pub(super) fn problem(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.json["status"], status, "{self:?}");
        assert!(self.json["type"].is_string(), "{self:?}");
        assert!(!self.json["title"].as_str().unwrap().is_empty(), "{self:?}");
        for leak in ["src/", ".rs:", "panicked", "/tmp", "actix", "serde"] {
            assert!(!self.text.contains(leak), "leaks {leak}: {self:?}");
        }
        let detail = self.json["detail"].as_str().unwrap();
        assert!(!detail.is_empty(), "{self:?}");
        detail
    }
}

/// The status of an answer as it came; 0 when there was none.
pub(super) fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// A fact of Anna's session of title `film` as players send it.
pub(super) fn fact(number: u128, seq: u32, kind: &str, position_s: u64) -> Value {
    json!({"session": session(number), "seq": seq, "kind": kind, "at": occurred(seq),
        "position_ms": position_s * 1_000, "profile": "anna", "title": "film", "device": "tv",
        "duration_ms": 3_600_000})
}

fn occurred(seq: u32) -> Timestamp {
    at(i64::from(seq) * 10)
}

/// One a line.
pub(super) fn lines(each: &[Value]) -> Vec<u8> {
    each.iter().map(|fact| format!("{fact}\n")).collect::<String>().into_bytes()
}

/// Packed by the same library that unpacks it, as no other is at hand.
pub(super) async fn gzipped(text: Vec<u8>) -> Vec<u8> {
    let text = web::Bytes::from(text);
    let give = move || {
        let text = text.clone();
        async move { HttpResponse::Ok().content_type("text/plain").body(text) }
    };
    let app = App::new().wrap(Compress::default()).route("/", web::to(give));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().insert_header(("accept-encoding", "gzip"));
    let packed = test::call_and_read_body(&app, request.to_request()).await;
    assert!(packed.starts_with(&[0x1f, 0x8b]), "not packed");
    packed.to_vec()
}
