//! One account never reads or writes another's, by any route and however the address is written.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use viewlog::http::document;

use super::routes::address;
use super::{ALL, Bearer, fact, guarded, session, token, watched};
use crate::site::Site;

/// Every described route with its methods; what is named in it is of the account.
fn routes(account: &str, session: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::to_value(document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut routes = Vec::new();
    for (path, item) in paths {
        let filled = address(path, account, "ben", session);
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), filled.clone()));
        }
    }
    routes
}

#[actix_web::test]
async fn no_route_of_another_account_answers() {
    let site = guarded().await;
    let theirs = watched(&site, "theirs", "ben").await.to_string();
    let me = Bearer::new(&site, token("mine", ALL));
    let mut count = 0;
    for (method, path) in routes("theirs", &theirs) {
        if !path.starts_with("/v1/accounts/") {
            continue;
        }
        count += 1;
        let request = me.request(method.parse().unwrap(), &path).body("{}");
        let answer = super::answered(request).await;
        answer.refused(403, "forbidden");
        assert!(!answer.text.contains("ben"), "{method} {path}: {answer:?}");
    }
    assert!(count >= 20, "{count}");
    let them = Bearer::new(&site, token("theirs", ALL));
    let history = them.get("/v1/accounts/theirs/profiles/ben/history").await;
    assert_eq!(history.ok()["items"][0]["title"], "film-of-ben");
}

#[actix_web::test]
async fn nothing_is_open_without_a_token_but_what_tells_nothing() {
    let site = guarded().await;
    let open = ["/healthz", "/readyz"];
    for (method, path) in routes("home", &session(60).to_string()) {
        let request = site.client.request(method.parse().unwrap(), format!("{}{path}", site.url));
        let answer = super::answered(request).await;
        if open.contains(&path.as_str()) {
            answer.ok();
        } else {
            answer.refused(401, "unauthenticated");
        }
    }
    for page in ["/", "/accounts/home", "/ui/app.js", "/docs/", "/openapi.json"] {
        assert_eq!(
            site.client.get(format!("{}{page}", site.url)).send().await.unwrap().status(),
            200
        );
    }
}

/// The status of a request with a target as it is, which no client would send.
async fn raw(site: &Site, method: &str, target: &str, token: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(site.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

#[actix_web::test]
async fn no_way_of_writing_an_address_leads_to_another_account() {
    let site = guarded().await;
    watched(&site, "theirs", "ben").await;
    let mine = token("mine", ALL);
    for target in [
        "/v1/accounts/theirs/profiles",
        "/v1/accounts/mine/../theirs/profiles",
        "/v1/accounts/mine%2F..%2Ftheirs/profiles",
        "/v1/accounts/mine/..%2ftheirs/profiles",
        "/v1/accounts/mine%2f../theirs/profiles",
        "/v1/accounts/%74heirs/profiles",
        "/v1/accounts/%74%68%65%69%72%73/profiles",
        "/v1/accounts/theirs/%70rofiles",
        "/v1/%61ccounts/theirs/profiles",
        "/%76%31/accounts/theirs/profiles",
        "//v1/accounts/theirs/profiles",
        "/v1//accounts/theirs/profiles",
        "/v1/accounts//theirs/profiles",
        "/v1/accounts/theirs/profiles/",
        "/v1/accounts/theirs;mine/profiles",
        "/v1/accounts/theirs/profiles?account=mine",
        "/v1/accounts/mine/profiles/../../theirs/profiles",
        "/v1/accounts/./theirs/profiles",
        "/docs/../v1/accounts/theirs/profiles",
        "/ui/..%2fv1%2faccounts%2ftheirs%2fprofiles",
        "/accounts/theirs/../../v1/accounts/theirs/profiles",
        "/healthz/../v1/accounts/theirs/profiles",
        "/V1/accounts/theirs/profiles",
        "/v1/accounts/theirs%00/profiles",
        "/v1/accounts/theirs%20/profiles",
        "http://localhost/v1/accounts/theirs/profiles",
        "*",
    ] {
        let (status, answer) = raw(&site, "GET", target, &mine).await;
        assert!([0, 400, 403, 404].contains(&status), "{target}: {answer}");
        assert!(!answer.contains("\"ben\""), "{target}: {answer}");
    }
    // An address that is written otherwise and is one's own is the same as ever.
    let (status, answer) = raw(&site, "GET", "/v1/accounts/%6dine/%70rofiles", &mine).await;
    assert_eq!(status, 200, "{answer}");
}

#[actix_web::test]
async fn methods_that_no_route_takes_find_none() {
    let site = guarded().await;
    let mine = token("mine", ALL);
    for method in ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO", "get"] {
        let (status, answer) = raw(&site, method, "/v1/accounts/theirs/now", &mine).await;
        assert!([0, 400, 403, 404, 405].contains(&status), "{method}: {answer}");
    }
    let (status, answer) = raw(&site, "HEAD", "/v1/accounts/theirs/now", &mine).await;
    assert_eq!(status, 403, "{answer}");
    let request = site.client.get(format!("{}/v1/accounts/theirs/now", site.url));
    let overridden = request.bearer_auth(&mine).header("x-http-method-override", "DELETE");
    super::answered(overridden).await.refused(403, "forbidden");
}

#[actix_web::test]
async fn facts_of_many_accounts_need_a_token_for_all() {
    let site = guarded().await;
    let mut events = Vec::new();
    for account in ["mine", "theirs"] {
        let mut fact = fact("ben", session(60), 0, "started");
        fact["account"] = account.into();
        events.push(fact);
    }
    let lines = events.iter().map(|fact| format!("{fact}\n")).collect::<String>();
    for (token, status) in [(token("mine", ALL), 403), (token("*", "read"), 403)] {
        let bearer = Bearer::new(&site, token);
        let answer = bearer.post("/v1/events", &json!({"events": events})).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let request = bearer.request(reqwest::Method::POST, "/v1/events");
        let request = request.header("content-type", "application/x-ndjson").body(lines.clone());
        super::answered(request).await.refused(403, "forbidden");
    }
    let all = Bearer::new(&site, token("*", "record read"));
    assert_eq!(all.post("/v1/events", &json!({"events": events})).await.ok()["recorded"], 2);
    for account in ["mine", "theirs"] {
        let now = all.get(&format!("/v1/accounts/{account}/now")).await;
        assert_eq!(now.ok()["playing"].as_array().unwrap().len(), 1, "{now:?}");
    }
}

#[actix_web::test]
async fn facts_that_name_another_account_are_refused_where_they_are_sent() {
    let site = guarded().await;
    let me = Bearer::new(&site, token("mine", ALL));
    let mut theirs = fact("ben", session(60), 0, "started");
    theirs["account"] = "theirs".into();
    let mine = fact("anna", session(60), 0, "started");
    let events = json!({"events": [theirs, mine]});
    let answer = me.post("/v1/accounts/mine/events", &events).await;
    assert_eq!(answer.ok()["recorded"], 1);
    assert_eq!(answer.json["refused"][0]["index"], 0);
    let all = Bearer::new(&site, token("*", ALL));
    assert_eq!(all.get("/v1/accounts/theirs/profiles").await.ok()["items"], json!([]));
}

#[actix_web::test]
async fn an_import_goes_into_the_account_that_it_is_sent_to() {
    let site = guarded().await;
    watched(&site, "theirs", "ben").await;
    let them = Bearer::new(&site, token("theirs", ALL));
    let lines = them.get("/v1/accounts/theirs/export").await.text;
    let me = Bearer::new(&site, token("mine", ALL));
    let import = |path: &str| me.request(reqwest::Method::POST, path).body(lines.clone());
    super::answered(import("/v1/accounts/theirs/import")).await.refused(403, "forbidden");
    let answer = super::answered(import("/v1/accounts/mine/import")).await;
    assert_eq!(answer.ok()["recorded"], 30);
    assert_eq!(them.get("/v1/accounts/theirs/profiles").await.ok()["items"][0]["profile"], "ben");
}

#[actix_web::test]
async fn erasing_takes_admin_and_receipts_are_the_accounts_own() {
    let site = guarded().await;
    let session = watched(&site, "home", "ben").await;
    let plain = Bearer::new(&site, token("home", "record read"));
    plain.delete("/v1/accounts/home").await.refused(403, "forbidden");
    plain.delete("/v1/accounts/home/profiles/ben").await.refused(403, "forbidden");
    let forgot = plain.post("/v1/accounts/home/profiles/ben/titles/film/forget", &json!({})).await;
    assert_eq!(forgot.status, 202, "{forgot:?}");
    let url = forgot.json["url"].as_str().unwrap().to_owned();
    assert_eq!(plain.get(&url).await.ok()["receipt"], forgot.json["receipt"]);
    let other = Bearer::new(&site, token("other", ALL));
    other.get(&url).await.refused(403, "forbidden");
    other.get(&url.replace("home", "other")).await.refused(404, "not_found");
    let one = plain.delete(&format!("/v1/accounts/home/history/{session}")).await;
    assert_eq!(one.status, 202, "{one:?}");
    let admin = Bearer::new(&site, token("home", "admin"));
    let gone = admin.delete("/v1/accounts/home").await;
    assert_eq!(gone.status, 202, "{gone:?}");
    admin.get(gone.json["url"].as_str().unwrap()).await.ok();
}

#[actix_web::test]
async fn work_on_all_accounts_needs_a_token_for_all() {
    let site = guarded().await;
    let household = Bearer::new(&site, token("home", ALL));
    let operator = Bearer::new(&site, token("*", "admin"));
    for path in ["/v1/system", "/metrics"] {
        household.get(path).await.ok();
        operator.get(path).await.ok();
        Bearer::new(&site, token("*", "read record")).get(path).await.refused(403, "forbidden");
    }
    for path in ["rebuild", "verify", "compact", "sweep", "verify?account=home"] {
        let path = format!("/v1/system/{path}");
        household.post(&path, &json!({})).await.refused(403, "forbidden");
    }
    household.get("/v1/system/jobs/verify").await.refused(403, "forbidden");
    operator.get("/v1/system/jobs/verify").await.refused(404, "not_found");
    assert_eq!(operator.post("/v1/system/verify", &json!({})).await.status, 202);
}
