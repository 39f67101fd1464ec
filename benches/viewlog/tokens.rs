//! What a token costs a request: the same posts and reads without tokens, and with those of a
//! secret and of a key.

use std::path::Path;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use viewlog::events::{Clock, SystemClock};

use crate::facts::Player;
use crate::network::{Server, no_token, posts};
use crate::reads::{ask, fill};

/// Each has a token of its own.
const PLAYERS: usize = 5_000;
const CLIENTS: usize = 64;
const SECRET: &str = "the-secret-of-the-benchmarks-is-known-to-everyone";
/// Hours are enough.
const LIFE_MS: i64 = 10 * 60 * 60 * 1_000;

pub(crate) fn run() {
    let _ = DEFAULT_PROVIDER.install_default();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), SECRET).unwrap();
        let secret_key = EncodingKey::from_secret(SECRET.as_bytes());
        let secret_file = ["--auth-secret-file", secret.path().to_str().unwrap()];
        let pem = std::fs::read(keys.join("ed25519.pem")).unwrap();
        let key = EncodingKey::from_ed_pem(&pem).unwrap();
        let public = keys.join("ed25519.pub.pem");
        let key_file = ["--auth-key", public.to_str().unwrap()];
        measure("no token", &[], &no_token).await;
        measure("HS256", &secret_file, &|sub| line(sub, Algorithm::HS256, &secret_key)).await;
        measure("EdDSA", &key_file, &|sub| line(sub, Algorithm::EdDSA, &key)).await;
    });
}

async fn measure(what: &str, options: &[&str], line: &dyn Fn(&str) -> String) {
    let server = Server::start_with(options);
    let load = posts(&server, (Player::many(PLAYERS), CLIENTS), line).await;
    load.print(&format!("POST, one fact, {CLIENTS} connections, {what}"));
    fill(&server, 20, line).await;
    let resume = "/v1/accounts/{}/profiles/anna/resume/title-7";
    let load = ask(&server, (resume, CLIENTS), line).await;
    load.print(&format!("GET resume point, {CLIENTS} connections, {what}"));
}

/// The line with a token of an account, or with `*` of all of them.
fn line(account: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let expires_s = SystemClock.now().plus_ms(LIFE_MS).ms() / 1_000;
    let claims = serde_json::json!({"sub": account, "scope": "record read", "exp": expires_s});
    let token = encode(&Header::new(algorithm), &claims, key).unwrap();
    format!("Authorization: Bearer {token}\r\n")
}
