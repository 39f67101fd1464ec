//! Ids, weeks and instants.

use std::collections::BTreeSet;

use proptest::prelude::*;
use viewlog::events::{AccountId, Clock, IdError, ManualClock, Scope, SessionId, Timestamp, Week};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn week_of(text: &str) -> u32 {
    SessionId::derived(at(text), 9).week().number()
}

#[test]
fn an_id_is_one_to_128_bytes_of_printable_text() {
    let id = |text: &str| AccountId::new(text).map(|id| id.to_string());
    assert_eq!(id(""), Err(IdError::Empty));
    assert_eq!(id(&"ü".repeat(64)), Ok("ü".repeat(64)));
    assert_eq!(id(&"ü".repeat(65)), Err(IdError::TooLong));
    assert_eq!(id("a\0b"), Err(IdError::NotPrintable));
    assert_eq!(id("a\u{85}b"), Err(IdError::NotPrintable));
    assert_eq!(id("tt0944947:s1e3 / «x»"), Ok("tt0944947:s1e3 / «x»".to_owned()));
}

#[test]
fn a_session_id_is_a_uuid_of_version_seven_and_a_refusal_says_so() {
    let text = "0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40";
    let session = SessionId::parse(text).expect("version 7");
    assert_eq!(session.to_string(), text);
    assert_eq!(SessionId::parse("0199F3C47D117C3E8A520B9C1D2E3F40"), Ok(session));
    assert_eq!(SessionId::from_bytes(*session.as_bytes()), Ok(session));
    let wrong = SessionId::parse("0199f3c4-7d11-4c3e-8a52-0b9c1d2e3f40").unwrap_err();
    assert!(wrong.contains("version 4") && wrong.contains("UUIDv7"), "{wrong}");
    let wrong = SessionId::parse("netflix").unwrap_err();
    assert!(wrong.contains("\"netflix\"") && wrong.contains("UUIDv7"), "{wrong}");
    assert!(SessionId::from_bytes([0; 16]).is_err());
}

#[test]
fn a_fresh_id_is_of_its_own_time_and_no_other() {
    let now = at("2026-11-23T05:00:00Z");
    let ids: BTreeSet<_> = (0..1000).map(|_| SessionId::fresh(now)).collect();
    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| id.time() == now));
}

#[test]
fn a_week_is_the_iso_week_of_the_ids_own_time() {
    assert_eq!(week_of("2026-11-23T00:00:00.000Z"), 202_648);
    assert_eq!(week_of("2026-11-22T23:59:59.999Z"), 202_647);
    assert_eq!(week_of("2027-01-03T23:59:59.999Z"), 202_653, "an ISO year may have 53 weeks");
    assert_eq!(week_of("2024-12-30T00:00:00.000Z"), 202_501, "and begin in December");
    assert_eq!(week_of("2015-01-01T00:00:00.000Z"), 201_501);
}

#[test]
fn ids_before_2015_spread_over_64_pseudo_weeks() {
    let old = at("2014-12-31T23:59:59.999Z");
    let weeks: BTreeSet<u32> =
        (0..256).map(|random| SessionId::derived(old, random).week().number()).collect();
    assert_eq!(weeks, (1..=64).collect());
    let epoch = SessionId::derived(Timestamp::default(), 3).week();
    assert!((1..=64).contains(&epoch.number()));
}

#[test]
fn a_week_ends_on_monday_and_the_others_never_close() {
    let end = |number| Week::from_number(number).end();
    assert_eq!(end(202_648), Some(at("2026-11-30T00:00:00Z")));
    assert_eq!(end(202_653), Some(at("2027-01-04T00:00:00Z")));
    assert_eq!(Week::PERSON.end(), None);
    assert_eq!(end(64), None);
    assert_eq!(end(202_599), None, "no such week");
    assert_eq!(end(u32::MAX), None);
}

#[test]
fn an_instant_is_written_in_utc_with_milliseconds() {
    assert_eq!(at("2026-11-23T06:00:30+01:00").to_string(), "2026-11-23T05:00:30.000Z");
    assert_eq!(at("2026-11-23T05:00:30.1239Z").to_string(), "2026-11-23T05:00:30.123Z");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    for wrong in ["2026-11-23", "1795410000000", "", "2026-13-01T00:00:00Z"] {
        let refusal = Timestamp::parse(wrong).unwrap_err();
        assert!(refusal.contains("RFC 3339 time such as 2026"), "{refusal}");
    }
    let refusal = Timestamp::parse("1969-12-31T23:59:59Z").unwrap_err();
    assert!(refusal.contains("between the years 1970 and 9999"), "{refusal}");
}

#[test]
fn a_manual_clock_stands_still_until_it_is_moved() {
    let clock = ManualClock::new(at("2026-11-23T05:00:00Z"));
    assert_eq!(clock.now(), clock.now());
    clock.advance_ms(1500);
    assert_eq!(clock.now(), at("2026-11-23T05:00:01.500Z"));
    clock.set(at("2026-11-23T04:00:00Z"));
    assert_eq!(clock.now(), at("2026-11-23T04:00:00Z"));
}

#[test]
fn what_was_erased_is_kept_as_a_hash_that_never_changes() {
    let anna = || viewlog::events::Id::new("anna").expect("an id");
    let title = || viewlog::events::Id::new("tt1").expect("an id");
    let session = SessionId::derived(at("2026-11-23T05:00:00Z"), 7);
    let scopes = [
        Scope::Account,
        Scope::Profile(anna()),
        Scope::Title(anna(), title()),
        Scope::Session(session),
    ];
    let keys: Vec<String> = scopes.iter().map(|scope| format!("{:032x}", scope.key())).collect();
    assert_eq!(
        keys,
        [
            "ae48a04aa1541c0eb13980f41b5c112d",
            "be90407742aa810487d9d95b8e902783",
            "9ee52cdfddf28508c16b8c17feaeb6a8",
            "0dd6e573f6836c523342e012ee2f01bb",
        ]
    );
}

proptest! {
    #[test]
    fn an_instant_reads_back_as_it_was_written(ms in 0..=Timestamp::MAX.ms()) {
        let instant = Timestamp::from_ms(ms);
        prop_assert_eq!(instant.ms(), ms);
        prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
    }

    #[test]
    fn instants_never_leave_their_range(ms: i64, by: i64) {
        let instant = Timestamp::from_ms(ms).plus_ms(by);
        prop_assert!((Timestamp::default()..=Timestamp::MAX).contains(&instant));
    }

    #[test]
    fn a_derived_id_keeps_its_time_its_place_and_its_form(
        ms in 0..(1_i64 << 47), later in 1..1_000_000_i64, random: u128
    ) {
        let id = SessionId::derived(Timestamp::from_ms(ms), random);
        prop_assert_eq!(id.time(), Timestamp::from_ms(ms));
        prop_assert_eq!(SessionId::from_bytes(*id.as_bytes()), Ok(id));
        prop_assert_eq!(SessionId::derived(Timestamp::from_ms(ms), random), id);
        prop_assert!(SessionId::derived(Timestamp::from_ms(ms).plus_ms(later), 0) > id);
        let in_week = id.week().end().is_none_or(|end| end > id.time());
        prop_assert!(in_week);
    }

    #[test]
    fn no_text_breaks_an_id_or_an_instant(text: String) {
        let _ = AccountId::new(&text);
        let _ = SessionId::parse(&text);
        let _ = Timestamp::parse(&text);
    }
}
