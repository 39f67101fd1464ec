//! What all reads have in common: tags, limits, parameters, pages, and what is not there.

use serde_json::{Value, json};

use super::{ANNA, Play, after, asked, fields, record, site, titles, watched};
use crate::site::Site;

#[actix_web::test]
async fn an_account_without_events_answers_empty_lists() {
    let site = site().await;
    for (path, list) in [
        ("now", "playing"),
        ("profiles", "items"),
        ("profiles/anna/continue-watching", "items"),
        ("profiles/anna/history", "items"),
        ("profiles/anna/watch-time", "items"),
        ("profiles/anna/resume?titles=a,b", "items"),
    ] {
        for as_of in ["", "as_of=2026-01-01T00:00:00Z"] {
            let join = if path.contains('?') { "&" } else { "?" };
            let path = format!("/v1/accounts/nobody/{path}{join}{as_of}");
            let (status, answer) = site.get(&path).await;
            assert_eq!((status, &answer[list]), (200, &json!([])), "{path}: {answer}");
            assert_eq!(fields(&answer), {
                let mut all = vec!["as_of", "complete", "source", "stale", list];
                all.sort_unstable();
                all
            });
        }
    }
}

#[actix_web::test]
async fn what_is_not_there_answers_alike_whatever_the_reason() {
    let site = site().await;
    let erased = watched(&site, Play::of("erased", 3_600)).await;
    watched(&site, Play::of("film", 3_600)).await;
    let private = Play::of("private", 60).fact_with(0, "started", json!({ "private": true }));
    assert_eq!(site.post(super::EVENTS, &private).await.0, 200);
    site.post(&format!("{ANNA}/titles/erased/forget"), &json!({})).await;
    for (path, code) in [("titles", "not_found"), ("resume", "no_resume_point")] {
        let of = |title: &str| asked_text(&site, format!("{ANNA}/{path}/{title}"), code);
        let never = of("never").await;
        assert_eq!(of("erased").await, never);
        assert_eq!(of("private").await, never);
    }
    let session =
        |id: String| asked_text(&site, format!("/v1/accounts/home/sessions/{id}"), "not_found");
    let never = session(Play::of("never", 60).session.to_string()).await;
    assert_eq!(session(erased.session.to_string()).await, never);
}

async fn asked_text(site: &Site, path: String, code: &str) -> Value {
    asked(site, &path, &[]).await.problem(404, code)
}

#[actix_web::test]
async fn whoever_has_an_answer_already_is_told_so() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let paths = [
        "/v1/accounts/home/now".to_owned(),
        "/v1/accounts/home/profiles".to_owned(),
        format!("/v1/accounts/home/sessions/{}", play.session),
        format!("{ANNA}/resume/film"),
        format!("{ANNA}/continue-watching"),
        format!("{ANNA}/history"),
        format!("{ANNA}/titles/film"),
        format!("{ANNA}/watch-time"),
    ];
    for path in &paths {
        asked(&site, path, &[]).await;
        let first = asked(&site, path, &[]).await;
        let tag = first.header("etag");
        assert!(!tag.is_empty(), "{path}");
        for known in [tag, &format!("\"x\", {tag}"), "*", tag.trim_start_matches("W/")] {
            let again = asked(&site, path, &[("if-none-match", known)]).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), tag);
        }
        let other = asked(&site, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, 200);
    }
}

#[actix_web::test]
async fn a_tag_changes_with_what_is_said_and_not_with_the_time() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let path = format!("{ANNA}/history");
    asked(&site, &path, &[]).await;
    let (one, two) = (asked(&site, &path, &[]).await, asked(&site, &path, &[]).await);
    assert_eq!(one.header("etag"), two.header("etag"));
    let play = watched(&site, Play::of("other", 7_200)).await;
    let three = asked(&site, &format!("{path}?{}", after(&play)), &[]).await;
    assert_ne!(one.header("etag"), three.header("etag"));
}

#[actix_web::test]
async fn a_limit_is_clamped_and_pages_follow_without_gap_or_repetition() {
    let site = site().await;
    let named = ["a", "b", "c", "d", "e", "f", "g"];
    for (place, title) in (0..).zip(named) {
        record(&site, Play::of(title, 90_000 - place * 5_000).facts(30)).await;
    }
    for (limit, count) in [("0", 1), ("-3", 1), ("1", 1), ("5", 5), ("501", 7), ("99999999999", 7)]
    {
        for path in ["history", "continue-watching"] {
            let (status, answer) = site.get(&format!("{ANNA}/{path}?limit={limit}")).await;
            let got = answer["items"].as_array().unwrap().len();
            assert_eq!((status, got), (200, count), "{path} {limit}");
        }
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = site.get(&format!("{ANNA}/history?limit=3&cursor={cursor}")).await;
        seen.extend(titles(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(seen, ["g", "f", "e", "d", "c", "b", "a"]);
}

#[actix_web::test]
async fn a_wrong_parameter_is_refused_by_its_name() {
    let site = site().await;
    for (path, wrong) in [
        ("history", "limit=many"),
        ("history", "limit=1.5"),
        ("history", "from=yesterday"),
        ("history", "to=2026-13-01T00:00:00Z"),
        ("history", "title=%01"),
        ("history", "as_of=now"),
        ("history", "after=x"),
        ("history", "after=0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40"),
        ("history", "after=0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40:-1"),
        ("history", "cursor=made-up"),
        ("continue-watching", "limit=%20"),
        ("watch-time", "by=decade"),
        ("watch-time", "tz=Middle-earth"),
        ("watch-time", "from=1"),
        ("resume/film", "explain=perhaps"),
        ("resume", "titles="),
        ("resume", "titles=,"),
        ("titles", ""),
    ] {
        let name = if wrong.is_empty() { "title" } else { wrong.split('=').next().unwrap() };
        let problem = asked(&site, &format!("{ANNA}/{path}?{wrong}"), &[]).await;
        let problem = problem.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(name), "{wrong}: {problem}");
    }
}

#[actix_web::test]
async fn unknown_and_empty_parameters_are_passed_over() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let path = format!("{ANNA}/history?limit=&from=&x=1&&mood=tense&title=");
    assert_eq!(titles(&site.get(&path).await.1), ["film"]);
}

#[actix_web::test]
async fn a_read_includes_the_fact_that_it_is_told_to() {
    let site = site().await;
    watched(&site, Play::of("film", 7_200)).await;
    // The views are filled now; what comes later is merged within a second, or at once if asked.
    site.get(&format!("{ANNA}/history")).await;
    let play = Play::of("other", 3_600);
    for seq in 0..20 {
        record(&site, vec![play.fact(seq, "progressed")]).await;
        let path = format!("{ANNA}/resume/other?after={}:{seq}", play.session);
        let (_, resume) = site.get(&path).await;
        let expected = if seq == 0 { Value::Null } else { json!(seq * 10_000) };
        assert_eq!(resume["position_ms"], expected, "{resume}");
    }
}

#[actix_web::test]
async fn a_fact_that_was_never_recorded_cannot_be_included() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let (other, session) = (Play::of("x", 60).session, play.session);
    for after in [format!("{session}:30"), format!("{other}:0"), format!("{session}:99999999999")] {
        let path = format!("{ANNA}/history?after={after}");
        let problem = asked(&site, &path, &[]).await.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains("after"), "{problem}");
    }
}

#[actix_web::test]
async fn many_titles_are_asked_for_at_once_in_the_path_or_in_a_body() {
    let site = site().await;
    for title in ["a", "b", "c"] {
        watched(&site, Play::of(title, 3_600)).await;
    }
    let (_, by_query) = site.get(&format!("{ANNA}/resume?titles=c,x,a")).await;
    assert_eq!(titles(&by_query), ["c", "a"]);
    let body = json!({ "titles": ["c", "x", "a"] });
    let (_, by_body) = site.post(&format!("{ANNA}/resume"), &body).await;
    assert_eq!(by_body["items"], by_query["items"]);
    for (body, status) in [("{}", 400), ("{\"titles\":\"a\"}", 400), ("", 400), ("[", 400)] {
        let path = format!("{ANNA}/resume");
        let reply = super::posted(&site, &path, "application/json", body).await;
        reply.problem(status, "malformed");
    }
    let many: Vec<String> = (0..501).map(|number| number.to_string()).collect();
    let (status, problem) = site.post(&format!("{ANNA}/resume"), &json!({ "titles": many })).await;
    assert_eq!((status, &problem["code"]), (413, &json!("too_large")));
}
