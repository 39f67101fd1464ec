//! Order inside a session: numbers, clocks, gaps, conflicts, and who names the title.

use viewlog::events::{About, Event, Fact, Id, Intervals, Kind, Phase, Reason, State, fold};

use super::{dawn, event, fact, folded, of_set, session, unnumbered};

fn about(profile: Option<&str>, title: Option<&str>, name: Option<&str>) -> Option<Box<About>> {
    Some(Box::new(About {
        profile: profile.map(id),
        title: title.map(id),
        name: name.map(Into::into),
        ..About::default()
    }))
}

fn id<K>(text: &str) -> Id<K> {
    Id::new(text).expect("an id")
}

#[test]
fn numbers_decide_the_order_whatever_the_clock_says() {
    let state = folded([
        fact(2, Kind::Progressed, 5, 20),
        fact(0, Kind::Started, 10, 0),
        fact(1, Kind::Progressed, 20, 10),
    ]);
    assert_eq!(state.position_ms, 20_000);
    assert_eq!(state.seq, 2);
    assert_eq!(state.facts, 3);
    assert_eq!(state.started_at(), dawn(10));
    assert_eq!(state.last_at(), dawn(5));
}

#[test]
fn a_player_that_cannot_number_is_ordered_by_its_clock() {
    let state = folded([
        unnumbered(Kind::Progressed, 20, 20),
        unnumbered(Kind::Started, 0, 0),
        unnumbered(Kind::Progressed, 10, 10),
    ]);
    assert_eq!(state.position_ms, 20_000);
    assert_eq!(state.seq, dawn(20).ms().unsigned_abs());
    assert_eq!(state.played_ms, 20_000);
    assert!(state.missing.is_empty(), "a clock has no gaps");
}

#[test]
fn a_player_without_number_or_clock_is_ordered_by_receipt() {
    let silent = Fact::new(session(), Kind::Started, 0);
    let event = Event::new(silent, dawn(3), None);
    assert_eq!(event.order.seq, dawn(3).ms().unsigned_abs());
    assert_eq!(event.at(), dawn(3));
}

#[test]
fn two_unnumbered_facts_of_one_millisecond_are_both_kept() {
    let state = folded([
        unnumbered(Kind::Started, 0, 0),
        unnumbered(Kind::Progressed, 10, 10),
        unnumbered(Kind::Paused, 10, 10),
    ]);
    assert_eq!(state.facts, 3);
    assert!(!state.conflict);
}

#[test]
fn a_repeated_fact_is_one_event() {
    let heartbeat = fact(1, Kind::Progressed, 10, 10);
    let state = folded([fact(0, Kind::Started, 0, 0), heartbeat.clone(), heartbeat]);
    assert_eq!(state.facts, 2);
    assert!(!state.conflict);
}

#[test]
fn a_retry_that_adds_display_data_is_the_same_event() {
    let bare = event(fact(1, Kind::Progressed, 10, 10));
    let mut told = fact(1, Kind::Progressed, 10, 10);
    told.about = about(Some("anna"), Some("tt1"), Some("A name"));
    told.duration_ms = Some(3_600_000);
    assert_eq!(bare.order, event(told).order);
}

#[test]
fn every_moving_field_makes_another_event() {
    let before = fact(1, Kind::Seeked, 10, 10);
    let changed = [
        Fact { kind: Kind::Paused, ..before.clone() },
        Fact { at: Some(dawn(11)), ..before.clone() },
        Fact { at: None, ..before.clone() },
        Fact { position_ms: 10_001, ..before.clone() },
        Fact { from_ms: Some(0), ..before.clone() },
        Fact { rate: Some(1.0), ..before.clone() },
        Fact { reason: Some(Reason::Ended), ..before.clone() },
    ];
    let known = event(before).order;
    for fact in changed {
        let order = event(fact.clone()).order;
        assert_eq!(order.seq, known.seq);
        assert_ne!(order.fingerprint, known.fingerprint, "{fact:?}");
    }
}

#[test]
fn two_facts_with_one_number_are_both_kept_in_order_and_flagged() {
    let one = event(fact(1, Kind::Progressed, 10, 10));
    let other = event(fact(1, Kind::Progressed, 10, 11));
    let last = if one.order > other.order { &one } else { &other };
    let state = of_set(vec![event(fact(0, Kind::Started, 0, 0)), one.clone(), other.clone()]);
    assert!(state.conflict);
    assert_eq!(state.facts, 3);
    assert_eq!(state.position_ms, last.fact.position_ms);
    assert!(!state.is_gapless());
}

#[test]
fn a_gap_is_accepted_and_remembered() {
    let state = folded([
        fact(0, Kind::Started, 0, 0),
        fact(3, Kind::Progressed, 30, 30),
        fact(7, Kind::Progressed, 70, 70),
    ]);
    assert_eq!(state.missing, [(1, 3), (4, 7)].into_iter().collect::<Intervals>());
    assert!(!state.is_gapless());
}

#[test]
fn a_session_that_starts_late_misses_its_beginning() {
    let state = folded([fact(2, Kind::Progressed, 20, 20)]);
    assert_eq!(state.missing, [(0, 2)].into_iter().collect::<Intervals>());
    assert_eq!(state.phase, Phase::Playing);
}

#[test]
fn a_late_fact_closes_its_gap_as_if_it_had_never_been_late() {
    let tape = [
        fact(0, Kind::Started, 0, 0),
        fact(1, Kind::Paused, 10, 10),
        fact(2, Kind::Resumed, 60, 10),
        fact(3, Kind::Progressed, 70, 20),
    ];
    let without = folded([tape[0].clone(), tape[2].clone(), tape[3].clone()]);
    assert!(!without.is_gapless());
    let with = folded([tape[0].clone(), tape[2].clone(), tape[3].clone(), tape[1].clone()]);
    assert_eq!(with, folded(tape));
    assert!(with.is_gapless());
}

#[test]
fn a_snapshot_may_only_be_taken_of_a_numbered_state_that_misses_nothing() {
    assert!(folded([fact(0, Kind::Started, 0, 0)]).is_gapless());
    assert!(!folded([fact(1, Kind::Started, 0, 0)]).is_gapless());
    assert!(!folded([unnumbered(Kind::Started, 0, 0)]).is_gapless());
    let mixed = [fact(0, Kind::Started, 0, 0), unnumbered(Kind::Progressed, 10, 10)];
    assert!(!folded(mixed).is_gapless());
}

#[test]
fn nothing_folds_to_nothing_and_a_snapshot_alone_to_itself() {
    assert_eq!(fold(None, []), None);
    let state = folded([fact(0, Kind::Started, 0, 0)]);
    assert_eq!(fold(Some(state.clone()), []), Some(state));
}

#[test]
fn the_lowest_fact_that_names_a_field_decides_it() {
    let name = |state: &State| {
        let about = &state.about;
        (
            about.profile.as_ref().map(ToString::to_string),
            about.title.as_ref().map(ToString::to_string),
            about.name.as_deref().map(str::to_owned),
        )
    };
    let mut tape = [
        fact(0, Kind::Started, 0, 0),
        fact(1, Kind::Progressed, 10, 10),
        fact(2, Kind::Progressed, 20, 20),
    ];
    tape[1].about = about(Some("anna"), Some("tt1"), None);
    tape[2].about = about(Some("ben"), Some("tt2"), Some("The name"));
    let text = |text: &str| Some(text.to_owned());
    let [first, second, third] = tape;
    let state = folded([third.clone(), second, first.clone()]);
    assert_eq!(name(&state), (text("anna"), text("tt1"), text("The name")));
    let state = folded([third, first]);
    assert_eq!(name(&state), (text("ben"), text("tt2"), text("The name")));
}

#[test]
fn what_a_session_is_known_to_be_about_can_be_left_out_of_later_rows() {
    let mut told = fact(0, Kind::Started, 0, 0);
    told.about = about(Some("anna"), Some("tt1"), Some("Name"));
    let mut again = fact(1, Kind::Progressed, 10, 10);
    again.about.clone_from(&told.about);
    let known = told.about.as_deref().expect("said above");
    assert_eq!(again.about.as_deref().expect("said above").beyond(known), None);
    let lean = fact(1, Kind::Progressed, 10, 10);
    assert_eq!(folded([told.clone(), again]), folded([told, lean]));
}
