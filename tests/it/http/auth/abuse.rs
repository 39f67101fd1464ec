//! Forged tokens: what has been tried against servers that check them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::keys::{key_file, site_with_key};
use super::{ALL, Bearer, SECRET, claims, guarded, in_seconds};

const NOW: &str = "/v1/accounts/home/now";

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token by hand, with any header.
fn by_hand(header: &Value, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// A token of a header and claims as they are written, signed by HS256.
fn sealed(message: &str, secret: &[u8]) -> String {
    let secret = EncodingKey::from_secret(secret);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[actix_web::test]
async fn a_token_without_a_signature_is_none() {
    let site = guarded().await;
    let claims = claims("home", ALL);
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256 "] {
        for signature in ["", "e30", "AAAA"] {
            let token = by_hand(&json!({"alg": algorithm, "typ": "JWT"}), &claims, signature);
            Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
        }
    }
    for header in [json!({}), json!({"alg": null}), json!([]), json!({"alg": ["HS256"]})] {
        let token = by_hand(&header, &claims, "");
        Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn a_public_key_is_no_secret() {
    for kind in ["rsa", "p256", "ed25519"] {
        let site = site_with_key(&key_file(&format!("{kind}.pub.pem"))).await;
        let pem = std::fs::read(key_file(&format!("{kind}.pub.pem"))).unwrap();
        let text = String::from_utf8(pem.clone()).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        let trimmed = text.trim().as_bytes().to_vec();
        let last = der[der.len() - 32..].to_vec();
        for secret in [pem, trimmed, der, last] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let key = EncodingKey::from_secret(&secret);
                let token = encode(&Header::new(algorithm), &claims("home", ALL), &key).unwrap();
                Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
            }
        }
    }
}

#[actix_web::test]
async fn a_key_that_the_token_brings_itself_is_not_looked_at() {
    let site = guarded().await;
    let own = b"a-secret-of-the-forger-that-is-long-enough-too";
    let key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(own)});
    for extra in [
        json!({"jwk": key}),
        json!({"jku": "http://127.0.0.1:1/jwks.json"}),
        json!({"x5u": "http://127.0.0.1:1/certificate.pem"}),
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": "' or 1=1 --"}),
    ] {
        let mut header = json!({"alg": "HS256", "typ": "JWT"});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let message = format!("{}.{}", part(&header), part(&claims("home", ALL)));
        Bearer::new(&site, sealed(&message, own)).get(NOW).await.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn what_must_be_understood_and_is_not_is_refused() {
    let site = guarded().await;
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["exp".to_owned()]);
    let token = encode(&header, &claims("home", ALL), &secret).unwrap();
    Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
}

#[actix_web::test]
async fn claims_that_were_changed_after_signing_are_refused() {
    let site = guarded().await;
    let good = super::token("other", "read");
    let parts: Vec<_> = good.split('.').collect();
    let forged = part(&json!({"sub": "home", "scope": ALL, "exp": in_seconds(3_600)}));
    let token = format!("{}.{forged}.{}", parts[0], parts[2]);
    Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
}

#[actix_web::test]
async fn a_claim_that_stands_twice_is_refused() {
    let site = guarded().await;
    let header = part(&json!({"alg": "HS256"}));
    let twice = format!(
        "{{\"sub\":\"other\",\"scope\":\"read\",\"exp\":{},\"sub\":\"home\"}}",
        in_seconds(600)
    );
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(twice));
    Bearer::new(&site, sealed(&message, SECRET.as_bytes()))
        .get(NOW)
        .await
        .refused(401, "unauthenticated");
}

#[actix_web::test]
async fn a_token_in_the_address_is_taken_where_headers_cannot_be_set_and_nowhere_else() {
    let site = guarded().await;
    let good = super::token("home", ALL);
    let url = |path: &str| format!("{}{path}?token={good}", site.url);
    let fact = super::fact("anna", super::session(60), 0, "started").to_string();
    let beacon = site.client.post(url("/v1/accounts/home/events"));
    let beacon = beacon.header("content-type", "text/plain").body(fact);
    assert_eq!(super::answered(beacon).await.ok()["recorded"], 1);
    for path in ["/v1/accounts/home/now", "/v1/accounts/home/export", "/v1/system", "/metrics"] {
        let answer = super::answered(site.client.get(url(path))).await;
        answer.refused(401, "unauthenticated");
    }
    let many = site.client.post(url("/v1/events")).body("{}");
    super::answered(many).await.refused(401, "unauthenticated");
}
