//! What no decent client sends: it is refused in the usual shape and costs nobody else anything.

use serde_json::{Value, json};

use super::site::{Answer, EVENTS, Site, fact, gzipped, lines, status_of};

const NDJSON: Option<&str> = Some("application/x-ndjson");

/// After any abuse a decent fact is recorded, and nothing else was.
async fn assert_unharmed(site: &Site) {
    let answer = site.post(EVENTS, &fact(99, 0, "started", 0)).await;
    assert_eq!(answer.recorded(), 1);
    assert_eq!(site.states().await.len(), 1);
}

/// A good fact as text with `field` given this raw value.
fn raw(field: &str, value: &str) -> Vec<u8> {
    let mut fact = fact(1, 0, "started", 0);
    fact.as_object_mut().unwrap().remove(field);
    let fact = fact.to_string();
    format!("{},\"{field}\":{value}}}", fact.trim_end_matches('}')).into_bytes()
}

#[actix_web::test]
async fn deep_nesting_is_refused() {
    let site = Site::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let closed = format!("{}7{}", open.repeat(100_000), close.repeat(100_000));
        for body in [open.repeat(100_000), closed.clone()] {
            let answer = site.send(EVENTS, None, body.into()).await;
            assert!([400, 422].contains(&answer.status), "{}", answer.status);
        }
        let list = format!("{{\"events\":[{closed}]}}");
        let answer = site.send(EVENTS, None, list.into()).await;
        assert!([400, 422].contains(&answer.status), "{}", answer.status);
        let answer = site.send(EVENTS, None, raw("title", &closed)).await;
        assert!([400, 422].contains(&answer.status), "{}", answer.status);
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn numbers_beyond_all_bounds_are_refused() {
    let site = Site::start().await;
    let huge = "9".repeat(10_000);
    let cases = [
        ("position_ms", "1e400"),
        ("position_ms", "18446744073709551616"),
        ("position_ms", "-0.0001"),
        ("position_ms", &huge),
        ("seq", "4294967296"),
        ("duration_ms", "1e18"),
        ("rate", "1e999"),
        ("rate", "-1e999"),
        ("season", "-1"),
        ("episode", "4294967296"),
    ];
    for (field, value) in cases {
        let answer = site.send(EVENTS, None, raw(field, value)).await;
        assert!([400, 422].contains(&answer.status), "{field}: {answer:?}");
        answer.problem(answer.status, answer.json["code"].as_str().unwrap());
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn what_json_does_not_know_is_malformed() {
    let site = Site::start().await;
    for value in ["NaN", "Infinity", "-Infinity", "0x10", "01", "+1", "1.", "'a'", "undefined"] {
        site.send(EVENTS, None, raw("rate", value)).await.problem(400, "malformed");
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn text_that_is_not_utf8_is_malformed() {
    let site = Site::start().await;
    for bytes in [&b"\"\xff\xfe\""[..], b"\"\xc3\"", b"\"\xed\xa0\x80\"", b"\"\\ud800\""] {
        let mut body = raw("title", "");
        body.pop();
        body.extend_from_slice(bytes);
        body.push(b'}');
        site.send(EVENTS, None, body).await.problem(400, "malformed");
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn one_field_twice_is_refused() {
    let site = Site::start().await;
    let twice = fact(1, 0, "started", 0).to_string().replacen('{', "{\"title\":\"other\",", 1);
    let answer = site.send(EVENTS, None, twice.into()).await;
    assert!([400, 422].contains(&answer.status), "{answer:?}");
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn more_facts_than_a_request_may_have_are_refused_whole() {
    let site = Site::start().await;
    let facts: Vec<Value> = (0..5_001).map(|seq| fact(1, seq, "progressed", 0)).collect();
    let detail = site.send(EVENTS, NDJSON, lines(&facts)).await;
    let detail = detail.problem(413, "too_large").to_owned();
    assert!(detail.contains("5000") || detail.contains("5,000"), "{detail}");
    site.post(EVENTS, &json!({"events": facts})).await.problem(413, "too_large");
    assert!(site.states().await.is_empty());
    assert_eq!(site.send(EVENTS, NDJSON, lines(&facts[..5_000])).await.recorded(), 5_000);
}

#[actix_web::test]
async fn a_body_past_the_limit_is_refused_however_it_comes() {
    let site = Site::start().await;
    let big = vec![b' '; (4 << 20) + 1];
    site.send(EVENTS, None, big.clone()).await.problem(413, "too_large");
    let chunks = big.chunks(64 << 10).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let chunks: Vec<_> = chunks.collect();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = site.request("POST", EVENTS).body(stream);
    site.ask(request).await.problem(413, "too_large");
    assert_unharmed(&site).await;
}

async fn packed(site: &Site, body: Vec<u8>) -> Answer {
    let request = site.request("POST", EVENTS).header("content-encoding", "gzip");
    site.ask(request.header("content-type", "application/json").body(body)).await
}

#[actix_web::test]
async fn a_small_body_that_unpacks_to_a_great_one_is_refused() {
    let site = Site::start().await;
    let bomb = gzipped(vec![b' '; 16 << 20]).await;
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    packed(&site, bomb).await.problem(413, "too_large");
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn what_does_not_unpack_is_malformed() {
    let site = Site::start().await;
    let whole = gzipped(fact(1, 0, "started", 0).to_string().into()).await;
    packed(&site, whole[..whole.len() - 4].to_vec()).await.problem(400, "malformed");
    packed(&site, whole[..whole.len() / 2].to_vec()).await.problem(400, "malformed");
    packed(&site, b"not packed at all".to_vec()).await.problem(400, "malformed");
    packed(&site, vec![]).await.problem(400, "malformed");
    let mut broken = whole;
    broken[20] ^= 0xff;
    packed(&site, broken).await.problem(400, "malformed");
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn a_packing_that_is_not_known_is_refused_before_it_is_read_as_json() {
    let site = Site::start().await;
    for packing in ["br", "zstd", "compress", "gzip, gzip", "x"] {
        let request = site.request("POST", EVENTS).header("content-encoding", packing);
        let answer = site.ask(request.body(fact(1, 0, "started", 0).to_string())).await;
        answer.problem(415, "unsupported_media_type");
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn a_body_that_breaks_off_records_nothing() {
    let site = Site::start().await;
    let body = fact(1, 0, "started", 0).to_string();
    let head = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len() + 10
    );
    let mut stream = tokio::net::TcpStream::connect(&site.address).await.unwrap();
    let sent = [head.as_bytes(), body.as_bytes()].concat();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &sent).await.unwrap();
    drop(stream);
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn nonsense_instead_of_http_is_answered_shortly() {
    let site = Site::start().await;
    let long_head = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(200_000));
    for nonsense in [&b"\x16\x03\x01\x02\x00\r\n\r\n"[..], b"GET\r\n\r\n", long_head.as_bytes()] {
        let status = status_of(&site.raw(nonsense).await);
        assert!(status == 0 || (400..500).contains(&status), "{status}");
    }
    assert_unharmed(&site).await;
}

#[actix_web::test]
async fn a_length_and_chunks_at_once_are_not_two_requests() {
    let site = Site::start().await;
    let smuggled = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nDELETE /v1/accounts/home HTTP/1.1\r\n\
         Host: localhost\r\n\r\n"
    );
    let answer = site.raw(smuggled.as_bytes()).await;
    assert!(!answer.contains("202 Accepted"), "{answer}");
}
