//! Ids in paths: decoded exactly once, taken as they are, never a way to somewhere else.

use serde_json::json;
use viewlog::events::{AccountId, AccountRange, MarkKind, TitleId};

use super::site::{EVENTS, Site, fact};
use crate::support::{eventually, id};

#[actix_web::test]
async fn an_id_is_decoded_exactly_once() {
    let site = Site::start().await;
    let long = "x".repeat(128);
    let umlauts = "%C3%BC".repeat(64);
    let cases = [
        ("a%20b", "a b"),
        ("a%2Fb", "a/b"),
        ("a%2fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("%25", "%"),
        ("a%3Fb%23c", "a?b#c"),
        ("%F0%9F%8E%AC", "\u{1f3ac}"),
        ("a;b=c,d:e@f", "a;b=c,d:e@f"),
        (&long, &long),
        (&umlauts, &"\u{fc}".repeat(64)),
    ];
    for (path, account) in cases {
        let account: AccountId = id(account);
        let path = format!("/v1/accounts/{path}/events");
        assert_eq!(site.post(&path, &fact(1, 0, "started", 0)).await.status, 200, "{path}");
        assert_eq!(site.states_of(&account).await.len(), 1, "{path} is not {account}");
    }
}

#[actix_web::test]
async fn what_cannot_be_an_id_is_malformed() {
    let site = Site::start().await;
    let long = "x".repeat(129);
    let wide = "%C3%BC".repeat(65);
    for account in ["%00", "a%00b", "%0A", "%1b", "%7F", "%FF", "%C3", "%C0%AF", &long, &wide] {
        let path = format!("/v1/accounts/{account}/events");
        site.post(&path, &fact(1, 0, "started", 0)).await.problem(400, "malformed");
    }
    let accounts = site.log.accounts(&AccountRange::ALL, None, 10).await.unwrap();
    assert!(accounts.is_empty(), "{accounts:?}");
}

#[actix_web::test]
async fn dots_are_an_id_like_any_other_and_lead_nowhere() {
    let site = Site::start().await;
    for account in ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2e%2e%5c"] {
        let target = format!("/v1/accounts/{account}/profiles/anna/titles/film/hide");
        let status = site.raw_status("POST", &target).await;
        assert!([200, 404].contains(&status), "{account}: {status}");
    }
    for target in ["/../../etc/passwd", "/v1/../v1/accounts/home", "//etc/passwd", "/%2e%2e/%2e%2e"]
    {
        assert_eq!(site.raw_status("GET", target).await, 404, "{target}");
    }
    for target in ["/v1/accounts//events", "/v1/accounts/home/profiles//titles//hide"] {
        let status = site.raw_status("POST", target).await;
        assert!([400, 404].contains(&status), "{target}: {status}");
    }
}

#[actix_web::test]
async fn a_percent_sign_that_encodes_nothing_is_refused_and_not_guessed_at() {
    let site = Site::start().await;
    for account in ["100%", "%", "%2", "%zz", "%u00fc"] {
        let target = format!("/v1/accounts/{account}/profiles/anna/titles/film/hide");
        assert_eq!(site.raw_status("POST", &target).await, 400, "{account}");
    }
}

#[actix_web::test]
async fn a_title_may_stand_in_the_path_or_after_the_question_mark() {
    let site = Site::start().await;
    let cases = [
        ("/titles/a%2Fb/hide", "a/b"),
        ("/titles/hide?title=a%2Fb", "a/b"),
        ("/titles/hide?title=a/b", "a/b"),
        ("/titles/hide?title=a%252Fb", "a%2Fb"),
        ("/titles/hide?title=a%2Bb%26c%3Dd", "a+b&c=d"),
        ("/titles/hide?x=1&title=tt%3A1&title=other", "tt:1"),
        ("/titles/hide/hide", "hide"),
    ];
    for (number, (path, title)) in cases.into_iter().enumerate() {
        let answer = site.post(&format!("/v1/accounts/home/profiles/anna{path}"), &json!({})).await;
        assert_eq!(answer.recorded(), 1, "{path}");
        let marks = site.marks().await;
        assert_eq!(marks.len(), number + 1, "{path}");
        let title: TitleId = id(title);
        let hidden = MarkKind::TitleHidden { title };
        assert!(marks.iter().any(|mark| mark.kind == hidden), "{path}: {marks:?}");
    }
}

#[actix_web::test]
async fn a_title_after_the_question_mark_must_be_there_and_be_one() {
    let site = Site::start().await;
    for query in ["", "?title=", "?titel=a", "?title=%00", "?title=%FF", "?title=100%"] {
        let path = format!("/v1/accounts/home/profiles/anna/titles/hide{query}");
        site.post(&path, &json!({})).await.problem(400, "malformed");
    }
    assert!(site.marks().await.is_empty());
}

#[actix_web::test]
async fn a_title_called_like_a_command_can_still_be_read() {
    let site = Site::start().await;
    let mut named = fact(1, 0, "started", 0);
    named["title"] = json!("hide");
    site.post(EVENTS, &named).await;
    let path = "/v1/accounts/home/profiles/anna/titles/hide";
    eventually("the title can be read", async || {
        site.call("GET", path).await.json["title"] == "hide"
    })
    .await;
}
