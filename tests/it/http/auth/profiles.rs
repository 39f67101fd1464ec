//! A token that is limited to a profile sees and writes that profile alone, on every route.

use serde_json::{Value, json};

use super::{ALL, Bearer, answered, fact, guarded, session, token_of, watched};
use crate::site::Site;

const HOME: &str = "/v1/accounts/home";

/// A household in which Anna and Ben are watching, and Anna's own token.
async fn household() -> (Site, String) {
    let site = guarded().await;
    watched(&site, "home", "anna").await;
    watched(&site, "home", "ben").await;
    (site, token_of("home", "anna", ALL))
}

#[actix_web::test]
async fn another_profile_cannot_be_read() {
    let (site, token) = household().await;
    let anna = Bearer::new(&site, token);
    for path in [
        "resume?titles=film-of-ben",
        "resume/film-of-ben",
        "continue-watching",
        "history",
        "title?title=film-of-ben",
        "titles?title=film-of-ben",
        "titles/film-of-ben",
        "watch-time",
    ] {
        let answer = anna.get(&format!("{HOME}/profiles/ben/{path}")).await;
        answer.refused(403, "forbidden");
        let own = path.replace("film-of-ben", "film-of-anna");
        anna.get(&format!("{HOME}/profiles/anna/{own}")).await.ok();
    }
    let wanted = json!({"titles": ["film-of-ben"]});
    anna.post(&format!("{HOME}/profiles/ben/resume"), &wanted).await.refused(403, "forbidden");
    let mine = anna.post(&format!("{HOME}/profiles/anna/resume"), &wanted).await;
    assert_eq!(mine.ok()["items"], json!([]));
    for spelt in ["%62en", "ben%2F..%2Fanna", "anna/../ben", "Anna", "anna%20", "%61nna%00"] {
        let answer = anna.get(&format!("{HOME}/profiles/{spelt}/history")).await;
        assert!([400, 403, 404].contains(&answer.status), "{spelt}: {answer:?}");
    }
    anna.get(&format!("{HOME}/profiles/%61nna/history")).await.ok();
}

#[actix_web::test]
async fn another_profile_cannot_be_spoken_for() {
    let (site, token) = household().await;
    let anna = Bearer::new(&site, token);
    for command in ["hide", "show", "watched", "unwatched", "forget"] {
        for path in [
            format!("{HOME}/profiles/ben/titles/film-of-ben/{command}"),
            format!("{HOME}/profiles/ben/titles/{command}?title=film-of-ben"),
        ] {
            anna.post(&path, &json!({})).await.refused(403, "forbidden");
        }
    }
    let position = format!("{HOME}/profiles/ben/titles/film-of-ben/position");
    anna.post(&position, &json!({"position_ms": 5})).await.refused(403, "forbidden");
    let undo = json!({"since": super::ago(3_600)});
    anna.post(&format!("{HOME}/profiles/ben/undo"), &undo).await.refused(403, "forbidden");
    anna.delete(&format!("{HOME}/profiles/ben")).await.refused(403, "forbidden");
    anna.delete(HOME).await.refused(403, "forbidden");
    anna.post(&format!("{HOME}/profiles/anna/titles/film-of-anna/hide"), &json!({})).await.ok();
}

#[actix_web::test]
async fn what_is_playing_and_who_is_there_is_told_of_the_own_profile_alone() {
    let (site, token) = household().await;
    let everyone = Bearer::new(&site, super::token("home", "read"));
    let anna = Bearer::new(&site, token);
    let of = |answer: &Value, list: &str| -> Vec<String> {
        let each = answer[list].as_array().unwrap().iter();
        each.map(|one| one["profile"].as_str().unwrap().to_owned()).collect()
    };
    let now = format!("{HOME}/now");
    assert_eq!(of(everyone.get(&now).await.ok(), "playing").len(), 2);
    assert_eq!(of(anna.get(&now).await.ok(), "playing"), ["anna"]);
    let profiles = format!("{HOME}/profiles");
    assert_eq!(of(everyone.get(&profiles).await.ok(), "items").len(), 2);
    assert_eq!(of(anna.get(&profiles).await.ok(), "items"), ["anna"]);
}

#[actix_web::test]
async fn sessions_of_others_are_as_if_they_were_not() {
    let site = guarded().await;
    let mine = watched(&site, "home", "anna").await;
    let theirs = watched(&site, "home", "ben").await;
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    anna.get(&format!("{HOME}/sessions/{mine}")).await.ok();
    let hidden = anna.get(&format!("{HOME}/sessions/{theirs}")).await;
    let unknown = anna.get(&format!("{HOME}/sessions/{}", session(60))).await;
    hidden.refused(404, "not_found");
    assert_eq!(hidden.text, unknown.text);
    for path in
        [format!("{HOME}/history/{theirs}"), format!("{HOME}/profiles/anna/history/{theirs}")]
    {
        anna.delete(&path).await.refused(404, "not_found");
    }
    anna.delete(&format!("{HOME}/profiles/ben/history/{theirs}")).await.refused(403, "forbidden");
    assert_eq!(anna.delete(&format!("{HOME}/history/{mine}")).await.status, 202);
    let ben = Bearer::new(&site, token_of("home", "ben", "read"));
    ben.get(&format!("{HOME}/sessions/{theirs}")).await.ok();
}

#[actix_web::test]
async fn facts_sent_for_a_session_of_another_tell_nothing_of_it() {
    let site = guarded().await;
    let theirs = watched(&site, "home", "ben").await;
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    let mut repeat = fact("anna", theirs, 3, "progressed");
    let mut said = Vec::new();
    for title in ["film-of-ben", "film-of-anna"] {
        for seq in [3, 40] {
            repeat["title"] = title.into();
            repeat["seq"] = seq.into();
            let answer = anna.post(&format!("{HOME}/events"), &repeat).await;
            answer.refused(422, "invalid_event");
            said.push(answer.text);
        }
    }
    repeat.as_object_mut().unwrap().remove("profile");
    let events = json!({"events": [repeat, fact("anna", session(60), 0, "started")]});
    let answer = anna.post(&format!("{HOME}/events"), &events).await;
    assert_eq!((&answer.ok()["recorded"], &answer.json["duplicates"]), (&json!(1), &json!(0)));
    assert_eq!(answer.json["sessions"].as_array().unwrap().len(), 1, "{answer:?}");
    said.push(answer.json["refused"].to_string());
    for said in said {
        assert!(!said.contains("\"ben") && !said.contains("\\\"ben"), "{said}");
    }
}

#[actix_web::test]
async fn an_export_holds_the_own_profile_alone() {
    let (site, token) = household().await;
    let everyone = Bearer::new(&site, super::token("home", ALL));
    for profile in ["anna", "ben"] {
        let hide = format!("{HOME}/profiles/{profile}/titles/film-of-{profile}/hide");
        everyone.post(&hide, &json!({})).await.ok();
    }
    let path = format!("{HOME}/export");
    let whole = everyone.get(&path).await.text;
    assert_eq!(whole.lines().count(), 62);
    let own = Bearer::new(&site, token).get(&path).await.text;
    assert_eq!(own.lines().count(), 31);
    assert!(!own.contains("ben"), "{own}");
}

#[actix_web::test]
async fn an_import_takes_lines_of_the_own_profile_alone() {
    let (site, _) = household().await;
    let everyone = Bearer::new(&site, super::token("home", ALL));
    everyone.post(&format!("{HOME}/profiles/ben/titles/film-of-ben/hide"), &json!({})).await.ok();
    let lines = everyone.get(&format!("{HOME}/export")).await.text;
    let me = Bearer::new(&site, token_of("other", "anna", ALL));
    let import = me.request(reqwest::Method::POST, "/v1/accounts/other/import").body(lines);
    let answer = answered(import).await;
    assert_eq!(answer.ok()["recorded"], 30, "{answer:?}");
    let refused = answer.json["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 31, "{answer:?}");
    // Whatever names ben is forbidden: his word, and of a log with one writer his first fact alone.
    let forbidden = refused.iter().filter(|one| one["code"] == "forbidden").count();
    let unknown = refused.iter().filter(|one| one["code"] == "unknown_session").count();
    assert!(forbidden >= 2 && forbidden + unknown == 31, "{answer:?}");
    let all = Bearer::new(&site, super::token("other", "read"));
    let profiles = all.get("/v1/accounts/other/profiles").await;
    assert_eq!(profiles.ok()["items"].as_array().unwrap().len(), 1, "{profiles:?}");
}

#[actix_web::test]
async fn facts_of_another_profile_are_refused_one_by_one() {
    let site = guarded().await;
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    let events = format!("{HOME}/events");
    let ben = fact("ben", session(60), 0, "started");
    anna.post(&events, &ben).await.refused(403, "forbidden");
    let mut private = ben.clone();
    private["private"] = true.into();
    anna.post(&events, &private).await.refused(403, "forbidden");
    let lines = format!("{}\n{ben}\n", fact("anna", session(60), 0, "started"));
    let request = anna.request(reqwest::Method::POST, &events);
    let request = request.header("content-type", "application/x-ndjson").body(lines);
    let answer = answered(request).await;
    assert_eq!(answer.ok()["recorded"], 1);
    assert_eq!(answer.json["refused"][0]["code"], "forbidden");
    assert_eq!(answer.json["refused"][0]["index"], 1);
}

#[actix_web::test]
async fn shape_is_judged_before_authority() {
    let site = guarded().await;
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    let events = format!("{HOME}/events");
    let mut wrong = fact("ben", session(60), 0, "dances");
    anna.post(&events, &wrong).await.refused(422, "invalid_event");
    wrong["kind"] = "started".into();
    wrong["position_ms"] = "far".into();
    anna.post(&events, &wrong).await.refused(422, "invalid_event");
    let unknown = json!({"session": session(60), "seq": 4, "kind": "progressed",
                         "position_ms": 5, "profile": "ben"});
    anna.post(&events, &unknown).await.refused(403, "forbidden");
}

#[actix_web::test]
async fn a_fact_without_a_profile_does_not_slip_into_a_session_of_another() {
    let site = guarded().await;
    let theirs = watched(&site, "home", "ben").await;
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    let events = format!("{HOME}/events");
    let slip = json!({"session": theirs, "seq": 30, "kind": "seeked", "position_ms": 3_000_000});
    let answer = anna.post(&events, &slip).await;
    assert!(answer.refused(422, "invalid_event").contains("profile"), "{answer:?}");
    let ben = Bearer::new(&site, token_of("home", "ben", "read"));
    let resume = ben.get(&format!("{HOME}/profiles/ben/resume/film-of-ben")).await;
    assert_eq!(resume.ok()["position_ms"], 290_000);
    // One's own session goes on without naming anyone, as ever.
    let mine = watched(&site, "home", "anna").await;
    let on = json!({"session": mine, "seq": 30, "kind": "seeked", "position_ms": 3_000_000});
    assert_eq!(anna.post(&events, &on).await.ok()["recorded"], 1);
    // And one that begins without naming anyone is of the token's profile.
    let begun = json!({"session": session(30), "seq": 0, "kind": "started", "position_ms": 0,
                       "title": "new"});
    assert_eq!(anna.post(&events, &begun).await.ok()["recorded"], 1);
    let now = anna.get(&format!("{HOME}/now?after={}:0", begun["session"].as_str().unwrap())).await;
    let titles = now.ok()["playing"].as_array().unwrap().iter().map(|one| &one["title"]);
    assert!(titles.clone().any(|title| title == "new"), "{now:?}");
}

#[actix_web::test]
async fn a_read_waits_for_no_session_of_another_profile_nor_says_that_there_is_one() {
    let site = guarded().await;
    let (mine, theirs) =
        (watched(&site, "home", "anna").await, watched(&site, "home", "ben").await);
    let anna = Bearer::new(&site, token_of("home", "anna", ALL));
    for path in ["now", "profiles", "profiles/anna/history", "profiles/anna/resume?titles=a"] {
        let begin = if path.contains('?') { '&' } else { '?' };
        let after =
            async |session| anna.get(&format!("{HOME}/{path}{begin}after={session}:0")).await;
        after(mine).await.ok();
        let (unknown, hidden) = (after(session(99)).await, after(theirs).await);
        let told = unknown.refused(400, "malformed");
        assert_eq!(hidden.refused(400, "malformed"), told, "{path}");
    }
}

#[actix_web::test]
async fn a_receipt_is_told_to_whom_it_concerns() {
    let (site, token) = household().await;
    let admin = Bearer::new(&site, super::token("home", ALL));
    let anna = Bearer::new(&site, token);
    let forget = |profile: &str| format!("{HOME}/profiles/{profile}/titles/x/forget");
    let url = async |who: &Bearer<'_>, profile: &str| {
        let answer = who.post(&forget(profile), &json!({})).await;
        answer.ok()["url"].as_str().unwrap().to_owned()
    };
    let (own, other) = (url(&anna, "anna").await, url(&admin, "ben").await);
    anna.get(&own).await.ok();
    anna.get(&other).await.refused(404, "not_found");
    let gone = admin.delete(HOME).await.ok()["url"].as_str().unwrap().to_owned();
    anna.get(&gone).await.refused(404, "not_found");
    admin.get(&gone).await.ok();
}

#[actix_web::test]
async fn what_is_not_about_one_profile_is_closed() {
    let (site, token) = household().await;
    for token in [token, token_of("*", "anna", ALL)] {
        let anna = Bearer::new(&site, token);
        for path in ["/v1/system", "/metrics", "/v1/system/jobs/verify"] {
            anna.get(path).await.refused(403, "forbidden");
        }
        for work in ["rebuild", "verify", "compact", "sweep"] {
            let path = format!("/v1/system/{work}");
            anna.post(&path, &json!({})).await.refused(403, "forbidden");
        }
        anna.post("/v1/events", &json!({})).await.refused(403, "forbidden");
    }
}
