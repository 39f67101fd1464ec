//! Erasing: what went, what is refused from then on, and the receipt.

use serde_json::{Value, json};
use viewlog::events::SessionKey;

use super::site::{Answer, EVENTS, Site, fact};
use crate::servers::stores;
use crate::support::{at, home, session};

const ANNA: &str = "/v1/accounts/home/profiles/anna";

/// Anna's sessions 1 (film) and 2 (other), Ben's session 3 (film), and a mark of each person.
async fn inhabited() -> Site {
    let site = Site::start().await;
    let of = |number: u128, profile: &str, title: &str| {
        [0, 1].map(|seq| {
            let mut fact = fact(number, seq, if seq == 0 { "started" } else { "progressed" }, 0);
            fact["profile"] = json!(profile);
            fact["title"] = json!(title);
            fact
        })
    };
    let events = [of(1, "anna", "film"), of(2, "anna", "other"), of(3, "ben", "film")].concat();
    assert_eq!(site.post(EVENTS, &json!({"events": events})).await.recorded(), 6);
    for profile in ["anna", "ben"] {
        let path = format!("/v1/accounts/home/profiles/{profile}/titles/film/hide");
        assert_eq!(site.post(&path, &json!({})).await.recorded(), 1);
    }
    site.clock.advance_ms(1_000);
    site
}

async fn left(site: &Site) -> Vec<u128> {
    let mut left = Vec::new();
    for number in 1..=3 {
        let key = SessionKey { account: home(), session: session(number) };
        let stored = site.log.session(&key).await.unwrap();
        left.extend(stored.and_then(|stored| stored.state()).map(|_| number));
    }
    left
}

#[track_caller]
fn assert_receipt(answer: &Answer, scope: &str, events: u64) {
    assert_eq!(answer.status, 202, "{answer:?}");
    let receipt = &answer.json;
    assert_eq!((&receipt["scope"], &receipt["status"]), (&json!(scope), &json!("done")));
    assert_eq!(receipt["fenced_at"], json!(at(3_601)), "{receipt}");
    assert_eq!(receipt["deleted"]["events"], events, "{receipt}");
    for counted in ["snapshots", "views"] {
        assert!(receipt["deleted"][counted].is_u64(), "{receipt}");
    }
    assert_eq!(
        (&receipt["deleted"]["spool"], &receipt["deleted"]["leases"]),
        (&json!(0), &json!(0))
    );
    let remaining: &[&str] = if stores::are_a_fleets() { &["log: disks are freed"] } else { &[] };
    assert_remaining(receipt, remaining);
}

/// What stores still have to do begins with these words, and there is no more of it.
#[track_caller]
pub(in crate::http) fn assert_remaining(receipt: &Value, expected: &[&str]) {
    let remaining = receipt["remaining"].as_array().unwrap();
    let mut each = remaining.iter().zip(expected);
    let is_so = each.all(|(said, begins)| said.as_str().unwrap().starts_with(begins));
    assert!(is_so && remaining.len() == expected.len(), "{receipt}");
}

#[actix_web::test]
async fn a_title_is_forgotten_for_one_person() {
    let site = inhabited().await;
    let answer = site.post(&format!("{ANNA}/titles/film/forget"), &json!({})).await;
    assert_receipt(&answer, "title", 3);
    assert_eq!(left(&site).await, [2, 3]);
    let marks = site.marks().await;
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert_eq!(marks[0].profile.as_str(), "ben");
}

#[actix_web::test]
async fn a_title_may_be_forgotten_by_query() {
    let site = inhabited().await;
    let answer = site.post(&format!("{ANNA}/titles/forget?title=film"), &json!({})).await;
    assert_receipt(&answer, "title", 3);
    assert_eq!(left(&site).await, [2, 3]);
}

#[actix_web::test]
async fn one_play_is_erased() {
    let site = inhabited().await;
    let path = format!("{ANNA}/history/{}", session(2));
    assert_receipt(&site.call("DELETE", &path).await, "session", 2);
    assert_eq!(left(&site).await, [1, 3]);
}

#[actix_web::test]
async fn one_play_is_erased_without_naming_its_profile() {
    let site = inhabited().await;
    let path = format!("/v1/accounts/home/history/{}", session(2));
    assert_receipt(&site.call("DELETE", &path).await, "session", 2);
    assert_eq!(left(&site).await, [1, 3]);
}

#[actix_web::test]
async fn a_play_of_another_profile_and_one_of_nobody_look_alike() {
    let site = inhabited().await;
    let details = [session(3), session(77)].map(|session| format!("{ANNA}/history/{session}"));
    let [ben, nobody] = details.map(|path| async { site.call("DELETE", &{ path }).await });
    let (ben, nobody) = (ben.await, nobody.await);
    ben.problem(404, "not_found");
    nobody.problem(404, "not_found");
    assert_eq!(ben.json["detail"], nobody.json["detail"]);
    assert_eq!(left(&site).await, [1, 2, 3]);
    let wrong = site.call("DELETE", &format!("{ANNA}/history/7")).await;
    wrong.problem(400, "malformed");
}

#[actix_web::test]
async fn a_profile_is_erased() {
    let site = inhabited().await;
    assert_receipt(&site.call("DELETE", ANNA).await, "profile", 5);
    assert_eq!(left(&site).await, [3]);
    assert_eq!(site.marks().await.len(), 1);
}

#[actix_web::test]
async fn an_account_is_erased_and_its_neighbour_is_not() {
    let site = inhabited().await;
    let neighbour = "/v1/accounts/next%20door/events";
    site.post(neighbour, &fact(9, 0, "started", 0)).await;
    assert_receipt(&site.call("DELETE", "/v1/accounts/home").await, "account", 8);
    assert!(left(&site).await.is_empty());
    assert!(site.marks().await.is_empty());
    let again = site.post(neighbour, &fact(9, 0, "started", 0)).await;
    assert_eq!(again.json["duplicates"], 1, "{again:?}");
}

#[actix_web::test]
async fn what_occurred_before_is_refused_and_what_occurs_after_is_welcome() {
    let site = inhabited().await;
    site.call("DELETE", "/v1/accounts/home").await;
    site.post(EVENTS, &fact(1, 1, "progressed", 0)).await.problem(410, "erased");
    site.post(EVENTS, &fact(4, 0, "started", 0)).await.problem(410, "erased");
    site.clock.set(at(4_000));
    let mut newer = fact(5, 0, "started", 0);
    newer["at"] = json!(at(3_990));
    assert_eq!(site.post(EVENTS, &newer).await.recorded(), 1);
    let hidden = site.post(&format!("{ANNA}/titles/film/hide"), &json!({})).await;
    assert_eq!(hidden.recorded(), 1);
}

#[actix_web::test]
async fn a_command_in_the_very_moment_of_an_erasure_is_welcome() {
    let site = inhabited().await;
    site.call("DELETE", ANNA).await;
    let hidden = site.post(&format!("{ANNA}/titles/film/hide"), &json!({})).await;
    assert_eq!(hidden.recorded(), 1, "the fence was written before");
}

#[actix_web::test]
async fn a_receipt_can_be_asked_for_again() {
    let site = inhabited().await;
    let given = site.call("DELETE", ANNA).await;
    let url = given.json["url"].as_str().unwrap();
    assert!(url.ends_with(given.json["receipt"].as_str().unwrap()), "{given:?}");
    let again = site.call("GET", url).await;
    assert_eq!((again.status, &again.json), (200, &given.json));
    let other = url.replace(given.json["receipt"].as_str().unwrap(), &session(7).to_string());
    site.call("GET", &other).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_receipt_names_nothing_that_was_erased() {
    let site = inhabited().await;
    let given = site.post(&format!("{ANNA}/titles/film/forget"), &json!({})).await;
    assert!(!given.text.contains("film") && !given.text.contains("anna"), "{given:?}");
}

#[actix_web::test]
async fn erasing_twice_and_erasing_nothing_are_no_mistake() {
    let site = inhabited().await;
    site.call("DELETE", ANNA).await;
    let again = site.call("DELETE", ANNA).await;
    assert_receipt(&again, "profile", 0);
    let nobody = site.call("DELETE", "/v1/accounts/nobody").await;
    assert_receipt(&nobody, "account", 0);
}

#[actix_web::test]
async fn what_was_erased_is_in_no_answer() {
    let site = inhabited().await;
    site.call("DELETE", ANNA).await;
    let empty: [(&str, Value); 3] = [
        ("/v1/accounts/home/profiles/anna/history", json!([])),
        ("/v1/accounts/home/profiles/anna/continue-watching", json!([])),
        ("/v1/accounts/home/profiles/anna/watch-time", json!([])),
    ];
    for (path, items) in empty {
        let answer = site.call("GET", path).await;
        assert_eq!((answer.status, &answer.json["items"]), (200, &items), "{path}: {answer:?}");
    }
    site.call("GET", &format!("{ANNA}/titles/other")).await.problem(404, "not_found");
    let export = site.call("GET", "/v1/accounts/home/export").await;
    assert!(!export.text.contains("anna"), "{export:?}");
}
