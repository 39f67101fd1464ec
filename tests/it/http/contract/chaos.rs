//! Failures on purpose: only with the setting, and then nobody else notices.

use serde_json::json;

use super::{EVENTS, Play, Reply, posted, record, site};
use crate::site::Site;
use crate::support::eventually;

const CHAOS: &str = "/v1/system/chaos";

async fn chaotic() -> Site {
    Site::with(&[("log", "memory:"), ("chaos", "true")]).await
}

async fn asked_for(site: &Site, body: &str) -> Reply {
    posted(site, CHAOS, "application/json", body.to_owned()).await
}

#[actix_web::test]
async fn without_the_setting_there_is_no_chaos() {
    let site = site().await;
    asked_for(&site, "{\"panic\":{\"account\":\"home\"}}").await.problem(404, "not_found");
}

#[actix_web::test]
async fn an_account_that_panics_comes_back_with_everything() {
    let site = chaotic().await;
    let (play, other) = (Play::of("film", 3_600), Play::of("film", 3_600));
    record(&site, play.facts(30)[..15].to_vec()).await;
    assert_eq!(asked_for(&site, "{\"panic\":{\"account\":\"home\"}}").await.status, 202);
    let fact = other.fact(0, "started");
    assert_eq!(site.post("/v1/accounts/away/events", &fact).await.0, 200, "nobody else notices");
    let (_, answer) = site.post(EVENTS, &json!({ "events": play.facts(30) })).await;
    assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(15), &json!(15)), "{answer}");
    eventually("the restart is counted", async || {
        site.get("/v1/system").await.1["actors"]["account"]["restarts"] == json!(1)
    })
    .await;
}

#[actix_web::test]
async fn wrong_wishes_for_chaos_are_refused_as_problems() {
    let site = chaotic().await;
    for body in ["{", "x"] {
        asked_for(&site, body).await.problem(400, "malformed");
    }
    for body in ["{}", "[]", "{\"panic\":{}}", "{\"panic\":{\"account\":\"\"}}"] {
        asked_for(&site, body).await.problem(422, "invalid_event");
    }
    let plain = posted(&site, CHAOS, "text/plain", "{\"panic\":{\"account\":\"home\"}}").await;
    assert_eq!(plain.status, 202, "the content type does not matter");
}
