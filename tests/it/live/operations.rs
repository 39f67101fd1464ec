//! Health, the system page, long work, the API's description and the dashboard, from outside.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use viewlog::events::SystemClock;
use viewlog::http::{JobKind, JobState, Jobs, Reach, document};

use super::server::Server;
use crate::servers::stores;
use crate::support::{eventually, fresh, json_fact};

async fn read(url: String) -> (u16, Value) {
    let response = crate::support::get(url).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn post(url: String) -> (u16, Value) {
    let response = crate::support::client().post(url).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[actix_web::test]
async fn a_node_says_how_it_does() {
    let server = Server::start().await;
    assert_eq!(read(server.root("/healthz")).await.0, 200);
    assert_eq!(read(server.root("/readyz")).await.0, 200);
    let metrics = crate::support::get(server.root("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("viewlog_actors{actor=\"projector\"}"), "{metrics}");
    let (status, system) = read(server.root("/v1/system")).await;
    assert_eq!(status, 200);
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(system["roles"], json!(["collect", "process", "provide"]));
    let (log, views) =
        if stores::are_a_fleets() { ("cassandra", "redis") } else { ("memory", "memory") };
    for (store, kind) in [("log", log), ("views", views)] {
        let (is, ok) = (&system[store]["kind"], &system[store]["ok"]);
        assert_eq!((is, ok), (&kind.into(), &true.into()), "{store}");
    }
    assert_eq!((&system["rebuild"], &system["parked"]), (&Value::Null, &json!(0)));
    for (field, is) in [("uptime_s", true), ("generation", true), ("oldest_window", false)] {
        assert_eq!(system[field].is_number(), is, "{field}");
    }
    assert_eq!(system["actors"]["projector"]["active"], 1);
    server.stop().await;
}

#[actix_web::test]
async fn long_work_is_started_followed_and_remembered() {
    let server = Server::start().await;
    let facts = (0..3).map(|seq| json_fact(fresh(1), seq, "progressed", 0)).collect::<Vec<_>>();
    let session = facts[0]["session"].clone();
    let facts = facts.into_iter().map(|mut fact| {
        fact["session"] = session.clone();
        fact
    });
    server.record(facts.collect()).await;
    for kind in ["rebuild", "verify?account=home", "verify", "compact?older_than_days=1"] {
        let name = kind.split('?').next().unwrap();
        let (status, report) = post(server.root(&format!("/v1/system/{kind}"))).await;
        assert_eq!((status, &report["kind"]), (202, &json!(name)));
        let url = server.root(&format!("/v1/system/jobs/{name}"));
        eventually("the job is done", async || read(url.clone()).await.1["state"] == "done").await;
        let (_, report) = read(url).await;
        assert_eq!((&report["done"], &report["total"]), (&json!(1), &json!(1)), "{report}");
        assert_eq!(report["findings"], json!([]));
        if name != "compact" {
            assert_eq!(report["events"], 3, "{report}");
        }
    }
    assert_eq!(read(server.root("/v1/system/jobs/dance")).await.0, 404);
    assert_eq!(post(server.root("/v1/system/compact?older_than_days=x")).await.0, 400);
    server.stop().await;
}

#[actix_web::test]
async fn jobs_join_their_own_kind_and_exclude_the_others() {
    let jobs = Arc::new(Jobs::new(Arc::new(SystemClock), None));
    assert!(jobs.report(JobKind::Verify).await.is_none());
    let (finish, finished) = oneshot::channel::<()>();
    let waiting = async move {
        let _ = finished.await;
        Err("told to".to_owned())
    };
    let report = jobs.start((JobKind::Verify, Reach::All), move |_| waiting).await.unwrap();
    assert_eq!(report.state, JobState::Running);
    let joined = jobs.start((JobKind::Verify, Reach::All), |_| async { panic!("it runs already") });
    assert_eq!(joined.await.unwrap().state, JobState::Running);
    let other = jobs.start((JobKind::Compact, Reach::All), |_| async { panic!("another runs") });
    assert_eq!(other.await.unwrap_err(), JobKind::Verify);
    finish.send(()).unwrap();
    let failed = async |kind| jobs.report(kind).await.unwrap().state == JobState::Failed;
    eventually("it ended", async || failed(JobKind::Verify).await).await;
    assert_eq!(jobs.report(JobKind::Verify).await.unwrap().detail.unwrap(), "told to");
    let panics = jobs.start((JobKind::Compact, Reach::All), |_| async { panic!("made to fail") });
    panics.await.unwrap();
    eventually("a panic is a failure", async || failed(JobKind::Compact).await).await;
    jobs.start((JobKind::Rebuild, Reach::All), |_| std::future::pending()).await.unwrap();
    jobs.stop().await;
    assert!(failed(JobKind::Rebuild).await);
}

#[actix_web::test]
async fn the_api_describes_itself_with_every_id_in_its_paths() {
    let server = Server::start().await;
    let (status, described) = read(server.root("/openapi.json")).await;
    assert_eq!(status, 200);
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/accounts/{account}/profiles/{profile}/resume/{title}"));
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let given = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = given.iter().filter(|one| one["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
            assert!(operation["description"].is_string() || operation["summary"].is_string());
        }
    }
    assert_eq!(serde_json::to_value(document()).unwrap()["openapi"], described["openapi"]);
    let docs = crate::support::get(server.root("/docs")).await.unwrap();
    assert_eq!((docs.status().as_u16(), docs.url().path()), (200, "/docs/"));
    server.stop().await;
}

#[actix_web::test]
async fn the_pages_let_nothing_in_from_elsewhere() {
    let server = Server::start().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/accounts/a%2Fb", "text/html; charset=utf-8"),
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/style.css", "text/css; charset=utf-8"),
        ("/ui/icon.svg", "image/svg+xml"),
    ] {
        let response = crate::support::get(server.root(path)).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], kind);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src"), "{policy}");
        let tag = response.headers()["etag"].clone();
        let again = crate::support::client().get(server.root(path)).header("if-none-match", tag);
        assert_eq!(again.send().await.unwrap().status(), 304);
    }
    assert_eq!(read(server.root("/ui/none.js")).await.0, 404);
    server.stop().await;
}
