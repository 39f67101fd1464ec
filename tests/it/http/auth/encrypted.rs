//! Keys that are asked for by https: from whom they come is checked.

use std::path::Path;

use jsonwebtoken::Algorithm;

use super::keys::{Provider, numbered, set, signed_with, status};
use crate::binary::{out, run_with, said};
use crate::servers::{Authority, authority};
use crate::site::Site;

/// Encrypts what a provider says; the address, by name.
async fn encrypting(provider: &Provider) -> String {
    let behind = provider.url.trim_end_matches("/jwks.json");
    authority().encrypting(behind).await + "/jwks.json"
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[actix_web::test]
async fn keys_are_had_by_https_from_whom_the_authority_vouches_for() {
    let provider = Provider::start(&set(1, "one"));
    let url = encrypting(&provider).await;
    let ca = authority().ca();
    let settings = [("log", "memory:"), ("auth_jwks_url", &*url), ("tls.ca_file", text(&ca))];
    let site = Site::with(&settings).await;
    let token = |number, id| signed_with(&numbered(number), Algorithm::EdDSA, Some(id));
    assert_eq!(status(&site, token(1, "one")).await, 200);
    assert_eq!(status(&site, token(2, "two")).await, 401);
}

#[actix_web::test]
async fn keys_from_somebody_else_are_not_taken_and_it_is_said_which_setting_would_believe_them() {
    let provider = Provider::start(&set(1, "one"));
    let url = encrypting(&provider).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Authority::in_directory(elsewhere.path().join("other")).ca();
    let settings = [("log", "memory:"), ("auth_jwks_url", &*url), ("tls.ca_file", text(&other))];
    let site = Site::with(&settings).await;
    let token = signed_with(&numbered(1), Algorithm::EdDSA, Some("one"));
    assert_eq!(status(&site, token).await, 503, "there are no keys");

    let data = tempfile::tempdir().unwrap();
    let doctor = async |ca: &Path| {
        let environment = [
            ("VIEWLOG_AUTH_JWKS_URL", url.clone()),
            ("VIEWLOG_AUTH_AUDIENCE", "viewlog".to_owned()),
            ("VIEWLOG_TLS__CA_FILE", text(ca).to_owned()),
        ];
        let data = data.path().to_owned();
        let looking = move || run_with(&data, &["doctor"], &environment);
        tokio::task::spawn_blocking(looking).await.unwrap()
    };
    let unbelieved = doctor(&other).await;
    assert!(out(&unbelieved).contains("tls.ca_file"), "{}", said(&unbelieved));
    let believed = doctor(&authority().ca()).await;
    assert!(out(&believed).contains("tokens: checked by EdDSA"), "{}", said(&believed));
    let nothing = doctor(&elsewhere.path().join("nothing.pem")).await;
    assert!(out(&nothing).contains("nothing.pem: No such file"), "{}", said(&nothing));
}
