//! Keys of others: which kinds are taken, for which algorithm, and how they are changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use viewlog::config::{Config, Sources};
use viewlog::http::{KeySource, Keyring};

use super::{Bearer, claims, guarded_with};
use crate::site::Site;
use crate::support::eventually;

const NOW: &str = "/v1/accounts/home/now";

/// A key of the fixtures.
pub(super) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys").join(name)
}

/// A server that takes what the keys of a file made.
pub(super) async fn site_with_key(file: &std::path::Path) -> Site {
    Site::with(&[("log", "memory:"), ("auth_key", file.to_str().unwrap())]).await
}

fn private(kind: &str) -> (Algorithm, EncodingKey) {
    let pem = std::fs::read(key_file(&format!("{kind}.pem"))).unwrap();
    match kind {
        "rsa" => (Algorithm::RS256, EncodingKey::from_rsa_pem(&pem).unwrap()),
        "p256" => (Algorithm::ES256, EncodingKey::from_ec_pem(&pem).unwrap()),
        "ed25519" => (Algorithm::EdDSA, EncodingKey::from_ed_pem(&pem).unwrap()),
        other => panic!("{other}"),
    }
}

/// An Ed25519 key that a number stands for: RFC 8410's frame around it.
pub(super) fn numbered(number: u8) -> EncodingKey {
    let head = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    EncodingKey::from_ed_der(&[&head[..], &[number; 32]].concat())
}

fn public(key: &EncodingKey, algorithm: Algorithm, id: Option<&str>) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = id.map(str::to_owned);
    serde_json::to_value(jwk).unwrap()
}

pub(super) fn signed_with(key: &EncodingKey, algorithm: Algorithm, id: Option<&str>) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    encode(&header, &claims("home", "read"), key).unwrap()
}

pub(super) async fn status(site: &Site, token: String) -> u16 {
    Bearer::new(site, token).get(NOW).await.status
}

#[actix_web::test]
async fn a_public_key_in_pem_is_for_the_algorithm_of_its_kind_alone() {
    for kind in ["rsa", "p256", "ed25519"] {
        let site = site_with_key(&key_file(&format!("{kind}.pub.pem"))).await;
        let (own, _) = private(kind);
        for other in ["rsa", "p256", "ed25519"] {
            let (algorithm, key) = private(other);
            let expected = if algorithm == own { 200 } else { 401 };
            assert_eq!(status(&site, signed_with(&key, algorithm, None)).await, expected, "{kind}");
        }
    }
    let site = site_with_key(&key_file("rsa.pub.pem")).await;
    let (_, key) = private("rsa");
    for other in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS512] {
        assert_eq!(status(&site, signed_with(&key, other, None)).await, 401, "{other:?}");
    }
}

#[actix_web::test]
async fn a_key_set_is_taken_by_the_names_of_its_keys() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let rsa = private("rsa").1;
    let set = json!({"keys": [
        public(&numbered(1), Algorithm::EdDSA, Some("one")),
        public(&numbered(2), Algorithm::EdDSA, Some("two")),
        public(&rsa, Algorithm::RS256, Some("three")),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "other"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "short"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "nowhere"},
        {"kty": "new"},
        5,
    ]});
    std::fs::write(file.path(), set.to_string()).unwrap();
    let site = site_with_key(file.path()).await;
    let one = numbered(1);
    assert_eq!(status(&site, signed_with(&one, Algorithm::EdDSA, Some("one"))).await, 200);
    assert_eq!(status(&site, signed_with(&one, Algorithm::EdDSA, None)).await, 200);
    assert_eq!(status(&site, signed_with(&rsa, Algorithm::RS256, Some("three"))).await, 200);
    assert_eq!(status(&site, signed_with(&one, Algorithm::EdDSA, Some("two"))).await, 401);
    for short in ["short", "nowhere", "other", "secret"] {
        assert_eq!(status(&site, signed_with(&one, Algorithm::EdDSA, Some(short))).await, 401);
    }
    let secret = EncodingKey::from_secret(b"secret-secret-secret-secret-secret");
    assert_eq!(status(&site, signed_with(&secret, Algorithm::HS256, Some("secret"))).await, 401);
}

#[actix_web::test]
async fn a_secret_may_stand_beside_the_keys_of_others() {
    let key = key_file("ed25519.pub.pem");
    let site = guarded_with(&[("auth_key", key.to_str().unwrap())]).await;
    let (algorithm, ed) = private("ed25519");
    assert_eq!(status(&site, signed_with(&ed, algorithm, None)).await, 200);
    assert_eq!(status(&site, super::token("home", "read")).await, 200);
}

#[actix_web::test]
async fn keys_of_a_file_are_changed_while_the_server_runs() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |key: &Value| {
        std::fs::write(file.path(), json!({"keys": [key]}).to_string()).unwrap();
    };
    write(&public(&numbered(1), Algorithm::EdDSA, Some("one")));
    let site = site_with_key(file.path()).await;
    let (one, two) = (numbered(1), numbered(2));
    let token = |key, id| signed_with(key, Algorithm::EdDSA, Some(id));
    assert_eq!(status(&site, token(&two, "two")).await, 401);
    write(&public(&two, Algorithm::EdDSA, Some("two")));
    assert_eq!(status(&site, token(&two, "two")).await, 200);
    assert_eq!(status(&site, token(&one, "one")).await, 401, "it was taken out");
    std::fs::write(file.path(), "half a fi").unwrap();
    assert_eq!(status(&site, token(&one, "one")).await, 401);
    assert_eq!(status(&site, token(&two, "two")).await, 200, "the old keys are good");
}

/// A provider of keys on a port of its own.
pub(super) struct Provider {
    pub(super) url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<usize>>,
    handle: ServerHandle,
}

impl Provider {
    pub(super) fn start(first: &Value) -> Self {
        let answer = Arc::new(Mutex::new((200, first.to_string())));
        let asked = Arc::new(Mutex::new(0));
        let shared = Data::new((Arc::clone(&answer), Arc::clone(&asked)));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).default_service(web::to(give))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/jwks.json", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, answer, asked, handle }
    }

    fn gives(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

type Shared = (Arc<Mutex<(u16, String)>>, Arc<Mutex<usize>>);

async fn give(shared: Data<Shared>) -> HttpResponse {
    *shared.1.lock().unwrap() += 1;
    let (status, body) = shared.0.lock().unwrap().clone();
    let mut response = HttpResponse::build(status.try_into().unwrap());
    response.insert_header(("location", "/elsewhere"));
    response.body(body)
}

pub(super) fn set(number: u8, id: &str) -> Value {
    json!({"keys": [public(&numbered(number), Algorithm::EdDSA, Some(id))]})
}

#[actix_web::test]
async fn keys_of_an_address_are_changed_there() {
    let provider = Provider::start(&set(1, "one"));
    let site = Site::with(&[("log", "memory:"), ("auth_jwks_url", &provider.url)]).await;
    let token = |number, id| signed_with(&numbered(number), Algorithm::EdDSA, Some(id));
    let one = token(1, "one");
    assert_eq!(status(&site, one.clone()).await, 200);
    provider.gives(200, set(2, "two"));
    assert_eq!(status(&site, one.clone()).await, 200, "it is not asked every time");
    assert_eq!(status(&site, token(2, "two")).await, 200);
    assert_eq!(status(&site, one).await, 401, "it was taken out");
    provider.gives(500, "oops");
    assert_eq!(status(&site, token(3, "three")).await, 401);
    assert_eq!(status(&site, token(2, "two")).await, 200, "the old keys are good");
}

#[actix_web::test]
async fn a_provider_that_has_no_key_any_more_has_taken_out_the_last_one() {
    let provider = Provider::start(&set(1, "one"));
    let site = Site::with(&[("log", "memory:"), ("auth_jwks_url", &provider.url)]).await;
    let token = |number, id| signed_with(&numbered(number), Algorithm::EdDSA, Some(id));
    assert_eq!(status(&site, token(1, "one")).await, 200);
    for (number, id) in [(1, "one"), (3, "three")] {
        provider.gives(200, json!({"keys": []}));
        assert_eq!(status(&site, token(2, "two")).await, 401, "it is asked");
        for _ in 0..2 {
            assert_eq!(status(&site, token(number, id)).await, 401, "it was taken out");
        }
        provider.gives(200, set(3, "three"));
        if number == 1 {
            let is_good = async || status(&site, token(3, "three")).await == 200;
            eventually("a new one is good", is_good).await;
        }
    }
}

#[actix_web::test]
async fn strangers_cannot_have_the_provider_asked_without_end() {
    let provider = Provider::start(&set(1, "one"));
    let site = Site::with(&[("log", "memory:"), ("auth_jwks_url", &provider.url)]).await;
    let token = |id: &str| signed_with(&numbered(9), Algorithm::EdDSA, Some(id));
    for number in 0..40 {
        let stranger = format!("stranger-{number}");
        assert_eq!(status(&site, token(&stranger)).await, 401);
    }
    assert!(provider.asked() <= 8, "asked {} times", provider.asked());
}

#[actix_web::test]
async fn while_there_are_no_keys_the_answer_is_to_try_again() {
    let provider = Provider::start(&json!({}));
    let site = Site::with(&[("log", "memory:"), ("auth_jwks_url", &provider.url)]).await;
    let token = || signed_with(&numbered(1), Algorithm::EdDSA, Some("one"));
    for (code, body) in [(200, "{}".to_owned()), (500, String::new()), (302, String::new())] {
        provider.gives(code, body);
        let answer = Bearer::new(&site, token()).get(NOW).await;
        assert!(!answer.retry_after.is_empty(), "{answer:?}");
        answer.refused(503, "store_unavailable");
    }
    assert_eq!(status(&site, "a.b.c".to_owned()).await, 401);
    provider.gives(200, set(1, "one"));
    eventually("the keys are there", async || status(&site, token()).await == 200).await;
}

#[test]
fn what_holds_no_key_is_said_to_hold_none() {
    let refused = |text: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let refused = Keyring::of_source(KeySource::File(file.path().to_owned())).unwrap_err();
        refused.to_string()
    };
    let of_file = |name: &str| refused(&std::fs::read(key_file(name)).unwrap());
    for private in ["rsa.pem", "p256.pem", "ed25519.pem"] {
        assert!(of_file(private).contains("holds a private key"), "{}", of_file(private));
    }
    assert!(of_file("certificate.pem").contains("openssl x509"));
    assert!(of_file("rsa1024.pub.pem").contains("RSA of 2048 to 4096 bits"));
    assert!(refused(b"").contains("neither a public key"));
    assert!(refused(b"hello").contains("neither a public key"));
    assert!(refused(b"{\"keys\":[]}").contains("none of its keys"));
    let many = json!({"keys": vec![json!({}); 65]}).to_string();
    assert!(refused(many.as_bytes()).contains("65 keys"));
    let private = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A", "d": "A"}]});
    assert!(refused(private.to_string().as_bytes()).contains("private key"));
    let broken = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert!(refused(broken.as_bytes()).contains("none of its keys"));
}

#[test]
fn several_keys_in_pem_are_all_taken() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let files = ["rsa.pub.pem", "p256.pub.pem", "ed25519.pub.pem"];
    let all: Vec<_> =
        files.iter().map(|name| std::fs::read_to_string(key_file(name)).unwrap()).collect();
    std::fs::write(file.path(), all.join("\n")).unwrap();
    let keys = Keyring::of_source(KeySource::File(file.path().to_owned())).unwrap();
    let algorithms = actix_web::rt::System::new().block_on(keys.algorithms()).unwrap();
    assert_eq!(algorithms, ["RS256", "ES256", "EdDSA"]);
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    assert!(Keyring::of_secret(&[7; 31]).unwrap_err().to_string().contains("32 bytes"));
    assert!(Keyring::of_secret(&[7; 32]).is_ok());
}

#[test]
fn a_secret_is_never_shown() {
    let secret = "this-is-not-to-be-shown-to-anyone-at-all";
    let given = [("auth_secret".to_owned(), secret.to_owned())];
    let sources = Sources {
        file: Some("/dev/null".into()),
        environment: std::iter::empty(),
        overrides: given.to_vec(),
    };
    let config = Config::load(sources).unwrap();
    assert!(!format!("{config:?}").contains(secret));
    assert!(!format!("{:?}", Keyring::of_secret(secret.as_bytes())).contains(secret));
}
