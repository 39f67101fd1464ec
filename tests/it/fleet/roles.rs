//! A fleet whose nodes do a part of the work each.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use viewlog::events::SessionId;

use super::{Fleet, asked, done, fact};
use crate::binary::{Served, err, finish, viewlog};
use crate::support::{at, eventually, fresh, json_fact};

/// What is left to another node unless it lives is another's after a second.
pub(super) const HASTY: (&str, &str) = ("VIEWLOG_SIGNALS__RECLAIM_AFTER_MS", "1000");

/// One fleet of many processes at a time: together they are more than a small machine carries.
pub(super) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// A node with some roles, and its directory.
pub(super) struct Part {
    pub(super) node: Served,
    _data: TempDir,
}

impl Part {
    pub(super) fn of(fleet: &Fleet, role: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let node = fleet.node_with(data.path(), &[("VIEWLOG_ROLE", role), HASTY]);
        Self { node, _data: data }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.node.url)
    }

    pub(super) async fn system(&self) -> Value {
        asked(&self.url("/v1/system")).await
    }

    /// What it says of the signals between nodes.
    pub(super) async fn signals(&self) -> Value {
        self.system().await["signals"].clone()
    }

    /// Posts facts of the household, which must be taken.
    pub(super) async fn record(&self, facts: &[Value]) {
        let sent = crate::support::client()
            .post(self.url("/v1/accounts/home/events"))
            .json(&json!({ "events": facts }));
        let answer: Value = sent.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["recorded"], facts.len(), "{answer}");
    }

    /// Waits until its views say that the film stopped there.
    pub(super) async fn answers_from_views(&self, position_ms: u64) {
        let resume = self.url("/v1/accounts/home/profiles/anna/resume/film");
        let mut last = Value::Null;
        eventually("the views have all of it", async || {
            last = asked(&resume).await;
            last["source"] == "views" && last["position_ms"] == position_ms
        })
        .await;
    }

    pub(super) fn stop(self) {
        assert_eq!(self.node.terminate(), Some(0));
    }
}

/// Facts of the test's session, from one number to before another.
pub(super) fn facts(from: u64, to: u64) -> Vec<Value> {
    (from..to).map(|seq| fact(SessionId::derived(at(0), 7), seq)).collect()
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn socket(part: &Part, query: &str) -> Result<Socket, tungstenite::Error> {
    let url = part.url(&format!("/v1/accounts/home/live{query}")).replace("http://", "ws://");
    connect_async(url).await.map(|(socket, _)| socket)
}

/// Listens until a frame is of this type.
async fn hears(socket: &mut Socket, what: &str) -> Value {
    let listening = async {
        loop {
            let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == what {
                return frame;
            }
        }
    };
    let heard = tokio::time::timeout(std::time::Duration::from_secs(20), listening).await;
    heard.unwrap_or_else(|_| panic!("never heard: {what}"))
}

/// The detail of a refusal for want of a role.
async fn refused(method: reqwest::Method, url: String) -> String {
    let answer = crate::support::client().request(method, &url).send().await.unwrap();
    let status = answer.status().as_u16();
    let problem: Value = answer.json().await.unwrap();
    assert_eq!((status, &problem["code"]), (421, &json!("wrong_role")), "{url}: {problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

fn refused_socket(opened: Result<Socket, tungstenite::Error>) {
    let Err(tungstenite::Error::Http(answer)) = opened else { panic!("it opened") };
    assert_eq!(answer.status(), 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_collects_another_processes_and_a_third_provides() {
    let _turn = turn().await;
    let Some(fleet) = Fleet::begin() else { return };
    let [collect, process, provide] =
        ["collect", "process", "provide"].map(|role| Part::of(&fleet, role));
    for (part, role) in [(&collect, "collect"), (&process, "process"), (&provide, "provide")] {
        assert_eq!(part.system().await["roles"], json!([role]));
        for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
            assert_eq!(crate::support::get(part.url(path)).await.unwrap().status(), 200, "{path}");
        }
    }
    // Views are there before anything is merged into them.
    provide.answers_from_nothing().await;
    let mut follower = socket(&provide, "").await.unwrap();
    hears(&mut follower, "now").await;
    collect.record(&facts(0, 20)).await;
    provide.answers_from_views(19_000).await;
    let live = fresh(1);
    collect.record(&[json_fact(live, 0, "started", 500)]).await;
    eventually("the follower hears it", async || {
        hears(&mut follower, "playing").await["session"] == json!(live)
    })
    .await;
    let hide = collect.url("/v1/accounts/home/profiles/anna/titles/film/hide");
    assert_eq!(crate::support::client().post(hide).send().await.unwrap().status(), 200);
    let items = provide.url("/v1/accounts/home/profiles/anna/continue-watching");
    eventually("the word of a person shows", async || {
        let answer = asked(&items).await;
        answer["source"] == "views" && answer["items"] == json!([])
    })
    .await;
    eventually("nothing waits", async || collect.signals().await["waiting"] == 0).await;
    let (sent, taken) = (collect.signals().await, process.signals().await);
    assert_eq!((&sent["read"], &taken["published"]), (&json!(0), &json!(0)));
    assert_eq!(taken["acknowledged"], sent["published"]);
    for part in [&collect, &process, &provide] {
        eventually("it is up to date", async || {
            let now = asked(&part.url("/v1/system")).await;
            now["signals"]["lag_ms"] == 0 && now["signals"]["pending"] == 0
        })
        .await;
    }
    done(&process.node.url, &["verify"]);
    for part in [collect, provide, process] {
        part.stop();
    }
}

impl Part {
    async fn answers_from_nothing(&self) {
        let now = self.url("/v1/accounts/home/now");
        eventually("the views are complete", async || asked(&now).await["source"] == "views").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_refuses_what_is_not_its_work_and_says_whose_it_is() {
    use reqwest::Method;
    let _turn = turn().await;
    let Some(fleet) = Fleet::begin() else { return };
    let [collect, process, provide] =
        ["collect", "process", "provide"].map(|role| Part::of(&fleet, role));
    for path in ["/v1/accounts/home/now", "/accounts/home", "/v1/accounts/home/export"] {
        for part in [&collect, &process] {
            let detail = refused(Method::GET, part.url(path)).await;
            assert!(detail.contains("needs provide"), "{detail}");
        }
    }
    for path in ["/v1/events", "/v1/accounts/home/events", "/v1/accounts/home/import"] {
        for part in [&process, &provide] {
            let detail = refused(Method::POST, part.url(path)).await;
            assert!(detail.contains("needs collect"), "{detail}");
        }
    }
    for part in [&collect, &provide] {
        let detail = refused(Method::POST, part.url("/v1/system/verify")).await;
        assert!(detail.contains("needs process"), "{detail}");
    }
    refused(Method::DELETE, provide.url("/v1/accounts/home")).await;
    refused(Method::GET, process.url("/v1/accounts/home/live")).await;
    refused_socket(socket(&process, "").await);
    refused_socket(socket(&collect, "").await);
    refused_socket(socket(&provide, "?record=only").await);
    let frame = |id: u32| {
        let facts = facts(0, 1);
        Message::text(json!({"type": "record", "id": id, "events": facts}).to_string())
    };
    let mut follower = socket(&provide, "").await.unwrap();
    follower.send(frame(7)).await.unwrap();
    let error = hears(&mut follower, "error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(7), &json!("wrong_role")), "{error}");
    let mut player = socket(&collect, "?record=only").await.unwrap();
    player.send(frame(8)).await.unwrap();
    let recorded = hears(&mut player, "recorded").await;
    assert_eq!((&recorded["id"], &recorded["recorded"]), (&json!(8), &json!(1)), "{recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_all_roles_process_what_nodes_that_collect_tell() {
    let _turn = turn().await;
    let Some(fleet) = Fleet::begin() else { return };
    let (collect, all) = (Part::of(&fleet, "collect"), Part::of(&fleet, "all"));
    all.answers_from_nothing().await;
    collect.record(&facts(0, 20)).await;
    all.answers_from_views(19_000).await;
    all.record(&facts(20, 30)).await;
    all.answers_from_views(29_000).await;
    assert_eq!(all.signals().await["published"], 0);
    let both = Part::of(&fleet, " collect , process");
    assert_eq!(both.system().await["roles"], json!(["collect", "process"]));
    both.record(&facts(30, 40)).await;
    all.answers_from_views(39_000).await;
    assert_eq!(both.signals().await["published"], 0);
    done(&both.node.url, &["verify"]);
}

#[test]
fn a_command_without_a_server_does_all_the_work() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = tempfile::tempdir().unwrap();
    let mut command = viewlog();
    command.args(["now", "--account", "home", "--data"]).arg(data.path());
    command.envs([("VIEWLOG_LOG", &fleet.log), ("VIEWLOG_VIEWS", &fleet.views)]);
    let told = finish(command.env("VIEWLOG_ROLE", "collect"));
    assert_eq!(told.status.code(), Some(0), "{}", err(&told));
}
