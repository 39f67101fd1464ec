//! Which web pages may call: those of this server, and those that it was told of.

use serde_json::json;

use super::raw::{json_of, said_all, status};
use super::{EVENTS, Play, Reply, asked, sent, site};
use crate::site::Site;

const PLAYER: &str = "https://player.example.org";

async fn open_to_player() -> Site {
    Site::with(&[("log", "memory:"), ("allowed_origins", PLAYER)]).await
}

async fn preflight(site: &Site, origin: &str, path: &str) -> Reply {
    let method = reqwest::Method::OPTIONS;
    let request = site.client.request(method, format!("{}{path}", site.url));
    let request = request.header("origin", origin).header("access-control-request-method", "POST");
    sent(request.header("access-control-request-headers", "content-type,idempotency-key")).await
}

async fn recorded_from(site: &Site, origin: &str) -> Reply {
    let request = site.client.post(format!("{}{EVENTS}", site.url)).header("origin", origin);
    sent(request.json(&Play::of("film", 3_600).fact(0, "started"))).await
}

#[actix_web::test]
async fn a_page_of_another_site_is_refused_to_read_and_to_write() {
    let site = site().await;
    let port = site.url.rsplit(':').next().unwrap();
    for origin in [
        "https://example.org",
        "null",
        "http://localhost:1",
        "file://",
        "chrome-extension://abc",
        &format!("http://example.org:{port}"),
        &format!("ftp://127.0.0.1:{port}"),
        &format!("http://127.0.0.1:{port}.example.org"),
        "",
    ] {
        let read = asked(&site, "/v1/accounts/home/now", &[("origin", origin)]).await;
        read.problem(403, "forbidden");
        let written = recorded_from(&site, origin).await;
        let problem = written.problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("allowed_origins"), "{problem}");
        assert_eq!(written.header("access-control-allow-origin"), "");
    }
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
}

#[actix_web::test]
async fn a_page_of_another_site_opens_no_socket_and_no_feed() {
    let site = site().await;
    for head in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: close\r\nAccept: text/event-stream\r\n",
    ] {
        let words = format!(
            "GET /v1/accounts/home/live HTTP/1.1\r\nHost: localhost\r\n{head}\
             Origin: https://example.org\r\n\r\n"
        );
        let answer = said_all(&site, words.as_bytes()).await;
        assert_eq!((status(&answer), &json_of(&answer)["code"]), (403, &json!("forbidden")));
    }
}

#[actix_web::test]
async fn a_page_of_this_server_may_do_everything() {
    let site = site().await;
    let own = site.url.clone();
    assert_eq!(asked(&site, "/v1/accounts/home/now", &[("origin", &own)]).await.status, 200);
    assert_eq!(recorded_from(&site, &own).await.ok()["recorded"], json!(1));
    let port = site.url.rsplit(':').next().unwrap();
    let (host, origin) = (format!("localhost:{port}"), format!("http://localhost:{port}"));
    let headers = [("host", host.as_str()), ("origin", origin.as_str())];
    assert_eq!(asked(&site, "/v1/accounts/home/now", &headers).await.status, 200);
}

#[actix_web::test]
async fn a_page_of_the_public_address_is_this_servers_own() {
    let settings = [("log", "memory:"), ("public_url", "https://tv.example.org")];
    let site = Site::with(&settings).await;
    for host in ["tv.example.org", "127.0.0.1:7070"] {
        let headers = [("host", host), ("origin", "https://tv.example.org")];
        assert_eq!(asked(&site, "/v1/accounts/home/now", &headers).await.status, 200);
    }
}

#[actix_web::test]
async fn an_allowed_page_may_call_and_read_what_it_needs() {
    let site = open_to_player().await;
    let read = asked(&site, "/v1/accounts/home/now", &[("origin", PLAYER)]).await;
    let written = recorded_from(&site, PLAYER).await;
    let refused = asked(&site, "/nowhere", &[("origin", PLAYER)]).await;
    for (reply, status) in [(read, 200), (written, 200), (refused, 404)] {
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("access-control-allow-origin"), PLAYER);
        let exposed = reply.header("access-control-expose-headers").to_lowercase();
        assert!(exposed.contains("retry-after"), "{exposed}");
        assert!(reply.header("vary").to_lowercase().contains("origin"));
    }
    let upper = "HTTPS://PLAYER.example.org";
    assert_eq!(asked(&site, "/v1/accounts/home/now", &[("origin", upper)]).await.status, 200);
    for other in ["http://player.example.org", "https://player.example.org:8443", "null"] {
        let reply = asked(&site, "/v1/accounts/home/now", &[("origin", other)]).await;
        reply.problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn a_preflight_of_an_allowed_page_is_answered_for_every_route() {
    let site = open_to_player().await;
    for path in [EVENTS, "/v1/events", "/v1/accounts/home", "/nowhere"] {
        let reply = preflight(&site, PLAYER, path).await;
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), PLAYER);
        for method in ["GET", "POST", "DELETE"] {
            assert!(reply.header("access-control-allow-methods").contains(method));
        }
        for header in ["authorization", "content-type", "content-encoding", "idempotency-key"] {
            assert!(reply.header("access-control-allow-headers").contains(header));
        }
        assert!(reply.body.is_empty());
    }
}

#[actix_web::test]
async fn a_preflight_of_any_other_page_is_refused() {
    let site = open_to_player().await;
    for origin in ["https://example.org", "null"] {
        let reply = preflight(&site, origin, EVENTS).await;
        reply.problem(403, "forbidden");
        assert_eq!(reply.header("access-control-allow-methods"), "");
    }
}

#[actix_web::test]
async fn a_program_without_an_origin_gets_no_word_of_origins() {
    let site = open_to_player().await;
    let reply = asked(&site, "/v1/accounts/home/now", &[]).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}
