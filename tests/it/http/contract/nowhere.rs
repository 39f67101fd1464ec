//! What is not there, and what is there for another method: always a problem, never a page.

use reqwest::Method;

use super::{ANNA, EVENTS, Play, asked, sent, site, watched};

#[actix_web::test]
async fn an_unknown_address_is_not_found() {
    let site = site().await;
    for path in [
        "/nowhere",
        "/v1",
        "/v1/",
        "/v2/accounts/home/now",
        "/v1/accounts",
        "/v1/accounts//now",
        "/v1/accounts/home/now/",
        "/v1/accounts/home/NOW",
        "/v1/accounts/home/profiles/anna/resume/a/b",
        "/v1/system/chaos",
        "/v1/system/jobs/explode",
        "/ui/secret.js",
        "/ui/..%2f..%2fetc%2fpasswd",
        "//healthz",
    ] {
        asked(&site, path, &[]).await.problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_wrong_method_is_a_problem_too() {
    let site = site().await;
    for (method, path) in [
        (Method::GET, EVENTS),
        (Method::GET, "/v1/accounts/home"),
        (Method::GET, ANNA),
        (Method::GET, "/v1/accounts/home/profiles/anna/titles/film/hide"),
        (Method::GET, "/v1/events"),
        (Method::PUT, EVENTS),
        (Method::PATCH, EVENTS),
        (Method::POST, "/v1/accounts/home/now"),
        (Method::DELETE, "/v1/accounts/home/now"),
        (Method::PUT, "/v1/accounts/home"),
        (Method::POST, "/v1/accounts/home/export"),
        (Method::GET, "/v1/accounts/home/import"),
        (Method::POST, "/healthz"),
        (Method::GET, "/v1/system/rebuild"),
        (Method::POST, "/"),
        (Method::TRACE, "/"),
        (Method::OPTIONS, EVENTS),
        (Method::from_bytes(b"BREW").unwrap(), EVENTS),
    ] {
        let reply = sent(site.client.request(method.clone(), format!("{}{path}", site.url))).await;
        assert!([404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
        let code = reply.json()["code"].as_str().unwrap().to_owned();
        reply.problem(reply.status, &code);
    }
}

#[actix_web::test]
async fn a_head_says_what_a_get_would_without_its_body() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let paths = [
        "/v1/accounts/home/now".to_owned(),
        format!("{ANNA}/titles/film"),
        format!("{ANNA}/history"),
        format!("{ANNA}/titles/unknown"),
        format!("/v1/accounts/home/sessions/{}", play.session),
        "/v1/accounts/home/export".to_owned(),
        "/healthz".to_owned(),
        "/".to_owned(),
        "/nowhere".to_owned(),
    ];
    for path in paths {
        // The first answer may come from the log and fill the views for the next.
        asked(&site, &path, &[]).await;
        let get = asked(&site, &path, &[]).await;
        let head = sent(site.client.head(format!("{}{path}", site.url))).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for header in ["content-type", "etag", "content-length"] {
            assert_eq!(head.header(header), get.header(header), "{path}: {header}");
        }
    }
}

#[actix_web::test]
async fn a_head_of_a_feed_does_not_stay_open() {
    let site = site().await;
    for _ in 0..25 {
        let request = site.client.head(format!("{}/v1/accounts/home/live", site.url));
        assert_eq!(sent(request.header("accept", "text/event-stream")).await.status, 200);
    }
}

#[actix_web::test]
async fn problems_say_nothing_of_the_inside() {
    let site = site().await;
    let long = "x".repeat(3_000);
    for path in [
        format!("/v1/accounts/{long}/now"),
        format!("{ANNA}/history?cursor={long}"),
        format!("{ANNA}/history?cursor=%FF"),
        format!("{ANNA}/history?from={long}"),
        format!("{ANNA}/watch-time?tz=../../etc/passwd"),
        format!("{ANNA}/resume/film?after={long}"),
    ] {
        asked(&site, &path, &[]).await.problem(400, "malformed");
    }
}
