//! Many at once: nothing is recorded twice, and what was erased stays so however many ask and tell
//! at that moment.

use futures_util::future::join_all;
use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{ANNA, EVENTS, Play, asked, now, sent, watched};
use crate::site::Site;

fn sum(answers: &[(u16, Value)], field: &str) -> u64 {
    answers.iter().map(|(_, answer)| answer[field].as_u64().unwrap_or(0)).sum()
}

#[actix_web::test]
async fn one_request_sent_by_many_at_once_is_recorded_once() {
    let (site, play) = (Site::start().await, Play::of("film", 3_600));
    let envelope = json!({ "events": play.facts(30) });
    let answers = join_all((0..16).map(|_| site.post(EVENTS, &envelope))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert_eq!((sum(&answers, "recorded"), sum(&answers, "duplicates")), (30, 15 * 30));
    let (_, session) = site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await;
    assert_eq!((&session["facts"], &session["conflict"]), (&json!(30), &json!(false)));
}

#[actix_web::test]
async fn of_many_facts_under_one_number_one_is_recorded() {
    let (site, play) = (Site::start().await, Play::of("film", 3_600));
    let facts: Vec<Value> =
        (0..16).map(|ms| play.fact_with(0, "started", json!({ "position_ms": ms }))).collect();
    let answers = join_all(facts.iter().map(|fact| site.post(EVENTS, fact))).await;
    assert_eq!(sum(&answers, "recorded"), 1);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 409).count(), 15);
}

#[actix_web::test]
async fn many_accounts_at_once_do_not_mix() {
    let site = Site::start().await;
    let plays: Vec<Play> = (0..50).map(|_| Play::of("film", 3_600)).collect();
    let posts = plays.iter().enumerate().map(|(number, play)| {
        let site = &site;
        async move {
            let envelope = json!({ "events": play.facts(30) });
            site.post(&format!("/v1/accounts/{number}/events"), &envelope).await
        }
    });
    let answers = join_all(posts).await;
    assert_eq!(sum(&answers, "recorded"), 50 * 30);
    for (number, play) in plays.iter().enumerate() {
        let (_, history) = site.get(&format!("/v1/accounts/{number}/profiles/anna/history")).await;
        assert_eq!(history["items"][0]["sessions"], json!([play.session]));
    }
}

#[actix_web::test]
async fn a_command_sent_by_many_at_once_under_one_key_is_given_once() {
    let site = Site::start().await;
    let key = SessionId::fresh(now()).to_string();
    let given = join_all((0..16).map(|_| {
        let request = site.client.post(format!("{}{ANNA}/titles/film/watched", site.url));
        sent(request.header("idempotency-key", &key))
    }));
    let recorded: u64 =
        given.await.iter().map(|reply| reply.ok()["recorded"].as_u64().unwrap()).sum();
    assert_eq!(recorded, 1);
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.1["times_finished"], json!(1));
}

#[actix_web::test]
async fn what_is_erased_while_it_is_told_and_asked_for_is_gone_afterwards() {
    let site = Site::start().await;
    for title in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"] {
        let play = watched(&site, Play::of(title, 3_600)).await;
        let envelope = json!({ "events": Play::of(title, 7_200).facts(30) });
        let tellers = join_all((0..4).map(|_| site.post(EVENTS, &envelope)));
        let asking = format!("{ANNA}/history?{}", super::after(&play));
        let askers = join_all((0..8).map(|_| asked(&site, &asking, &[])));
        let [said, forgotten] =
            ["hide", "forget"].map(|word| format!("{ANNA}/titles/{title}/{word}"));
        let nothing = json!({});
        let sayers = join_all((0..4).map(|_| site.post(&said, &nothing)));
        let erasing = site.post(&forgotten, &nothing);
        let (_, _, _, (status, receipt)) =
            futures_util::future::join4(tellers, askers, sayers, erasing).await;
        assert_eq!(status, 202, "{receipt}");
        // A command given after the erasure is news; its plays are not.
        for path in ["history", "continue-watching", &format!("resume?titles={title}")] {
            let (_, answer) = site.get(&format!("{ANNA}/{path}")).await;
            assert_eq!(answer["items"], json!([]), "{path}");
        }
        let session = format!("/v1/accounts/home/sessions/{}", play.session);
        assert_eq!(site.get(&session).await.0, 404);
        let export = asked(&site, "/v1/accounts/home/export", &[]).await;
        assert!(!export.text().contains("position_ms"), "{}", export.text());
    }
}
