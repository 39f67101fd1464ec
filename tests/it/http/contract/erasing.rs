//! Erasing a play, a title, a profile, an account: the receipt, and that it is gone everywhere.

use serde_json::{Value, json};

use viewlog::events::{SessionId, Timestamp};

use super::{ANNA, Play, asked, fields, now, record, site, titles, watched};
use crate::http::erasing::assert_remaining;
use crate::servers::stores;
use crate::site::Site;
use crate::support::eventually;

const EVERYWHERE: [&str; 4] =
    ["continue-watching", "history", "watch-time", "resume?titles=film,other"];

/// Erases, and gives the receipt after looking that it is one in full.
async fn erased(site: &Site, path: &str, scope: &str) -> Value {
    let (status, receipt) = match path.strip_prefix("POST ") {
        Some(path) => site.post(path, &json!({})).await,
        None => site.delete(path).await,
    };
    assert_eq!(status, 202, "{receipt}");
    let expected = ["deleted", "fenced_at", "receipt", "remaining", "scope", "status", "url"];
    assert_eq!(fields(&receipt), expected);
    let stores = ["events", "leases", "snapshots", "spool", "views"];
    assert_eq!(fields(&receipt["deleted"]), stores);
    // A fleet looks twice for what nodes wrote that had not heard of it.
    let (status, remaining): (_, &[&str]) = if stores::are_a_fleets() {
        ("finishing", &["log and views: looked through", "log: disks are freed"])
    } else {
        ("done", &[])
    };
    assert_eq!((&receipt["scope"], &receipt["status"]), (&json!(scope), &json!(status)));
    assert_remaining(&receipt, remaining);
    receipt
}

/// Looks that no answer and no export of the household holds a word.
async fn gone(site: &Site, word: &str) {
    let mut paths = vec!["/v1/accounts/home/export".to_owned(), "/v1/accounts/home/now".to_owned()];
    paths.extend(EVERYWHERE.map(|path| format!("{ANNA}/{path}")));
    paths.push("/v1/accounts/home/profiles".to_owned());
    for path in paths {
        let text = asked(site, &path, &[]).await;
        assert!(!text.text().contains(word), "{path}: {}", text.text());
    }
}

/// A household: Anna's film now playing and her other title, Ben's film.
async fn household() -> (Site, [Play; 3]) {
    let site = site().await;
    let film = Play::of("film", 280);
    record(&site, film.facts(30)[..29].to_vec()).await;
    let other = watched(&site, Play::of("other", 7_200)).await;
    let ben = watched(&site, Play::by("ben", "film", 7_200)).await;
    for path in ["now", "profiles", "profiles/anna/history", "profiles/ben/history"] {
        assert_eq!(site.get(&format!("/v1/accounts/home/{path}")).await.0, 200);
    }
    (site, [film, other, ben])
}

#[actix_web::test]
async fn an_erased_play_is_gone_from_every_answer_and_the_others_stay() {
    let (site, [film, ..]) = household().await;
    let path = format!("{ANNA}/history/{}", film.session);
    let receipt = erased(&site, &path, "session").await;
    assert_eq!(receipt["deleted"]["events"], json!(29));
    assert_eq!(receipt["deleted"]["snapshots"], json!(1));
    gone(&site, &film.session.to_string()).await;
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.0, 404);
    assert_eq!(site.get(&format!("{ANNA}/resume/film")).await.0, 404);
    let session = format!("/v1/accounts/home/sessions/{}", film.session);
    assert_eq!(site.get(&session).await.0, 404);
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["other"]);
}

#[actix_web::test]
async fn an_erased_play_is_unknown_and_so_is_one_of_another_profile() {
    let (site, [film, _, ben]) = household().await;
    let path = format!("{ANNA}/history/{}", film.session);
    erased(&site, &path, "session").await;
    let again = super::sent(site.client.delete(format!("{}{path}", site.url))).await;
    again.problem(404, "not_found");
    let of_ben = format!("{}{ANNA}/history/{}", site.url, ben.session);
    super::sent(site.client.delete(of_ben)).await.problem(404, "not_found");
    assert_eq!(site.get(&format!("/v1/accounts/home/sessions/{}", ben.session)).await.0, 200);
    let no_session = format!("{}{ANNA}/history/film", site.url);
    super::sent(site.client.delete(no_session)).await.problem(400, "malformed");
}

#[actix_web::test]
async fn a_watch_that_somebody_told_of_is_erased_by_its_name_in_the_history() {
    let (site, _) = household().await;
    let told = format!("{ANNA}/titles/long-ago/watched");
    let (status, answer) = site.post(&told, &json!({ "at": "2020-01-01T20:00:00Z" })).await;
    assert_eq!(status, 200, "{answer}");
    let history = async || site.get(&format!("{ANNA}/history?title=long-ago")).await.1;
    let command = history().await["items"][0]["sessions"][0].as_str().unwrap().to_owned();
    let of_ben = format!("/v1/accounts/home/profiles/ben/history/{command}");
    assert_eq!(site.delete(&of_ben).await.0, 404);
    erased(&site, &format!("{ANNA}/history/{command}"), "session").await;
    assert_eq!(history().await["items"], json!([]));
    gone(&site, &command).await;
    assert_eq!(site.get(&format!("{ANNA}/titles/long-ago")).await.0, 404);
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film", "other"]);
}

#[actix_web::test]
async fn what_an_undo_had_put_back_of_an_erased_play_goes_with_it() {
    let site = site().await;
    let first = watched(&site, Play::of("film", 3_600)).await;
    let since = super::ago(1);
    let position = format!("{ANNA}/titles/film/position");
    assert_eq!(site.post(&position, &json!({ "position_ms": 7_000 })).await.0, 200);
    let undo = json!({ "since": since });
    assert_eq!(site.post(&format!("{ANNA}/undo"), &undo).await.0, 200);
    let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!(resume["position_ms"], 290_000, "put back: {resume}");
    erased(&site, &format!("{ANNA}/history/{}", first.session), "session").await;
    for gone in ["resume/film", "titles/film"] {
        assert_eq!(site.get(&format!("{ANNA}/{gone}")).await.0, 404);
    }
    let exported = asked(&site, "/v1/accounts/home/export", &[]).await;
    assert!(!exported.text().contains("290000"), "{}", exported.text());
}

#[actix_web::test]
async fn an_undo_of_which_every_title_is_erased_is_no_new_one_when_it_comes_again() {
    let (site, _) = household().await;
    let (key, since) = (SessionId::fresh(now()), now());
    eventually("what comes now is later", async || now() > since).await;
    let told = format!("{ANNA}/titles/long-ago/watched");
    assert_eq!(site.post(&told, &json!({ "at": "2020-01-01T20:00:00Z" })).await.0, 200);
    let undone = async || {
        let undo = site.client.post(format!("{}{ANNA}/undo", site.url));
        let undo = undo.json(&json!({ "since": since }));
        super::sent(undo.header("idempotency-key", key.to_string())).await.ok()["recorded"].clone()
    };
    assert_eq!(undone().await, 1);
    erased(&site, &format!("POST {ANNA}/titles/long-ago/forget"), "title").await;
    gone(&site, "long-ago").await;
    let position = format!("{ANNA}/titles/other/position");
    assert_eq!(site.post(&position, &json!({ "position_ms": 7_000 })).await.0, 200);
    assert_eq!(undone().await, 0);
    let (_, resume) = site.get(&format!("{ANNA}/resume/other")).await;
    assert_eq!(resume["position_ms"], 7_000, "{resume}");
}

#[actix_web::test]
async fn an_erased_hide_leaves_what_an_undo_had_put_back_of_plays() {
    let (site, _) = household().await;
    let key = SessionId::fresh(now());
    let hide = site.client.post(format!("{}{ANNA}/titles/other/hide", site.url));
    super::sent(hide.header("idempotency-key", key.to_string())).await.ok();
    let since = now();
    let hidden = async || site.get(&format!("{ANNA}/titles/other")).await.1["hidden"].clone();
    assert_eq!(hidden().await, true);
    eventually("what comes now is later", async || now() > since).await;
    assert_eq!(site.post(&format!("{ANNA}/titles/other/show"), &json!({})).await.0, 200);
    assert_eq!(site.post(&format!("{ANNA}/undo"), &json!({ "since": since })).await.0, 200);
    assert_eq!(hidden().await, true, "as it was");
    let position = site.get(&format!("{ANNA}/resume/other")).await.1["position_ms"].clone();
    erased(&site, &format!("{ANNA}/history/{key}"), "session").await;
    let (_, page) = site.get(&format!("{ANNA}/titles/other")).await;
    assert_eq!((&page["hidden"], &page["position_ms"]), (&json!(false), &position), "{page}");
}

#[actix_web::test]
async fn a_command_that_comes_again_brings_nothing_erased_back() {
    let (site, _) = household().await;
    let ways =
        [("history/KEY", "session"), ("POST titles/long-ago/forget", "title"), ("", "profile")];
    // A clock may be ahead that names a command.
    for ((path, what), ahead_ms) in ways.into_iter().flat_map(|way| [(way, 0), (way, 3_600_000)]) {
        let key = SessionId::fresh(now().plus_ms(ahead_ms));
        let told = async || {
            let url = format!("{}{ANNA}/titles/long-ago/watched", site.url);
            let request = site.client.post(url).json(&json!({ "at": "2020-01-01T20:00:00Z" }));
            super::sent(request.header("idempotency-key", key.to_string())).await
        };
        assert_eq!(told().await.ok()["recorded"], 1, "{what}");
        let path = path.replace("KEY", &key.to_string());
        let path = match path.strip_prefix("POST ") {
            Some(path) => format!("POST {ANNA}/{path}"),
            None => format!("{ANNA}/{path}").trim_end_matches('/').to_owned(),
        };
        erased(&site, &path, what).await;
        told().await.problem(410, "erased");
        assert_eq!(site.get(&format!("{ANNA}/titles/long-ago")).await.0, 404, "{what}");
    }
    let ahead = SessionId::fresh(Timestamp::from_ms(now().ms() + 400 * 24 * 3_600_000));
    let request = site.client.post(format!("{}{ANNA}/titles/film/hide", site.url));
    let answer = super::sent(request.header("idempotency-key", ahead.to_string())).await;
    answer.problem(422, "clock_ahead");
}

#[actix_web::test]
async fn a_forgotten_title_is_as_if_never_seen() {
    let (site, [film, ..]) = household().await;
    for command in ["hide", "watched"] {
        site.post(&format!("{ANNA}/titles/film/{command}"), &json!({})).await;
    }
    let receipt = erased(&site, &format!("POST {ANNA}/titles/film/forget"), "title").await;
    assert_eq!(receipt["deleted"]["events"], json!(31), "two commands among them");
    gone(&site, &film.session.to_string()).await;
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.0, 404);
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["other"]);
    let (_, of_ben) = site.get("/v1/accounts/home/profiles/ben/titles/film").await;
    assert_eq!(of_ben["watches"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_title_is_forgotten_by_its_name_in_the_query_too() {
    let site = site().await;
    watched(&site, Play::of("a/b", 3_600)).await;
    erased(&site, &format!("POST {ANNA}/titles/forget?title=a%2Fb"), "title").await;
    gone(&site, "a/b").await;
}

#[actix_web::test]
async fn an_erased_profile_is_gone_with_all_it_said_and_the_others_stay() {
    let (site, _) = household().await;
    site.post(&format!("{ANNA}/titles/never-played/position"), &json!({ "position_ms": 5 })).await;
    let receipt = erased(&site, ANNA, "profile").await;
    assert_eq!(receipt["deleted"]["events"], json!(60));
    gone(&site, "anna").await;
    for path in EVERYWHERE {
        assert_eq!(site.get(&format!("{ANNA}/{path}")).await.1["items"], json!([]));
    }
    let (_, profiles) = site.get("/v1/accounts/home/profiles").await;
    assert_eq!(profiles["items"].as_array().unwrap().len(), 1);
    assert_eq!(profiles["items"][0]["profile"], json!("ben"));
}

#[actix_web::test]
async fn an_erased_account_answers_like_one_that_never_was() {
    let (site, _) = household().await;
    watched(&site, Play::of("film", 3_600)).await;
    let fact = Play::of("film", 3_600).fact(0, "started");
    assert_eq!(site.post("/v1/accounts/away/events", &fact).await.0, 200);
    erased(&site, "/v1/accounts/home", "account").await;
    let timeless = |answer: Value| super::with(answer, json!({ "as_of": null, "source": null }));
    for path in ["now", "profiles", "profiles/anna/history", "profiles/ben/continue-watching"] {
        let (status, erased) = site.get(&format!("/v1/accounts/home/{path}")).await;
        let (_, never) = site.get(&format!("/v1/accounts/never/{path}")).await;
        assert_eq!((status, timeless(erased)), (200, timeless(never)));
    }
    assert!(asked(&site, "/v1/accounts/home/export", &[]).await.body.is_empty());
    let (_, away) = site.get("/v1/accounts/away/profiles").await;
    assert_eq!(away["items"][0]["profile"], json!("anna"));
}

#[actix_web::test]
async fn a_receipt_can_be_asked_for_again_where_it_says() {
    let site = site().await;
    let path = "/v1/accounts/the%20house%2F1";
    let receipt = erased(&site, path, "account").await;
    let url = receipt["url"].as_str().unwrap();
    assert_eq!(site.get(url).await, (200, receipt.clone()));
    let elsewhere = url.replace("the%20house%2F1", "home");
    assert_eq!(site.get(&elsewhere).await.0, 404);
    let unknown = format!("{path}/erasures/0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40");
    assert_eq!(site.get(&unknown).await.0, 404);
}

#[actix_web::test]
async fn erasing_again_and_erasing_nothing_are_receipts_of_nothing() {
    let (site, _) = household().await;
    for (path, scope) in [
        (format!("POST {ANNA}/titles/film/forget"), "title"),
        (ANNA.to_owned(), "profile"),
        ("/v1/accounts/home".to_owned(), "account"),
    ] {
        let first = erased(&site, &path, scope).await;
        let second = erased(&site, &path, scope).await;
        assert_eq!(second["deleted"]["events"], json!(0));
        assert_ne!(first["receipt"], second["receipt"]);
        assert!(second["fenced_at"].as_str() >= first["fenced_at"].as_str());
    }
    let receipt = erased(&site, "/v1/accounts/nobody", "account").await;
    assert_eq!(receipt["deleted"]["events"], json!(0));
}
