//! Ids are opaque: whatever 1 to 128 bytes of printable UTF-8 hold comes back as it was.

use serde_json::json;

use super::{EVENTS, Play, asked, record, site, watched};

const ODD: [&str; 12] = [
    "tt0944947:s1e3",
    "a/b",
    "../../etc/passwd",
    "%2F",
    "100%",
    "with space",
    "a+b",
    "q?x=1&y=2#z",
    "\u{1f3ac} f\u{ef}lm \u{6620}\u{753b}",
    "a,b;c",
    "\"quoted\" \\ 'and' <b>",
    "...",
];

/// An id as a path bears it.
fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[actix_web::test]
async fn an_odd_title_is_found_in_the_path_and_in_the_query() {
    let site = site().await;
    for title in ODD {
        let play = watched(&site, Play::of(title, 3_600)).await;
        let after = super::after(&play);
        let encoded = encoded(title);
        for path in [
            format!("titles/{encoded}?{after}"),
            format!("titles?title={encoded}&{after}"),
            format!("title?title={encoded}&{after}"),
            format!("resume/{encoded}?{after}"),
            format!("resume?title={encoded}&{after}"),
        ] {
            let (status, answer) = site.get(&format!("{}/{path}", super::ANNA)).await;
            assert_eq!((status, &answer["title"]), (200, &json!(title)), "{path}: {answer}");
        }
        let path = format!("{}/history?title={encoded}&{after}", super::ANNA);
        assert_eq!(super::titles(&site.get(&path).await.1), [title]);
    }
}

#[actix_web::test]
async fn odd_accounts_and_profiles_are_kept_apart() {
    let site = site().await;
    for name in ODD {
        let play = Play::by(name, "film", 3_600);
        let path = format!("/v1/accounts/{}/events", encoded(name));
        let (_, answer) = site.post(&path, &json!({ "events": play.facts(30) })).await;
        assert_eq!(answer["recorded"], json!(30), "{name}: {answer}");
        assert_eq!(answer["sessions"][0]["account"], json!(name));
    }
    for name in ODD {
        let profiles = format!("/v1/accounts/{}/profiles", encoded(name));
        let (_, answer) = site.get(&profiles).await;
        let items = answer["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["profile"]), (1, &json!(name)), "{answer}");
        let (_, history) = site.get(&format!("{profiles}/{}/history", encoded(name))).await;
        assert_eq!(super::titles(&history), ["film"]);
    }
}

#[actix_web::test]
async fn case_and_normal_form_make_a_difference() {
    let site = site().await;
    let names = ["film", "Film", "f\u{ef}lm", "fi\u{308}lm", "film "];
    for name in names {
        record(&site, Play::of(name, 3_600).facts(30)).await;
    }
    let (_, profiles) = site.get(&format!("{}/history?limit=500", super::ANNA)).await;
    let mut titles = super::titles(&profiles);
    titles.sort_unstable();
    let mut names = names.to_vec();
    names.sort_unstable();
    assert_eq!(titles, names);
}

#[actix_web::test]
async fn an_id_has_128_bytes_and_not_one_more() {
    let site = site().await;
    let (longest, longer) = ("x".repeat(128), "x".repeat(129));
    let wide = "\u{1f3ac}".repeat(33);
    for id in [&longest, &"\u{1f3ac}".repeat(32)] {
        assert_eq!(site.get(&format!("/v1/accounts/{}/now", encoded(id))).await.0, 200);
        assert_eq!(site.get(&format!("{}/titles/{}", super::ANNA, encoded(id))).await.0, 404);
    }
    for id in [&longer, &wide] {
        let id = encoded(id);
        for (path, name) in [
            (format!("/v1/accounts/{id}/now"), "account"),
            (format!("/v1/accounts/home/profiles/{id}/history"), "profile"),
            (format!("{}/titles/{id}", super::ANNA), "title"),
            (format!("{}/history?title={id}", super::ANNA), "title"),
        ] {
            let problem = asked(&site, &path, &[]).await.problem(400, "malformed");
            assert!(problem["detail"].as_str().unwrap().starts_with(name), "{problem}");
        }
    }
}

#[actix_web::test]
async fn an_id_that_is_not_printable_or_not_utf_8_is_malformed() {
    let site = site().await;
    for id in ["%00", "a%00b", "%0A", "%7F", "%C2%85", "%FF", "%C3", "%ED%A0%80", "%", "%4", "%zz"]
    {
        for path in [
            format!("/v1/accounts/{id}/now"),
            format!("/v1/accounts/home/profiles/{id}/history"),
            format!("{}/titles/{id}", super::ANNA),
            format!("{}/titles?title={id}", super::ANNA),
            format!("{}/resume?titles=a,{id}", super::ANNA),
        ] {
            asked(&site, &path, &[]).await.problem(400, "malformed");
        }
    }
}

#[actix_web::test]
async fn a_session_in_a_path_is_a_uuid_of_version_7() {
    let site = site().await;
    for session in ["x", "7d444840-9dc0-41d1-b245-5ffdce74fad2", "0199f3c4", "%20"] {
        let path = format!("/v1/accounts/home/sessions/{session}");
        let problem = asked(&site, &path, &[]).await.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains("UUID"), "{problem}");
    }
}

#[actix_web::test]
async fn an_account_that_is_a_path_of_its_own_reaches_nothing_else() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact(0, "started");
    assert_eq!(site.post("/v1/accounts/home%2Fnow/events", &fact).await.0, 200);
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1), "home has not seen it");
}
