//! Every form in which facts may come.

use actix_web::http::header::ACCEPT_ENCODING;
use actix_web::middleware::Compress;
use actix_web::{App, HttpResponse, test, web};
use serde_json::{Value, json};

use super::{EVENTS, Play, Reply, posted, sent, site};
use crate::site::Site;

/// A body as gzip makes it.
pub(super) async fn gzipped(body: Vec<u8>) -> Vec<u8> {
    let echo = web::to(move || {
        let body = body.clone();
        async move { HttpResponse::Ok().body(body) }
    });
    let site = App::new().wrap(Compress::default()).default_service(echo);
    let site = test::init_service(site).await;
    let request = test::TestRequest::get().insert_header((ACCEPT_ENCODING, "gzip"));
    test::call_and_read_body(&site, request.to_request()).await.to_vec()
}

async fn posted_gzipped(site: &Site, path: &str, packed: Vec<u8>) -> Reply {
    posted_as(site, path, "gzip", packed).await
}

async fn posted_as(site: &Site, path: &str, encoding: &str, packed: Vec<u8>) -> Reply {
    let request = site.client.post(format!("{}{path}", site.url));
    let request = request.header("content-type", "application/json");
    sent(request.header("content-encoding", encoding).body(packed)).await
}

fn lines(facts: &[Value]) -> String {
    facts.iter().map(|fact| format!("{fact}\n")).collect()
}

#[actix_web::test]
async fn one_fact_is_recorded() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let (status, answer) = site.post(EVENTS, &play.fact(0, "started")).await;
    assert_eq!(status, 200);
    let expected = json!({
        "recorded": 1,
        "duplicates": 0,
        "durability": "store",
        "sessions": [{ "account": "home", "session": play.session, "seq": 0 }],
        "refused": [],
    });
    assert_eq!(answer, expected);
}

#[actix_web::test]
async fn an_envelope_is_recorded_and_so_is_an_empty_one() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let envelope = json!({ "sent_at": super::now(), "events": play.facts(7) });
    let (status, answer) = site.post(EVENTS, &envelope).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(7)), "{answer}");
    assert_eq!(answer["sessions"][0]["seq"], json!(6));
    let (status, answer) = site.post(EVENTS, &json!({ "events": [] })).await;
    assert_eq!((status, &answer["recorded"], &answer["sessions"]), (200, &json!(0), &json!([])));
}

#[actix_web::test]
async fn lines_are_recorded_under_each_of_their_names() {
    let site = site().await;
    for kind in
        ["application/x-ndjson", "application/ndjson; charset=utf-8", "APPLICATION/X-NDJSON"]
    {
        let play = Play::of("film", 3_600);
        let body = format!("\n{}\r\n  \n", lines(&play.facts(5)).replace('\n', "\r\n"));
        assert_eq!(posted(&site, EVENTS, kind, body).await.ok()["recorded"], json!(5), "{kind}");
    }
}

#[actix_web::test]
async fn a_last_line_without_an_end_is_a_line() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let body = lines(&play.facts(3));
    let answer = posted(&site, EVENTS, "application/x-ndjson", body.trim_end().to_owned()).await;
    assert_eq!(answer.ok()["recorded"], json!(3));
}

#[actix_web::test]
async fn a_beacon_may_carry_any_form_as_plain_text() {
    let site = site().await;
    let facts = Play::of("one", 3_600).facts(3);
    let forms = [
        Play::of("two", 3_600).fact(0, "started").to_string(),
        json!({ "sent_at": super::now(), "events": Play::of("three", 3_600).facts(2) }).to_string(),
        lines(&facts),
    ];
    for (body, count) in forms.into_iter().zip([1, 2, 3]) {
        let answer = posted(&site, EVENTS, "text/plain;charset=UTF-8", body).await;
        assert_eq!(answer.ok()["recorded"], json!(count));
    }
}

#[actix_web::test]
async fn a_content_type_may_be_missing_or_have_parameters() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let url = format!("{}{EVENTS}", site.url);
    let bare = site.client.post(url).body(play.fact(0, "started").to_string());
    assert_eq!(sent(bare).await.ok()["recorded"], json!(1));
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"] {
        let answer = posted(&site, EVENTS, kind, play.fact(0, "started").to_string()).await;
        assert_eq!(answer.ok()["duplicates"], json!(1), "{kind}");
    }
}

#[actix_web::test]
async fn any_other_content_type_is_refused_and_the_right_ones_are_named() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    for kind in ["application/xml", "text/html", "multipart/form-data; boundary=x", "json"] {
        let reply = posted(&site, EVENTS, kind, play.fact(0, "started").to_string()).await;
        let problem = reply.problem(415, "unsupported_media_type");
        assert!(problem["detail"].as_str().unwrap().contains("application/json"), "{problem}");
    }
}

#[actix_web::test]
async fn a_fact_may_speak_of_events_without_being_an_envelope() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let fact = play.fact_with(0, "started", json!({ "name": "events", "x": { "events": [1] } }));
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1));
    let fact = play.fact_with(1, "progressed", json!({ "events": 0, "title": "film" }));
    assert_eq!(site.post(EVENTS, &fact).await.0, 422, "events is a list");
    let fact = with_null_events(play.fact(1, "progressed"));
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1));
}

fn with_null_events(mut fact: Value) -> Value {
    fact["events"] = Value::Null;
    fact
}

#[actix_web::test]
async fn a_packed_body_is_unpacked_whatever_its_form() {
    let site = site().await;
    let play = Play::of("film", 3_600);
    let envelope = json!({ "sent_at": super::now(), "events": play.facts(30) }).to_string();
    let packed = gzipped(envelope.clone().into_bytes()).await;
    assert!(packed.len() < envelope.len() / 4, "it is packed");
    assert_eq!(posted_gzipped(&site, EVENTS, packed).await.ok()["recorded"], json!(30));

    let fact = Play::of("other", 60).fact(0, "started").to_string().into_bytes();
    let packed = gzipped(fact).await;
    assert_eq!(posted_gzipped(&site, EVENTS, packed).await.ok()["recorded"], json!(1));
}

#[actix_web::test]
async fn a_packed_body_that_is_damaged_is_malformed() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let packed = gzipped(play.fact(0, "started").to_string().into_bytes()).await;
    for missing in (1..=8).chain([packed.len() / 2, packed.len() - 1]) {
        let cut = packed[..packed.len() - missing].to_vec();
        posted_gzipped(&site, EVENTS, cut).await.problem(400, "malformed");
    }
    let mut damaged = packed.clone();
    damaged[20] ^= 0xff;
    posted_gzipped(&site, EVENTS, damaged).await.problem(400, "malformed");
    let plain = play.fact(0, "started").to_string().into_bytes();
    posted_gzipped(&site, EVENTS, plain).await.problem(400, "malformed");
}

#[actix_web::test]
async fn packed_parts_in_a_row_are_never_read_in_part() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let mut packed = Vec::new();
    for fact in play.facts(3) {
        packed.extend(gzipped(format!("{fact}\n").into_bytes()).await);
    }
    let request = site.client.post(format!("{}{EVENTS}", site.url));
    let request = request.header("content-type", "application/x-ndjson");
    let reply = sent(request.header("content-encoding", "gzip").body(packed)).await;
    reply.problem(400, "malformed");
}

#[actix_web::test]
async fn a_packing_that_is_not_read_is_refused_and_the_right_one_named() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact(0, "started").to_string().into_bytes();
    for encoding in ["br", "zstd", "compress", "gzip, gzip"] {
        let reply = posted_as(&site, EVENTS, encoding, fact.clone()).await;
        let problem = reply.problem(415, "unsupported_media_type");
        assert!(problem["detail"].as_str().unwrap().contains("gzip"), "{problem}");
    }
    assert_eq!(posted_as(&site, EVENTS, "Identity", fact).await.ok()["recorded"], json!(1));
}

#[actix_web::test]
async fn a_small_body_that_unpacks_to_a_great_one_is_too_large() {
    let site = site().await;
    let bomb = gzipped(vec![b' '; 64 << 20]).await;
    assert!(bomb.len() < 1 << 20, "small when packed: {}", bomb.len());
    posted_gzipped(&site, EVENTS, bomb.clone()).await.problem(413, "too_large");
    posted_gzipped(&site, "/v1/accounts/home/import", bomb).await.problem(413, "too_large");
}

#[actix_web::test]
async fn facts_of_many_accounts_come_together_each_naming_its_own() {
    let site = site().await;
    let (one, two) = (Play::of("film", 3_600), Play::of("film", 1_800));
    let named = |play: &Play, account| play.fact_with(0, "started", json!({ "account": account }));
    let facts = json!([named(&one, "home"), two.fact(0, "started"), named(&two, "away")]);
    let (status, answer) = site.post("/v1/events", &json!({ "events": facts })).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(2)), "{answer}");
    assert_eq!(answer["refused"][0]["index"], json!(1));
    assert_eq!(answer["refused"][0]["code"], json!("invalid_event"));
    let accounts: Vec<_> = answer["sessions"].as_array().unwrap().iter().collect();
    assert_eq!(accounts.len(), 2);
    assert_eq!(site.get(&format!("/v1/accounts/away/sessions/{}", two.session)).await.0, 200);
    assert_eq!(site.get(&format!("/v1/accounts/home/sessions/{}", two.session)).await.0, 404);
}
