//! viewlog's own lines: what is written is read back as it was, and nothing else is taken.

use std::sync::Arc;

use proptest::prelude::*;
use viewlog::adapters::viewlog::{read_line, write_event, write_mark, write_state};
use viewlog::events::{
    About, Event, Fact, Id, Intervals, Kind, Mark, MarkKind, Media, Phase, Reason, Record,
    Restored, SessionId, Stamp, State, Timestamp, fold,
};

use crate::support::{at, event, fact, home, id, session, watch};

const MINUTE_MS: i64 = 60_000;
const REASONS: [Reason; 5] =
    [Reason::Ended, Reason::User, Reason::Error, Reason::TakenOver, Reason::Idle];
const MEDIA: [Media; 6] =
    [Media::Movie, Media::Episode, Media::Live, Media::Trailer, Media::Clip, Media::Audio];

fn back(line: &str) -> Record {
    let (account, record) = read_line(line).expect("our own line");
    assert_eq!(account, Some(home()));
    record
}

#[test]
fn an_event_is_the_fact_as_it_was_sent_and_its_receipt() {
    let mut event = event(fact(session(1), 3, Kind::Progressed, 30));
    event.offset_ms = Some(2 * MINUTE_MS);
    let line = write_event(&home(), &event);
    let expected = format!(
        "{{\"account\":\"home\",\"profile\":\"anna\",\"session\":\"{}\",\"seq\":3,\
         \"kind\":\"progressed\",\"at\":\"2026-11-23T05:00:30.000Z\",\"position_ms\":30000,\
         \"title\":\"film\",\"duration_ms\":3600000,\"device\":\"tv\",\
         \"received_at\":\"2026-11-23T05:00:31.000Z\",\"clock_offset_ms\":120000}}",
        session(1)
    );
    assert_eq!(line, expected);
    assert_eq!(back(&line), Record::Event(event));
}

#[test]
fn a_word_is_named_by_its_kind() {
    let mark = Mark {
        command: session(7),
        profile: id("anna"),
        at: at(0),
        received_at: at(1),
        kind: MarkKind::PositionSet { title: id("film"), position_ms: 5 },
    };
    let line = write_mark(&home(), &mark);
    let expected = format!(
        "{{\"account\":\"home\",\"command\":\"{}\",\"profile\":\"anna\",\
         \"at\":\"2026-11-23T05:00:00.000Z\",\"received_at\":\"2026-11-23T05:00:01.000Z\",\
         \"kind\":\"position_set\",\"title\":\"film\",\"position_ms\":5}}",
        session(7)
    );
    assert_eq!(line, expected);
}

#[test]
fn a_session_of_which_only_the_state_is_left_is_one_line() {
    let mut state = fold(None, &watch(session(1), 40)).expect("a session");
    state.compacted_through = Some(state.seq);
    let line = write_state(&home(), &state);
    assert!(line.contains("\"kind\":\"session\"") && !line.contains('\n'), "{line}");
    assert_eq!(back(&line), Record::Snapshot(state));
}

#[test]
fn unknown_fields_are_passed_over_and_an_account_may_be_missing() {
    let event = event(fact(session(1), 0, Kind::Started, 0));
    let line = write_event(&home(), &event).replacen("\"account\":\"home\"", "\"new\":{}", 1);
    assert_eq!(read_line(&line), Ok((None, Record::Event(event))));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let event = write_event(&home(), &event(fact(session(1), 0, Kind::Stopped, 0)));
    let mut state = fold(None, &watch(session(1), 4)).expect("a session");
    state.watched.add(90_000, 95_000);
    let state = write_state(&home(), &state);
    let without = |line: &str, field: &str| line.replace(&format!("\"{field}\""), "\"x\"");
    let cases = [
        (String::new(), "EOF"),
        ("[]".to_owned(), "invalid"),
        ("{}".to_owned(), "kind \"\" is not known; it is started, progressed"),
        ("{\"kind\":\"rated\"}".to_owned(), "title_shown, marked_watched"),
        ("{\"kind\":\"undone\"}".to_owned(), "missing field `command`"),
        (without(&event, "received_at"), "missing field `received_at`"),
        (without(&event, "position_ms"), "position_ms is missing"),
        (event.replace("\"home\"", "\"\""), "is empty"),
        (event.replacen('{', "{\"clock_offset_ms\":1,", 1), "clock_offset_ms is 1; it is whole"),
        (event.replacen('{', "{\"rate\":-1,", 1), "rate is not between 0 and 100"),
        (event.replace("2026-11-23T05:00:01", "2020-01-01T00:00:00"), "24 h in the future"),
        (without(&state, "furthest_ms"), "missing field `furthest_ms`"),
        (without(&state, "rate"), "rate is missing"),
        (without(&state, "reason"), "reason is missing; a session that ended has one"),
        (state.replace("[90000,95000]", "[95000,90000]"), "watched is not a list of ascending"),
    ];
    for (line, expected) in cases {
        let refusal = read_line(&line).expect_err(&line);
        assert!(refusal.contains(expected), "{line}: {refusal}");
    }
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..=Timestamp::MAX.ms()).prop_map(Timestamp::from_ms)
}

fn any_session() -> impl Strategy<Value = SessionId> {
    (0..=at(0).ms(), any::<u128>())
        .prop_map(|(ms, random)| SessionId::derived(Timestamp::from_ms(ms), random))
}

fn any_id<K>() -> impl Strategy<Value = Id<K>> {
    "\\PC{1,20}".prop_map(|text| Id::new(&text).expect("a printable text"))
}

fn any_text() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of("\\PC{0,20}".prop_map(String::into_boxed_str))
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, 0..=(1_u64 << 53)]
}

/// Rates in thousandths, as players have them.
fn any_rate() -> impl Strategy<Value = f64> {
    (0..=100_000_u32).prop_map(|milli| f64::from(milli) / 1000.0)
}

prop_compose! {
    fn any_about()(
        profile in prop::option::of(any_id()), title in prop::option::of(any_id()),
        device in prop::option::of(any_id()),
        media in prop::option::of(prop::sample::select(&MEDIA[..])),
        texts in [any_text(), any_text(), any_text(), any_text()],
        season: Option<u32>, episode: Option<u32>, autoplay: Option<bool>, bookmark: Option<bool>,
    ) -> About {
        let [name, series, source, source_session] = texts;
        About {
            profile, title, device, media, name, series, season, episode, autoplay, source,
            source_session, bookmark,
        }
    }
}

prop_compose! {
    fn any_event()(
        session in any_session(), seq in prop::option::of(0..10_000_000_u32),
        kind in prop::sample::select(&Kind::ALL[..]), at in prop::option::of(any_time()),
        (position_ms, from_ms) in (any_number(), prop::option::of(any_number())),
        (rate, duration_ms) in (prop::option::of(any_rate()), prop::option::of(any_number())),
        reason in prop::option::of(prop::sample::select(&REASONS[..])), about in any_about(),
        received_ms in T_MIN..=Timestamp::MAX.ms(),
        offset in prop::option::of(-10_000_000..10_000_000_i64),
    ) -> Event {
        let fact = Fact {
            seq, at, rate, duration_ms,
            from_ms: from_ms.filter(|_| kind == Kind::Seeked),
            reason: reason.filter(|_| kind == Kind::Stopped),
            about: (about != About::default()).then(|| Box::new(about)),
            ..Fact::new(session, kind, position_ms)
        };
        let offset_ms = offset.map(|minutes| minutes * MINUTE_MS);
        Event::recorded(fact, Timestamp::from_ms(received_ms), offset_ms)
    }
}

/// No session of the tests is made later than this.
const T_MIN: i64 = crate::support::T0;

prop_compose! {
    fn any_restored()(
        title in any_id(), position_ms in prop::option::of(any_number()), times_finished: u32,
        finished: bool, hidden: bool,
    ) -> Restored {
        Restored { title, position_ms, finished, times_finished, hidden }
    }
}

fn any_word() -> impl Strategy<Value = MarkKind> {
    let restored = prop::collection::vec(any_restored(), 0..4);
    prop_oneof![
        any_id().prop_map(|title| MarkKind::TitleHidden { title }),
        any_id().prop_map(|title| MarkKind::TitleShown { title }),
        (any_id(), prop::option::of(any_time()))
            .prop_map(|(title, watched_at)| MarkKind::MarkedWatched { title, watched_at }),
        any_id().prop_map(|title| MarkKind::MarkedUnwatched { title }),
        (any_id(), any_number())
            .prop_map(|(title, position_ms)| MarkKind::PositionSet { title, position_ms }),
        (any_time(), restored).prop_map(|(since, titles)| MarkKind::Undone { since, titles }),
    ]
}

prop_compose! {
    fn any_mark()(
        command in any_session(), profile in any_id(), at in any_time(),
        received_at in any_time(), kind in any_word(),
    ) -> Mark {
        Mark { command, profile, at, received_at, kind }
    }
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    (any_time(), T_MIN..=Timestamp::MAX.ms())
        .prop_map(|(at, received_ms)| Stamp { at, received_at: Timestamp::from_ms(received_ms) })
}

fn any_stretches() -> impl Strategy<Value = Intervals> {
    prop::collection::vec((any_number(), any_number()), 0..6)
        .prop_map(|pairs| pairs.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Playing),
        Just(Phase::Paused),
        Just(Phase::Stalled),
        prop::sample::select(&REASONS[..]).prop_map(Phase::Ended),
    ]
}

prop_compose! {
    fn any_state()(
        session in any_session(), about in any_about(),
        [started, last, moved] in [any_stamp(), any_stamp(), any_stamp()],
        offset in prop::option::of(-10_000_000..10_000_000_i64),
        [position_ms, furthest_ms, played_ms] in [any_number(), any_number(), any_number()],
        (duration_ms, rate) in (prop::option::of(any_number()), any_rate()),
        (phase, seq, facts) in (any_phase(), any::<u64>(), any::<u32>()),
        [numbered, conflict, seeked, completed, approximate] in any::<[bool; 5]>(),
        [missing, watched] in [any_stretches(), any_stretches()],
    ) -> State {
        State {
            session, about: Arc::new(about), started, last, moved,
            clock_offset_ms: offset.map(|minutes| minutes * MINUTE_MS),
            position_ms, furthest_ms, duration_ms, rate, phase, seq, facts, numbered, missing,
            conflict, seeked, completed, watched, approximate, played_ms,
            compacted_through: Some(seq),
        }
    }
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_was(event in any_event()) {
        prop_assert_eq!(back(&write_event(&home(), &event)), Record::Event(event));
    }

    #[test]
    fn a_mark_comes_back_as_it_was(mark in any_mark()) {
        prop_assert_eq!(back(&write_mark(&home(), &mark)), Record::Mark(mark));
    }

    #[test]
    fn a_state_comes_back_as_it_was(state in any_state()) {
        prop_assert_eq!(back(&write_state(&home(), &state)), Record::Snapshot(state));
    }

    #[test]
    fn no_change_of_a_good_line_breaks_the_reader(
        state in any_state(), mark in any_mark(), at: prop::sample::Index, byte in 32..127_u8,
    ) {
        for line in [write_state(&home(), &state), write_mark(&home(), &mark)] {
            let mut bytes = line.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read_line(&String::from_utf8_lossy(&bytes));
            let _ = read_line(&String::from_utf8_lossy(&bytes[..at]));
        }
    }
}
