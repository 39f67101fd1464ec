//! Who may, on a server that asks for tokens: which are taken, what each lets its bearer do, and
//! what those try who have none or another's. API contract, section 6.

mod abuse;
mod accounts;
mod encrypted;
mod keys;
mod pace;
mod profiles;
mod reach;
mod routes;
mod sockets;
mod verifying;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use viewlog::events::{Clock, SessionId, SystemClock, Timestamp};

use crate::site::Site;
use crate::tokens::{SECRET, claims, in_seconds, signed, token, token_of};

/// Every scope.
const ALL: &str = "record read admin";

/// A server that asks for tokens.
async fn guarded() -> Site {
    guarded_with(&[]).await
}

/// The same with these settings.
async fn guarded_with(settings: &[(&str, &str)]) -> Site {
    Site::with(&[&[("log", "memory:"), ("auth_secret", SECRET)], settings].concat()).await
}

/// Somebody with a token who asks a server.
struct Bearer<'a> {
    site: &'a Site,
    token: String,
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    challenge: String,
    retry_after: String,
    json: Value,
    text: String,
}

impl<'a> Bearer<'a> {
    fn new(site: &'a Site, token: impl Into<String>) -> Self {
        Self { site, token: token.into() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.site.client.request(method, format!("{}{path}", self.site.url));
        request.bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Answer {
        answered(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        answered(self.request(Method::POST, path).json(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        answered(self.request(Method::DELETE, path)).await
    }

    /// Follows the events of a feed.
    async fn follow(&self, path: &str) -> Response {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        request.send().await.unwrap()
    }
}

async fn answered(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let header = |name: &str| {
        let value = response.headers().get(name);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    let (challenge, retry_after) = (header("www-authenticate"), header("retry-after"));
    let text = response.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, challenge, retry_after, json, text }
}

impl Answer {
    /// The JSON of a success.
    #[track_caller]
    fn ok(&self) -> &Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        &self.json
    }

    /// Checks that this is a refusal in full.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.challenge.is_empty(), status != 401, "{self:?}");
        self.json["detail"].as_str().unwrap()
    }
}

/// A fact of a session, as a player sends it.
fn fact(profile: &str, session: SessionId, seq: u32, kind: &str) -> Value {
    let at = session.time().plus_ms(i64::from(seq) * 10_000);
    json!({
        "profile": profile, "session": session, "seq": seq, "kind": kind, "at": at,
        "position_ms": seq * 10_000, "duration_ms": 3_600_000,
        "title": format!("film-of-{profile}"),
    })
}

/// A session that began so many seconds ago.
fn session(seconds_ago: i64) -> SessionId {
    SessionId::fresh(ago(seconds_ago))
}

fn ago(seconds: i64) -> Timestamp {
    SystemClock.now().plus_ms(-seconds * 1_000)
}

/// Records a watch of 30 facts of a profile, and gives its session; it goes on playing.
async fn watched(site: &Site, account: &str, profile: &str) -> SessionId {
    let session = session(300);
    let facts = (0..30).map(|seq| match seq {
        0 => fact(profile, session, seq, "started"),
        _ => fact(profile, session, seq, "progressed"),
    });
    let bearer = Bearer::new(site, token(account, "record"));
    let events = json!({"events": facts.collect::<Vec<_>>()});
    let answer = bearer.post(&format!("/v1/accounts/{account}/events"), &events).await;
    assert_eq!(answer.ok()["recorded"], 30, "{answer:?}");
    session
}
