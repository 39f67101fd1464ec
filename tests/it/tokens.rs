//! Tokens by a secret that tests and their servers share, and sockets that are opened with one.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use viewlog::events::{Clock, SystemClock};

/// What the test's servers and their tokens share.
pub(crate) const SECRET: &str = "the-secret-of-the-tests-is-known-to-everyone";

/// So many seconds from now, as tokens count.
pub(crate) fn in_seconds(seconds: i64) -> i64 {
    SystemClock.now().ms() / 1_000 + seconds
}

/// The claims of an account's token that is good for an hour.
pub(crate) fn claims(account: &str, scope: &str) -> Value {
    json!({"sub": account, "scope": scope, "exp": in_seconds(3_600)})
}

/// A token with these claims, signed by the tests' secret.
pub(crate) fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// A token of an account.
pub(crate) fn token(account: &str, scope: &str) -> String {
    signed(&claims(account, scope))
}

/// A token of an account that is limited to a profile.
pub(crate) fn token_of(account: &str, profile: &str, scope: &str) -> String {
    let mut claims = claims(account, scope);
    claims["profile"] = profile.into();
    signed(&claims)
}

/// What opens a socket with a token.
pub(crate) fn bearing(token: &str, url: &str) -> Request {
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    request
}
