//! Facts in: every form in which they come, and what is answered.

use serde_json::{Value, json};

use super::site::{EVENTS, Site, fact, gzipped, lines};
use crate::support::{at, home, id, session};

#[actix_web::test]
async fn a_fact_is_answered_as_the_contract_says() {
    let site = Site::start().await;
    let answer = site.post(EVENTS, &fact(1, 0, "started", 0)).await;
    let sessions = json!([{"account": "home", "session": session(1), "seq": 0}]);
    let expected = json!({"recorded": 1, "duplicates": 0, "durability": "store",
        "sessions": sessions, "refused": []});
    assert_eq!((answer.status, &answer.json), (200, &expected), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(site.states().await.len(), 1);
}

#[actix_web::test]
async fn one_a_list_lines_and_a_beacon_are_recorded_alike() {
    let site = Site::start().await;
    let pair = |number| [fact(number, 0, "started", 0), fact(number, 1, "progressed", 10)];
    let list = |number| json!({"sent_at": at(3_600), "events": pair(number)});
    let pretty = serde_json::to_vec_pretty(&list(6)).unwrap();
    let forms = [
        ("a list", Some("application/json"), list(1).to_string().into()),
        (
            "a list in a charset",
            Some("Application/JSON; charset=utf-8"),
            list(2).to_string().into(),
        ),
        ("a list of unsaid type", None, list(3).to_string().into()),
        ("lines", Some("application/x-ndjson"), lines(&pair(4))),
        ("a beacon of lines", Some("text/plain;charset=UTF-8"), lines(&pair(5))),
        ("a beacon of a list over lines", Some("text/plain"), pretty),
        ("a beacon of a list", Some("text/plain"), list(7).to_string().into()),
    ];
    for (form, content_type, body) in forms {
        let answer = site.send(EVENTS, content_type, body).await;
        assert_eq!(answer.status, 200, "{form}: {answer:?}");
        assert_eq!(answer.json["recorded"], 2, "{form}: {answer:?}");
        assert_eq!(answer.json["sessions"][0]["seq"], 1, "{form}: {answer:?}");
    }
    let states = site.states().await;
    assert_eq!(states.len(), 7);
    assert!(states.iter().all(|state| state.position_ms == 10_000 && state.facts == 2));
}

#[actix_web::test]
async fn a_beacon_of_one_fact_is_recorded() {
    let site = Site::start().await;
    let body = fact(1, 0, "started", 0).to_string().into_bytes();
    let answer = site.send(EVENTS, Some("text/plain"), body).await;
    assert_eq!(answer.recorded(), 1);
}

#[actix_web::test]
async fn blank_lines_are_passed_over_and_not_counted() {
    let site = Site::start().await;
    let (first, last) = (fact(1, 0, "started", 0), fact(1, 1, "unheard of", 10));
    let body = format!("\r\n\n{first}\r\n   \n\n{last}\n\n");
    let answer = site.send(EVENTS, Some("application/x-ndjson"), body.into()).await;
    assert_eq!(answer.recorded(), 1);
    assert_eq!(answer.json["refused"][0]["index"], 1, "{answer:?}");
}

#[actix_web::test]
async fn other_types_are_refused_and_say_what_is_read() {
    let site = Site::start().await;
    for content_type in ["application/xml", "multipart/form-data; boundary=x", "image/png", "json"]
    {
        let body = fact(1, 0, "started", 0).to_string().into();
        let answer = site.send(EVENTS, Some(content_type), body).await;
        let detail = answer.problem(415, "unsupported_media_type");
        assert!(detail.contains("application/json"), "{detail}");
    }
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn a_packed_body_is_unpacked() {
    let site = Site::start().await;
    let packed = gzipped(lines(&[fact(1, 0, "started", 0), fact(1, 1, "progressed", 10)])).await;
    let request = site.request("POST", EVENTS).header("content-encoding", "gzip");
    let request = request.header("content-type", "application/x-ndjson").body(packed);
    assert_eq!(site.ask(request).await.recorded(), 2);
}

#[actix_web::test]
async fn sending_the_same_again_adds_nothing() {
    let site = Site::start().await;
    let body = json!({"events": [fact(1, 0, "started", 0), fact(1, 1, "progressed", 10)]});
    assert_eq!(site.post(EVENTS, &body).await.recorded(), 2);
    let again = site.post(EVENTS, &body).await;
    assert_eq!((&again.json["recorded"], &again.json["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(again.json["sessions"][0]["seq"], 1, "{again:?}");
    assert_eq!(site.states().await[0].facts, 2);
}

#[actix_web::test]
async fn what_a_devices_clock_lacks_is_learnt_from_when_it_sent() {
    let site = Site::start().await;
    let mut alone = fact(1, 0, "started", 0);
    alone["sent_at"] = json!(at(3_600 - 600));
    site.post(EVENTS, &alone).await;
    let list = json!({"sent_at": at(3_600 + 1_200), "events": [fact(2, 0, "started", 0)]});
    site.post(EVENTS, &list).await;
    let mut line = fact(3, 0, "started", 0);
    line["sent_at"] = json!(at(3_600 - 60));
    site.send(EVENTS, Some("application/x-ndjson"), lines(&[line])).await;
    let offsets = [(1, Some(600_000)), (2, Some(-1_200_000)), (3, Some(60_000))];
    for (number, offset_ms) in offsets {
        assert_eq!(site.state(number).await.clock_offset_ms, offset_ms, "session {number}");
    }
}

#[actix_web::test]
async fn a_list_whose_sending_time_is_no_time_is_refused() {
    let site = Site::start().await;
    let list = json!({"sent_at": "yesterday", "events": [fact(1, 0, "started", 0)]});
    site.post(EVENTS, &list).await.problem(422, "invalid_event");
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn a_sending_time_and_a_list_that_are_null_count_as_absent() {
    let site = Site::start().await;
    let list = json!({"sent_at": null, "events": [fact(1, 0, "started", 0)]});
    assert_eq!(site.post(EVENTS, &list).await.recorded(), 1);
    let mut alone = fact(1, 1, "progressed", 10);
    alone["events"] = Value::Null;
    assert_eq!(site.post(EVENTS, &alone).await.recorded(), 1);
}

#[actix_web::test]
async fn an_empty_list_records_nothing_and_is_no_mistake() {
    let site = Site::start().await;
    let answer = site.post(EVENTS, &json!({"sent_at": at(3_600), "events": []})).await;
    assert_eq!((answer.status, &answer.json["recorded"]), (200, &json!(0)), "{answer:?}");
}

#[actix_web::test]
async fn facts_of_many_accounts_go_each_to_its_own() {
    let site = Site::start().await;
    let of = |account: &str, number, seq, kind| {
        let mut fact = fact(number, seq, kind, 0);
        fact["account"] = json!(account);
        fact
    };
    let events = [
        of("home", 1, 0, "started"),
        of("next door", 2, 0, "started"),
        of("home", 1, 1, "progressed"),
        of("next door", 2, 1, "progressed"),
        fact(3, 0, "started", 0),
    ];
    let answer = site.post("/v1/events", &json!({"events": events})).await;
    assert_eq!(answer.recorded(), 4);
    assert_eq!(answer.json["sessions"].as_array().unwrap().len(), 2, "{answer:?}");
    let refused = &answer.json["refused"][0];
    assert_eq!((&refused["index"], &refused["code"]), (&json!(4), &json!("invalid_event")));
    assert!(refused["detail"].as_str().unwrap().contains("account"), "{refused}");
    for account in [home(), id("next door")] {
        assert_eq!(site.states_of(&account).await.len(), 1, "{account}");
    }
}

#[actix_web::test]
async fn a_fact_may_repeat_the_account_of_the_path_but_not_name_another() {
    let site = Site::start().await;
    let mut same = fact(1, 0, "started", 0);
    same["account"] = json!("home");
    let mut other = fact(2, 0, "started", 0);
    other["account"] = json!("next door");
    let answer = site.post(EVENTS, &json!({"events": [same, other]})).await;
    assert_eq!(answer.recorded(), 1);
    assert_eq!(answer.json["refused"][0]["code"], "invalid_event", "{answer:?}");
    assert!(site.states_of(&id("next door")).await.is_empty());
}

#[actix_web::test]
async fn private_facts_are_counted_and_kept_nowhere() {
    let site = Site::start().await;
    let mut private = fact(1, 0, "started", 0);
    private["private"] = json!(true);
    let mut open = fact(2, 0, "started", 0);
    open["private"] = json!(false);
    let answer = site.post(EVENTS, &json!({"events": [private, open]})).await;
    assert_eq!((answer.recorded(), &answer.json["private"]), (1, &json!(1)), "{answer:?}");
    assert_eq!(answer.json["refused"], json!([]));
    let states = site.states().await;
    assert!(states.iter().all(|state| state.session == session(2)), "{states:?}");
    let alone = site.post(EVENTS, &private).await;
    assert_eq!((alone.status, &alone.json["private"]), (200, &json!(1)), "{alone:?}");
    assert_eq!(alone.json["sessions"], json!([]), "{alone:?}");
}

#[actix_web::test]
async fn unknown_fields_are_passed_over() {
    let site = Site::start().await;
    let mut fact = fact(1, 0, "started", 0);
    fact["mood"] = json!({"events": [1, {"deep": [null]}]});
    assert_eq!(site.post(EVENTS, &fact).await.recorded(), 1);
}

#[actix_web::test]
async fn a_list_may_be_in_any_order_and_is_folded_in_its_own() {
    let site = Site::start().await;
    let events: Vec<Value> = [3, 1, 0, 2]
        .map(|seq| fact(1, seq, if seq == 0 { "started" } else { "progressed" }, seq.into()))
        .into();
    assert_eq!(site.post(EVENTS, &json!({"events": events})).await.recorded(), 4);
    let state = site.state(1).await;
    assert_eq!((state.position_ms, state.missing.is_empty()), (3_000, true));
}
