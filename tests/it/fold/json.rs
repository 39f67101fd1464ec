//! Facts as JSON: read exactly, written back exactly, refused by name.

use std::borrow::Cow;

use proptest::prelude::*;
use viewlog::events::json::{FactJson, NotAFact};
use viewlog::events::{AccountId, Fact, Kind, Media, Reason};

use super::{dawn, session};

const WHOLE: &str = r#"{"account":"home","profile":"anna",
 "session":"0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40","seq":3,"kind":"seeked",
 "at":"2026-11-23T05:00:30.000Z","sent_at":"2026-11-23T05:00:31.000Z",
 "position_ms":812000,"from_ms":790000,"title":"tt0944947:s1e3","duration_ms":3600000,"rate":1.5,
 "device":"living-room-tv","media":"episode","name":"The Kingsroad","series":"Game of Thrones",
 "season":1,"episode":3,"autoplay":true,"private":false,"source":"netflix","source_session":"7",
 "bookmark":true,"ref":"r1","something_new":{"of":["a later version"]}}"#;

fn read(text: &str) -> Fact {
    FactJson::parse(text.as_bytes()).expect("JSON").fact().expect("a fact")
}

fn refused(text: &str) -> String {
    match FactJson::parse(text.as_bytes()) {
        Err(NotAFact::Invalid(detail)) => detail,
        Ok(json) => match json.fact() {
            Err(detail) => detail,
            Ok(fact) => panic!("{text} was taken as {fact:?}"),
        },
        Err(NotAFact::Malformed(detail)) => panic!("{text} is JSON, but: {detail}"),
    }
}

#[test]
fn every_field_of_the_contract_is_read_and_unknown_ones_are_passed_over() {
    let json = FactJson::parse(WHOLE.as_bytes()).expect("JSON");
    assert_eq!(json.account(), Ok(AccountId::new("home").ok()));
    assert_eq!((json.reference.as_deref(), json.private), (Some("r1"), Some(false)));
    assert_eq!(json.sent_at, Some(dawn(31)));
    let fact = json.fact().expect("a fact");
    assert_eq!((fact.seq, fact.kind, fact.at), (Some(3), Kind::Seeked, Some(dawn(30))));
    assert_eq!((fact.position_ms, fact.from_ms), (812_000, Some(790_000)));
    assert_eq!((fact.rate, fact.duration_ms), (Some(1.5), Some(3_600_000)));
    let about = fact.about.expect("display data");
    assert_eq!(about.profile.map(|id| id.to_string()).as_deref(), Some("anna"));
    assert_eq!(about.title.map(|id| id.to_string()).as_deref(), Some("tt0944947:s1e3"));
    assert_eq!(about.device.map(|id| id.to_string()).as_deref(), Some("living-room-tv"));
    assert_eq!(about.media, Some(Media::Episode));
    assert_eq!(
        (about.name.as_deref(), about.series.as_deref()),
        (Some("The Kingsroad"), Some("Game of Thrones"))
    );
    assert_eq!((about.season, about.episode, about.autoplay), (Some(1), Some(3), Some(true)));
    assert_eq!(
        (about.source.as_deref(), about.source_session.as_deref()),
        (Some("netflix"), Some("7"))
    );
    assert_eq!(about.bookmark, Some(true));
}

#[test]
fn a_recorded_fact_is_written_as_it_was_read() {
    let account = AccountId::new("home").expect("an id");
    let fact = read(WHOLE);
    let written = serde_json::to_string(&FactJson::of(&account, &fact)).expect("JSON");
    assert_eq!(read(&written), fact);
    assert!(!written.contains("null") && !written.contains("ref"), "{written}");
    let bare = Fact::new(session(), Kind::Started, 0);
    let written = serde_json::to_string(&FactJson::of(&account, &bare)).expect("JSON");
    assert_eq!(read(&written), bare);
    let stop = Fact { reason: Some(Reason::TakenOver), ..Fact::new(session(), Kind::Stopped, 5) };
    let written = serde_json::to_string(&FactJson::of(&account, &stop)).expect("JSON");
    assert_eq!(read(&written), stop);
}

#[test]
fn reading_a_fact_copies_no_text() {
    let json = FactJson::parse(WHOLE.as_bytes()).expect("JSON");
    for text in [&json.account, &json.profile, &json.session, &json.kind, &json.title, &json.name] {
        assert!(matches!(text, Some(Cow::Borrowed(_))), "{text:?} was copied");
    }
    let escaped = FactJson::parse(br#"{"name":"caf\u00e9"}"#).expect("JSON");
    assert_eq!(escaped.name.as_deref(), Some("café"), "an escape cannot be borrowed");
}

#[test]
fn an_explicit_null_is_as_good_as_absent() {
    let text = r#"{"session":"0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40","kind":"started",
        "position_ms":0,"seq":null,"at":null,"title":null,"rate":null,"reason":null}"#;
    let fact = read(text);
    assert_eq!((fact.seq, fact.at, fact.about), (None, None, None));
}

#[test]
fn what_is_not_json_is_malformed() {
    for text in ["", "{", "started", "{\"seq\":}", "{\"a\":1}}", "\u{0}"] {
        let refusal = FactJson::parse(text.as_bytes()).expect_err("not JSON");
        assert!(matches!(&refusal, NotAFact::Malformed(_)), "{text:?}: {refusal:?}");
    }
    assert!(matches!(FactJson::parse(b"{\"name\":\"\xff\"}"), Err(NotAFact::Malformed(_))));
}

#[test]
fn json_that_is_no_object_is_refused_as_such() {
    for text in ["[]", " [\"home\"]", "7", "\"started\"", "null", "true"] {
        assert_eq!(refused(text), "a fact is a JSON object", "{text}");
    }
}

#[test]
fn a_wrong_type_names_its_field_and_what_would_be_right() {
    let cases = [
        (r#"{"seq":-1}"#, "seq is not a whole number"),
        (r#"{"seq":"3"}"#, "seq is not a whole number"),
        (r#"{"seq":4294967296}"#, "seq is not a whole number"),
        (r#"{"position_ms":1.5}"#, "position_ms is not a whole number of milliseconds"),
        (r#"{"position_ms":-4}"#, "position_ms is not a whole number of milliseconds"),
        (r#"{"duration_ms":1e30}"#, "duration_ms is not a whole number of milliseconds"),
        (r#"{"from_ms":[]}"#, "from_ms is not a whole number of milliseconds"),
        (r#"{"at":1795410000000}"#, "at is not an RFC 3339 time"),
        (r#"{"at":"yesterday"}"#, "at is not an RFC 3339 time"),
        (r#"{"sent_at":"1969-01-01T00:00:00Z"}"#, "sent_at is not an RFC 3339 time"),
        (r#"{"session":7}"#, "session is not a text"),
        (r#"{"title":{"id":1}}"#, "title is not a text"),
        (r#"{"ref":5}"#, "ref is not a text"),
        (r#"{"kind":5}"#, "kind is not a text"),
        (r#"{"rate":"fast"}"#, "rate is not a number"),
        (r#"{"reason":"bored"}"#, "reason is not one of ended, user"),
        (r#"{"media":"book"}"#, "media is not one of movie, episode"),
        (r#"{"season":-1}"#, "season is not a whole number"),
        (r#"{"private":"yes"}"#, "private is not true or false"),
        (r#"{"bookmark":1}"#, "bookmark is not true or false"),
    ];
    for (text, expected) in cases {
        let detail = refused(text);
        assert!(detail.starts_with(expected), "{text}: {detail}");
    }
}

#[test]
fn a_field_given_twice_is_refused_by_name() {
    let detail = refused(r#"{"seq":1,"seq":2}"#);
    assert!(detail.contains("seq"), "{detail}");
}

#[test]
fn what_is_missing_is_named() {
    let session = r#""session":"0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40""#;
    let cases = [
        ("{}".to_owned(), "session is missing"),
        (format!("{{{session}}}"), "position_ms is missing"),
        (format!("{{{session},\"position_ms\":1}}"), "kind is missing; it is started, progressed"),
        (
            format!("{{{session},\"position_ms\":1,\"kind\":\"play\"}}"),
            "kind \"play\" is not known",
        ),
        (r#"{"session":"abc","position_ms":1}"#.to_owned(), "session: \"abc\" is not a UUID"),
        (
            format!("{{{session},\"position_ms\":1,\"kind\":\"started\",\"title\":\"\"}}"),
            "title is empty",
        ),
    ];
    for (text, expected) in cases {
        let detail = refused(&text);
        assert!(detail.starts_with(expected), "{text}: {detail}");
    }
    let account = FactJson::parse(br#"{"account":""}"#).expect("JSON").account().unwrap_err();
    assert!(account.starts_with("account is empty"), "{account}");
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(json) = FactJson::parse(&bytes) {
            let _ = (json.fact(), json.account());
        }
    }

    #[test]
    fn no_change_of_a_good_fact_breaks_the_reader(
        at in 0..WHOLE.len(), byte: u8, cut in 0..WHOLE.len()
    ) {
        let mut bytes = WHOLE.as_bytes().to_vec();
        bytes[at] = byte;
        for text in [&bytes[..], &bytes[..cut], &bytes[cut..]] {
            if let Ok(json) = FactJson::parse(text) {
                let _ = json.fact().map(|fact| fact.check(dawn(0)));
            }
        }
    }
}
