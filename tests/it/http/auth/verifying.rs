//! Which tokens are taken: signed by a key of this server, of now, for this server.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::support::eventually;

use super::{
    ALL, Bearer, SECRET, answered, claims, guarded, guarded_with, in_seconds, signed, token,
};

const NOW: &str = "/v1/accounts/home/now";

#[actix_web::test]
async fn without_a_token_nothing_of_an_account_is_told() {
    let site = guarded().await;
    let answer = answered(site.client.get(format!("{}{NOW}", site.url))).await;
    let detail = answer.refused(401, "unauthenticated");
    assert!(detail.contains("Authorization: Bearer"), "{detail}");
    assert_eq!(answer.challenge, "Bearer realm=\"viewlog\"");
}

#[actix_web::test]
async fn a_good_token_is_taken_whatever_the_case_of_its_scheme() {
    let site = guarded().await;
    let token = token("home", "read");
    assert_eq!(Bearer::new(&site, token.clone()).get(NOW).await.ok()["playing"], json!([]));
    for scheme in ["bearer", "BEARER", "Bearer "] {
        let request = site.client.get(format!("{}{NOW}", site.url));
        answered(request.header("authorization", format!("{scheme} {token}"))).await.ok();
    }
}

#[actix_web::test]
async fn what_is_no_token_is_refused() {
    let site = guarded().await;
    let good = token("home", ALL);
    let long = format!("{good}{}", "x".repeat(10_000));
    let parts: Vec<_> = good.split('.').collect();
    let cases = [
        "a".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        good[..good.len() - 2].to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        format!("{good}="),
        long,
    ];
    for wrong in cases {
        let answer = Bearer::new(&site, wrong.clone()).get(NOW).await;
        answer.refused(401, "unauthenticated");
        assert!(answer.challenge.contains("error=\"invalid_token\""), "{answer:?}");
        assert!(wrong.len() < 5 || !answer.text.contains(&wrong), "it is repeated: {answer:?}");
    }
}

#[actix_web::test]
async fn another_scheme_is_refused_and_so_are_two_tokens() {
    let site = guarded().await;
    let url = format!("{}{NOW}", site.url);
    for value in ["Basic aG9tZTpzZWNyZXQ=", "Bearer", "Bearer a b", "token"] {
        let answer = answered(site.client.get(&url).header("authorization", value)).await;
        answer.refused(401, "unauthenticated");
    }
    let (mine, other) = (token("home", "read"), token("home", "read record"));
    let both = site.client.get(&url).bearer_auth(&mine).bearer_auth(&other);
    let answer = answered(both).await;
    assert!(answer.refused(401, "unauthenticated").contains("two tokens"), "{answer:?}");
    answered(site.client.get(&url).bearer_auth(&mine).bearer_auth(&mine)).await.ok();
}

#[actix_web::test]
async fn a_token_is_good_from_one_time_to_another_with_little_leeway() {
    let site = guarded().await;
    let with = |name: &str, seconds: i64| {
        let mut claims = claims("home", "read");
        claims[name] = in_seconds(seconds).into();
        signed(&claims)
    };
    let get = async |token: String| Bearer::new(&site, token).get(NOW).await;
    get(with("exp", -5)).await.ok();
    get(with("nbf", 5)).await.ok();
    let late = get(with("exp", -15)).await;
    assert!(late.refused(401, "unauthenticated").contains("was good until 20"), "{late:?}");
    let early = get(with("nbf", 60)).await;
    assert!(early.refused(401, "unauthenticated").contains("is good from 20"), "{early:?}");
}

#[actix_web::test]
async fn a_token_that_was_taken_is_refused_once_it_has_expired() {
    let site = guarded().await;
    let mut claims = claims("home", "read");
    // With the leeway two seconds from now at most.
    claims["exp"] = in_seconds(-8).into();
    let token = signed(&claims);
    let get = async || Bearer::new(&site, token.clone()).get(NOW).await;
    get().await.ok();
    eventually("it has expired", async || get().await.status == 401).await;
}

#[actix_web::test]
async fn claims_that_are_missing_or_of_another_type_are_refused() {
    let site = guarded().await;
    let soon = in_seconds(600);
    for wrong in [
        json!({"sub": "home", "scope": "read"}),
        json!({"scope": "read", "exp": soon}),
        json!({"sub": "home", "scope": "read", "exp": soon.to_string()}),
        json!({"sub": "home", "scope": "read", "exp": null}),
        json!({"sub": "home", "scope": "read", "exp": -1}),
        json!({"sub": "home", "scope": ["read"], "exp": soon}),
        json!({"sub": ["home"], "scope": "read", "exp": soon}),
        json!({"sub": "", "scope": "read", "exp": soon}),
        json!({"sub": "home", "scope": "read", "exp": soon, "profile": ""}),
        json!({"sub": "home", "scope": "read", "exp": soon, "profile": 5}),
        json!({"sub": "home", "scope": "read", "exp": soon, "streams": -1}),
        json!({"sub": "home", "scope": "read", "exp": soon, "nbf": "soon"}),
        json!({"sub": "x".repeat(200), "scope": "read", "exp": soon}),
    ] {
        Bearer::new(&site, signed(&wrong)).get(NOW).await.refused(401, "unauthenticated");
    }
    for right in [
        json!({"sub": "home", "scope": "openid read email", "exp": soon, "iss": "x", "jti": 5}),
        json!({"sub": "home", "scope": "read", "exp": soon as f64 + 0.5, "streams": 2}),
        json!({"sub": "home", "scope": "read", "exp": 9_000_000_000_000_000_i64}),
    ] {
        Bearer::new(&site, signed(&right)).get(NOW).await.ok();
    }
}

#[actix_web::test]
async fn a_token_that_names_whom_it_is_for_is_for_nobody_else() {
    let named = guarded_with(&[("auth_audience", "viewlog-home")]).await;
    let unnamed = guarded().await;
    let with = |audience: serde_json::Value| {
        let mut claims = claims("home", "read");
        claims["aud"] = audience;
        signed(&claims)
    };
    for right in [json!("viewlog-home"), json!(["other", "viewlog-home"])] {
        Bearer::new(&named, with(right)).get(NOW).await.ok();
    }
    for wrong in [json!("other"), json!("viewlog-home2"), json!([]), json!(["other"]), json!("")] {
        for site in [&named, &unnamed] {
            Bearer::new(site, with(wrong.clone())).get(NOW).await.refused(401, "unauthenticated");
        }
    }
    Bearer::new(&named, token("home", "read")).get(NOW).await.refused(401, "unauthenticated");
    Bearer::new(&unnamed, token("home", "read")).get(NOW).await.ok();
}

#[actix_web::test]
async fn another_secret_and_another_algorithm_of_the_same_secret_are_refused() {
    let site = guarded().await;
    let other = EncodingKey::from_secret(b"another-secret-that-is-as-long-as-it-must-be");
    let same = EncodingKey::from_secret(SECRET.as_bytes());
    let claims = claims("home", ALL);
    for (algorithm, key) in
        [(Algorithm::HS256, &other), (Algorithm::HS384, &same), (Algorithm::HS512, &same)]
    {
        let token = encode(&Header::new(algorithm), &claims, key).unwrap();
        Bearer::new(&site, token).get(NOW).await.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn scopes_are_words_and_each_lets_do_its_part_alone() {
    let site = guarded().await;
    let events = "/v1/accounts/home/events";
    let fact = super::fact("anna", super::session(60), 0, "started");
    for (scope, reads, records, operates) in [
        ("read", 200, 403, 403),
        ("record", 403, 200, 403),
        ("admin", 403, 403, 200),
        ("read record", 200, 200, 403),
        ("record  read\tadmin", 200, 200, 200),
        ("", 403, 403, 403),
        ("READ", 403, 403, 403),
        ("read,record", 403, 403, 403),
        ("reading recording", 403, 403, 403),
    ] {
        let bearer = Bearer::new(&site, token("home", scope));
        assert_eq!(bearer.get(NOW).await.status, reads, "{scope}");
        assert_eq!(bearer.post(events, &fact).await.status, records, "{scope}");
        assert_eq!(bearer.get("/v1/system").await.status, operates, "{scope}");
    }
}
