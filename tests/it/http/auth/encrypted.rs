//! Keys that are asked for by https: from whom they come is checked.

use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::Algorithm;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::keys::{Provider, numbered, set, signed_with, status};
use crate::binary::{out, run_with, said};
use crate::servers::{Authority, authority};
use crate::site::Site;

/// Encrypts what a provider says; the address, by name.
async fn encrypting(provider: &Provider) -> String {
    let files = authority();
    let chain = CertificateDer::pem_file_iter(files.certificate()).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(files.key()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let behind = provider.url["http://".len()..].trim_end_matches("/jwks.json").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((plain, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Whoever does not believe the certificate hangs up.
                let Ok(mut client) = acceptor.accept(plain).await else { return };
                let mut server = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    format!("https://localhost:{port}/jwks.json")
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
