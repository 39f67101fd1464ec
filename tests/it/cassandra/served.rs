//! The whole service on a log that it shares.

use serde_json::{Value, json};
use viewlog::app::App;
use viewlog::config::{Config, LogStore};
use viewlog::events::SessionId;

use super::*;

#[actix_web::test]
async fn the_service_records_on_it_and_answers_from_it_after_a_restart() {
    let Some(keyspace) = Keyspace::shared().await else { return };
    let data = tempfile::tempdir().unwrap();
    let log = LogStore::Cassandra(keyspace.url().parse().unwrap());
    let config = Config { data: data.path().to_owned(), log, ..Config::default() };
    let account = account("service");
    let id = SessionId::fresh(SystemClock.now());
    for round in 0..2 {
        let app = App::start(&config).await.unwrap();
        let url = app.listen(([127, 0, 0, 1], 0).into()).unwrap().url;
        let client = crate::support::client();
        let facts: Vec<Value> = (0..20).map(|seq| fact(id, seq)).collect();
        let post = client.post(format!("{url}/v1/accounts/{account}/events"));
        let answer: Value =
            post.json(&json!({"events": facts})).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["recorded"], if round == 0 { 20 } else { 0 }, "{answer}");
        assert_eq!(answer["duplicates"], if round == 0 { 0 } else { 20 }, "{answer}");
        let get = client.get(format!("{url}/v1/accounts/{account}/profiles/anna/resume/film"));
        let answer: Value = get.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["position_ms"], 190_000, "{answer}");
        let get = client.get(format!("{url}/v1/system"));
        let system: Value = get.send().await.unwrap().json().await.unwrap();
        assert_eq!(system["log"]["kind"], "cassandra", "{system}");
        app.stop().await.unwrap();
    }
}

fn fact(session: SessionId, seq: i64) -> Value {
    let at = session.time().plus_ms((seq - 20) * 10_000);
    json!({
        "session": session, "seq": seq, "at": at, "position_ms": seq * 10_000,
        "kind": if seq == 0 { "started" } else { "progressed" },
        "profile": "anna", "title": "film", "duration_ms": 3_600_000,
    })
}
