//! Who may call while there are no tokens: `Host` and `Origin` decide, on every route.

use viewlog::http::Settings;

use super::site::{Answer, EVENTS, Site, fact, status_of};

fn open_to(origin: &str) -> Settings {
    Settings { allowed_origins: vec![origin.to_owned()], ..Settings::default() }
}

async fn from_host(site: &Site, host: &str) -> Answer {
    site.ask(site.request("GET", "/v1/accounts/home/now").header("host", host)).await
}

async fn from_origin(site: &Site, origin: &str) -> Answer {
    let body = fact(1, 0, "started", 0).to_string();
    let request = site.request("POST", EVENTS).header("origin", origin);
    site.ask(request.header("content-type", "text/plain").body(body)).await
}

#[actix_web::test]
async fn this_machine_may_call_by_all_its_names() {
    let site = Site::start().await;
    for host in ["localhost", "LocalHost:80", "127.0.0.1:7070", "127.9.8.7", "[::1]", "[::1]:7070"]
    {
        assert_eq!(from_host(&site, host).await.status, 200, "{host}");
    }
}

#[actix_web::test]
async fn any_other_host_is_refused() {
    let site = Site::start().await;
    let hosts = [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example:7070",
        "evil-localhost",
        "0.0.0.0",
        "192.168.1.5:7070",
        "[::]",
        "[::2]:7070",
        "[::ffff:192.168.1.5]",
        "2130706433",
        "localhost:80:80",
        "[::1].evil.example",
        "",
    ];
    for host in hosts {
        from_host(&site, host).await.problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn a_foreign_host_gets_nothing_from_any_route() {
    let site = Site::start().await;
    let asked = [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/v1/system"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/sdk/viewlog.js"),
        ("GET", "/accounts/home"),
        ("GET", "/v1/accounts/home/live"),
        ("GET", "/nothing/here"),
        ("POST", "/v1/events"),
        ("OPTIONS", "/v1/events"),
        ("DELETE", "/v1/accounts/home"),
    ];
    for (method, path) in asked {
        let foreign_host = site.request(method, path).header("host", "evil.example");
        site.ask(foreign_host).await.problem(403, "forbidden");
        let foreign_page = site.request(method, path).header("origin", "https://evil.example");
        site.ask(foreign_page).await.problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn a_request_has_one_host() {
    let site = Site::start().await;
    let twice = "GET /v1/accounts/home/now HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\
                 Connection: close\r\n\r\n";
    let none = "GET /v1/accounts/home/now HTTP/1.1\r\nConnection: close\r\n\r\n";
    let old = "GET /v1/accounts/home/now HTTP/1.0\r\n\r\n";
    for request in [twice, none, old] {
        let status = status_of(&site.raw(request.as_bytes()).await);
        assert!([400, 403].contains(&status), "{status} for {request}");
    }
}

#[actix_web::test]
async fn a_target_that_names_another_host_than_the_header_is_refused() {
    let site = Site::start().await;
    let request = "GET http://evil.example/v1/accounts/home/now HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: close\r\n\r\n";
    assert_eq!(status_of(&site.raw(request.as_bytes()).await), 403);
}

#[actix_web::test]
async fn the_public_name_may_be_called_too() {
    let settings = Settings { public_host: Some("tv.example".to_owned()), ..Settings::default() };
    let site = Site::with(settings).await;
    for host in ["tv.example", "TV.example:443", "localhost"] {
        assert_eq!(from_host(&site, host).await.status, 200, "{host}");
    }
    for host in ["tv.example.evil", "nottv.example", "example"] {
        from_host(&site, host).await.problem(403, "forbidden");
    }
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_record_anything() {
    let site = Site::start().await;
    let port: u16 = site.address.rsplit(':').next().unwrap().parse().unwrap();
    let origins = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://localhost.evil.example:{port}"),
        format!("http://127.0.0.1:{}", port - 1),
        format!("http://{}@evil.example", site.address),
        "file://".to_owned(),
        String::new(),
    ];
    for origin in origins {
        let answer = from_origin(&site, &origin).await;
        answer.problem(403, "forbidden");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn a_page_of_this_very_server_may() {
    let site = Site::start().await;
    let answer = from_origin(&site, &format!("http://{}", site.address)).await;
    assert_eq!(answer.recorded(), 1);
}

#[actix_web::test]
async fn two_origins_are_refused_when_one_is_foreign() {
    let site = Site::start().await;
    let request = format!(
        "POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\
         Origin: https://evil.example\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    );
    assert_eq!(status_of(&site.raw(request.as_bytes()).await), 403);
}

#[actix_web::test]
async fn an_allowed_page_reads_answers_and_refusals() {
    let site = Site::with(open_to("https://tv.example")).await;
    let answer = from_origin(&site, "https://tv.example").await;
    assert_eq!(answer.recorded(), 1);
    let request = site.request("POST", EVENTS).header("origin", "https://tv.example").body("no");
    let refused = site.ask(request).await;
    refused.problem(400, "malformed");
    let request = site.request("GET", "/nowhere").header("origin", "https://tv.example");
    let nothing = site.ask(request).await;
    nothing.problem(404, "not_found");
    for answer in [answer, refused, nothing] {
        assert_eq!(answer.header("access-control-allow-origin"), "https://tv.example");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        assert!(exposed.contains("retry-after"), "{answer:?}");
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{answer:?}");
    }
    from_origin(&site, "https://tv.example.evil").await.problem(403, "forbidden");
    from_origin(&site, "http://tv.example").await.problem(403, "forbidden");
}

#[actix_web::test]
async fn the_question_before_the_request_is_answered_for_allowed_pages_alone() {
    let site = Site::with(open_to("https://tv.example")).await;
    let asked = |origin: &str, path: &str| {
        let request = site.request("OPTIONS", path).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type,authorization")
    };
    for path in [EVENTS, "/v1/events", "/v1/accounts/home"] {
        let answer = site.ask(asked("https://tv.example", path)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://tv.example");
        let methods = answer.header("access-control-allow-methods");
        assert!(["GET", "POST", "DELETE"].iter().all(|method| methods.contains(method)));
        let headers = answer.header("access-control-allow-headers").to_lowercase();
        for header in ["content-type", "content-encoding", "authorization", "idempotency-key"] {
            assert!(headers.contains(header), "{headers}");
        }
    }
    site.ask(asked("https://evil.example", EVENTS)).await.problem(403, "forbidden");
}
