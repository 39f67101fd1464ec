//! What was acknowledged is there after a restart, and what is sent again then is known.

use serde_json::json;
use viewlog::events::SessionId;

use super::{ANNA, EVENTS, Play, now, sent, titles, watched};
use crate::servers::stores;
use crate::site::Site;
use crate::support::eventually;

#[actix_web::test]
async fn facts_and_answers_survive_and_repetitions_are_known() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let (_, before) = site.get(&format!("{ANNA}/history")).await;
    site.stop().await;

    let site = Site::on(data.path(), &[]).await;
    if stores::are_a_fleets() {
        // A node reads the log until it has reached the views, which outlive it.
        eventually("the views are reached", async || {
            site.get("/v1/accounts/another/profiles").await.1["source"] == "views"
        })
        .await;
    }
    let (_, after) = site.get(&format!("{ANNA}/history")).await;
    assert_eq!(after["items"], before["items"]);
    assert_eq!(after["source"], if stores::are_a_fleets() { "views" } else { "log" });
    let mut facts = play.facts(30);
    facts.push(play.fact(30, "progressed"));
    let (_, again) = site.post(EVENTS, &json!({ "events": facts })).await;
    assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(1), &json!(30)), "{again}");
    let conflict = play.fact_with(3, "progressed", json!({ "position_ms": 5 }));
    assert_eq!(site.post(EVENTS, &conflict).await.0, 409);
    site.stop().await;
}

#[actix_web::test]
async fn a_session_goes_on_where_it_was_without_saying_again_whose_it_is() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    site.stop().await;

    let site = Site::on(data.path(), &[]).await;
    let bare = json!({ "title": null, "profile": null, "device": null });
    let (status, answer) = site.post(EVENTS, &play.fact_with(30, "progressed", bare)).await;
    assert_eq!((status, &answer["sessions"][0]["seq"]), (200, &json!(30)), "{answer}");
    let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!((&resume["position_ms"], &resume["device"]), (&json!(300_000), &json!("tv")));
    site.stop().await;
}

#[actix_web::test]
async fn commands_survive_and_their_keys_are_known() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    watched(&site, Play::of("film", 3_600)).await;
    let key = SessionId::fresh(now()).to_string();
    let hide = |site: &Site| {
        let request = site.client.post(format!("{}{ANNA}/titles/film/hide", site.url));
        sent(request.header("idempotency-key", &key))
    };
    assert_eq!(hide(&site).await.ok()["recorded"], json!(1));
    site.stop().await;

    let site = Site::on(data.path(), &[]).await;
    assert!(titles(&site.get(&format!("{ANNA}/continue-watching")).await.1).is_empty());
    assert_eq!(hide(&site).await.ok()["recorded"], json!(0));
    site.stop().await;
}

#[actix_web::test]
async fn a_store_that_takes_nothing_is_said_in_words_of_no_store_and_reads_go_on() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    site.stop().await;

    let full = [("embedded.free_bytes_min", "1099511627776"), ("actors.append_deadline_ms", "100")];
    let site = Site::on(data.path(), &full).await;
    let fact = play.fact_with(30, "progressed", json!({ "ref": "mine" }));
    let request = site.client.post(format!("{}{EVENTS}", site.url)).json(&fact);
    let reply = sent(request).await;
    let problem = reply.problem(503, "store_unavailable");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(problem["refused"][0]["ref"], json!("mine"));
    for request in [
        site.client.post(format!("{}{ANNA}/titles/film/hide", site.url)),
        site.client.post(format!("{}{ANNA}/titles/film/forget", site.url)),
        site.client.delete(format!("{}/v1/accounts/home", site.url)),
    ] {
        let reply = sent(request).await;
        reply.problem(503, "store_unavailable");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film"]);
    assert_eq!(titles(&site.get(&format!("{ANNA}/continue-watching")).await.1), ["film"]);
    site.stop().await;
}
