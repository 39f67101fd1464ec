//! What counts as played, which phase a session is in, and what a state remembers of it.

use viewlog::events::{Fact, Intervals, Kind, Phase, Reason, State};

use super::{fact, folded};

fn watched(state: &State) -> Vec<(u64, u64)> {
    state.watched.as_slice().iter().map(|(from, to)| (from / 1000, to / 1000)).collect()
}

fn stretch(elapsed_s: i64, to_ms: u64, rate: Option<f64>) -> State {
    let started = Fact { rate, ..fact(0, Kind::Started, 0, 0) };
    folded([started, Fact { position_ms: to_ms, ..fact(1, Kind::Progressed, elapsed_s, 0) }])
}

#[test]
fn a_stretch_counts_up_to_a_quarter_and_five_seconds_more_than_the_time_it_took() {
    let just = stretch(10, 17_500, None);
    assert_eq!((just.played_ms, just.seeked), (17_500, false));
    assert_eq!(just.furthest_ms, 17_500);
    let over = stretch(10, 17_501, None);
    assert_eq!((over.played_ms, over.seeked), (0, true));
    assert_eq!(over.position_ms, 17_501, "the position is where the player says");
    assert_eq!(over.furthest_ms, 0, "a jump reaches nothing by playing");
}

#[test]
fn the_rate_stretches_what_can_have_been_played() {
    assert_eq!(stretch(10, 30_000, Some(2.0)).played_ms, 30_000);
    assert_eq!(stretch(10, 30_001, Some(2.0)).played_ms, 0);
    assert_eq!(stretch(100, 70_000, Some(0.5)).played_ms, 0);
}

#[test]
fn a_new_rate_counts_from_the_fact_that_names_it_and_lasts() {
    let fast = Fact { rate: Some(2.0), ..fact(1, Kind::Progressed, 10, 10) };
    let tape = [
        fact(0, Kind::Started, 0, 0),
        fast,
        fact(2, Kind::Progressed, 20, 30),
        fact(3, Kind::Progressed, 30, 50),
    ];
    let state = folded(tape);
    assert_eq!((state.played_ms, state.rate), (50_000, 2.0));
}

#[test]
fn nothing_is_played_backwards_and_a_small_step_back_is_no_seek() {
    let tape = [fact(0, Kind::Started, 0, 100), fact(1, Kind::Progressed, 10, 96)];
    let state = folded(tape);
    assert_eq!((state.played_ms, state.seeked, state.position_ms), (0, false, 96_000));
    let tape = [fact(0, Kind::Started, 0, 100), fact(1, Kind::Progressed, 10, 50)];
    assert!(folded(tape).seeked);
}

#[test]
fn nothing_is_played_while_paused_or_stalled_or_over() {
    for kind in [Kind::Paused, Kind::Stalled, Kind::Stopped] {
        let tape = [
            fact(0, Kind::Started, 0, 0),
            fact(1, kind, 10, 10),
            fact(2, Kind::Resumed, 20, 14),
            fact(3, Kind::Progressed, 30, 24),
        ];
        assert_eq!(watched(&folded(tape)), [(0, 10), (14, 24)], "{kind:?}");
    }
}

#[test]
fn a_seek_counts_the_stretch_up_to_where_it_left() {
    let seek = Fact { from_ms: Some(8_000), ..fact(1, Kind::Seeked, 8, 100) };
    let state = folded([fact(0, Kind::Started, 0, 0), seek, fact(2, Kind::Progressed, 18, 110)]);
    assert_eq!(watched(&state), [(0, 8), (100, 110)]);
    assert_eq!((state.played_ms, state.furthest_ms), (18_000, 110_000));
    assert!(state.seeked);
}

#[test]
fn a_seek_that_does_not_say_where_it_left_counts_nothing_before_it() {
    let state = folded([fact(0, Kind::Started, 0, 0), fact(1, Kind::Seeked, 8, 100)]);
    assert_eq!((state.played_ms, state.position_ms), (0, 100_000));
    assert!(state.seeked);
}

#[test]
fn a_seek_leaves_the_phase_as_it_was() {
    for (kind, phase) in [
        (Kind::Resumed, Phase::Playing),
        (Kind::Paused, Phase::Paused),
        (Kind::Stalled, Phase::Stalled),
    ] {
        let tape =
            [fact(0, Kind::Started, 0, 0), fact(1, kind, 10, 10), fact(2, Kind::Seeked, 12, 300)];
        assert_eq!(folded(tape).phase, phase, "{kind:?}");
    }
}

#[test]
fn a_heartbeat_that_moved_is_playing_and_one_that_did_not_leaves_the_phase() {
    let paused = vec![fact(0, Kind::Started, 0, 0), fact(1, Kind::Paused, 10, 10)];
    let mut still = paused.clone();
    still.push(fact(2, Kind::Progressed, 40, 10));
    assert_eq!(folded(still).phase, Phase::Paused);
    let mut moved = paused;
    moved.push(fact(2, Kind::Progressed, 40, 11));
    assert_eq!(folded(moved).phase, Phase::Playing);
}

#[test]
fn a_stop_ends_for_its_reason_and_for_the_user_when_it_gives_none() {
    let stop = |reason| Fact { reason, ..fact(1, Kind::Stopped, 10, 10) };
    let phase = |reason| folded([fact(0, Kind::Started, 0, 0), stop(reason)]).phase;
    assert_eq!(phase(None), Phase::Ended(Reason::User));
    assert_eq!(phase(Some(Reason::TakenOver)), Phase::Ended(Reason::TakenOver));
}

#[test]
fn what_once_reached_its_end_stays_completed() {
    let stop = Fact { reason: Some(Reason::Ended), ..fact(1, Kind::Stopped, 10, 10) };
    let again = [fact(2, Kind::Started, 20, 0), fact(3, Kind::Progressed, 30, 10)];
    let state = folded([vec![fact(0, Kind::Started, 0, 0), stop], again.to_vec()].concat());
    assert!(state.completed);
    assert_eq!(state.phase, Phase::Playing);
    let left = Fact { reason: Some(Reason::User), ..fact(1, Kind::Stopped, 10, 10) };
    assert!(!folded([fact(0, Kind::Started, 0, 0), left]).completed);
}

#[test]
fn a_stretch_seen_twice_is_played_twice_and_watched_once() {
    let tape = [
        fact(0, Kind::Started, 0, 0),
        fact(1, Kind::Progressed, 10, 10),
        fact(2, Kind::Seeked, 10, 0),
        fact(3, Kind::Progressed, 20, 10),
    ];
    let state = folded(tape);
    assert_eq!(state.played_ms, 20_000);
    assert_eq!(state.watched, [(0, 10_000)].into_iter().collect::<Intervals>());
    assert_eq!(state.position_ms, 10_000);
}

#[test]
fn at_most_sixty_four_stretches_are_kept_and_then_flagged_approximate() {
    let tape = |stretches: u32| {
        let mut facts = vec![fact(0, Kind::Started, 0, 0)];
        for n in 0..stretches {
            let (at, position) = (i64::from(n) * 10, u64::from(n) * 1000);
            facts.push(fact(2 * n + 1, Kind::Seeked, at, position));
            facts.push(fact(2 * n + 2, Kind::Progressed, at + 10, position + 10));
        }
        folded(facts)
    };
    let full = tape(64);
    assert_eq!((full.watched.as_slice().len(), full.approximate), (64, false));
    let over = tape(65);
    assert_eq!((over.watched.as_slice().len(), over.approximate), (64, true));
    assert_eq!(over.played_ms, 650_000, "what was played stays exact");
}

#[test]
fn duration_and_rate_are_as_last_reported() {
    let first = Fact { duration_ms: Some(1), rate: Some(1.5), ..fact(0, Kind::Started, 0, 0) };
    let second = Fact { duration_ms: Some(2), ..fact(1, Kind::Progressed, 10, 10) };
    let state = folded([first.clone(), second]);
    assert_eq!((state.duration_ms, state.rate), (Some(2), 1.5));
    let state = folded([first, fact(1, Kind::Progressed, 10, 10)]);
    assert_eq!(state.duration_ms, Some(1));
}

#[test]
fn a_clock_set_back_in_the_middle_of_a_session_invents_no_playing() {
    let tape = [fact(0, Kind::Started, 3600, 0), fact(1, Kind::Progressed, 10, 10)];
    let state = folded(tape);
    assert_eq!((state.played_ms, state.seeked), (0, true));
}
