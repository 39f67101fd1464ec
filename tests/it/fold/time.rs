//! Clocks: the offset of a device, when things occurred, and when a position last moved.

use viewlog::events::{Event, Kind, State};

use super::{dawn, event, fact, folded, of_set};

const HOUR_S: i64 = 3600;

/// The offset of a fact sent when the device's clock was this many seconds behind the server's.
fn offset_of(behind_ms: i64) -> Option<i64> {
    let received_at = dawn(0);
    let sent_at = received_at.plus_ms(-behind_ms);
    Event::new(fact(0, Kind::Started, 0, 0), received_at, Some(sent_at)).offset_ms
}

#[test]
fn an_offset_under_thirty_seconds_is_none_and_the_rest_is_whole_minutes() {
    assert_eq!(offset_of(29_999), Some(0));
    assert_eq!(offset_of(-29_999), Some(0));
    assert_eq!(offset_of(30_000), Some(60_000));
    assert_eq!(offset_of(-30_000), Some(-60_000));
    assert_eq!(offset_of(89_999), Some(60_000));
    assert_eq!(offset_of(90_000), Some(120_000));
    assert_eq!(offset_of(-3_600_000), Some(-3_600_000));
    assert_eq!(offset_of(-3_629_999), Some(-3_600_000));
}

#[test]
fn a_fact_sent_without_the_devices_clock_has_no_offset() {
    assert_eq!(Event::new(fact(0, Kind::Started, 0, 0), dawn(5), None).offset_ms, None);
}

#[test]
fn the_sessions_offset_is_that_of_its_lowest_fact_that_has_one() {
    let started = Event::recorded(fact(0, Kind::Started, 0, 0), dawn(HOUR_S), None);
    let second = Event::recorded(fact(1, Kind::Progressed, 10, 10), dawn(HOUR_S), Some(60_000));
    let third = Event::recorded(fact(2, Kind::Progressed, 20, 20), dawn(HOUR_S), Some(120_000));
    let late = of_set(vec![started.clone(), third.clone()]);
    assert_eq!(late.clock_offset_ms, Some(120_000));
    let whole = of_set(vec![third, started, second]);
    assert_eq!(whole.clock_offset_ms, Some(60_000));
    assert_eq!(whole.started_at(), dawn(60), "also for facts that came without an offset");
    assert_eq!(whole.last_at(), dawn(80));
}

#[test]
fn nothing_occurs_later_than_it_was_received() {
    let fast = Event::recorded(fact(0, Kind::Started, HOUR_S, 0), dawn(5), None);
    assert_eq!(of_set(vec![fast]).started_at(), dawn(5));
    let uploaded = Event::recorded(fact(0, Kind::Started, 0, 0), dawn(HOUR_S), None);
    assert_eq!(
        of_set(vec![uploaded]).started_at(),
        dawn(0),
        "an offline upload is of its own time"
    );
    let corrected = Event::recorded(fact(0, Kind::Started, 0, 0), dawn(30), Some(60_000));
    assert_eq!(of_set(vec![corrected]).started_at(), dawn(30));
}

fn moved(state: &State) -> i64 {
    state.moved_at().since_ms(dawn(0)) / 1000
}

#[test]
fn a_television_paused_all_night_does_not_move() {
    let mut tape = vec![fact(0, Kind::Started, 0, 0), fact(1, Kind::Paused, 600, 600)];
    tape.extend((2..500).map(|seq| fact(seq, Kind::Progressed, 600 + i64::from(seq) * 60, 600)));
    let state = folded(tape);
    assert_eq!(moved(&state), 600);
    assert_eq!(state.last_at(), dawn(600 + 499 * 60));
    assert_eq!(state.phase, viewlog::events::Phase::Paused);
}

#[test]
fn a_start_a_seek_and_a_changed_position_move_and_nothing_else_does() {
    let tape = [
        fact(0, Kind::Started, 0, 0),
        fact(1, Kind::Progressed, 10, 10),
        fact(2, Kind::Paused, 20, 10),
        fact(3, Kind::Resumed, 30, 10),
        fact(4, Kind::Seeked, 40, 10),
        fact(5, Kind::Stalled, 50, 10),
        fact(6, Kind::Started, 60, 10),
        fact(7, Kind::Stopped, 70, 10),
    ];
    let after: Vec<i64> = (1..=tape.len()).map(|n| moved(&folded(tape[..n].to_vec()))).collect();
    assert_eq!(after, [0, 10, 10, 10, 40, 40, 60, 60]);
}

#[test]
fn a_pause_that_moved_the_position_moves() {
    let state = folded([fact(0, Kind::Started, 0, 0), fact(1, Kind::Paused, 9, 9)]);
    assert_eq!(moved(&state), 9);
}

#[test]
fn receipts_never_decide_the_order() {
    let tape = [fact(0, Kind::Started, 0, 0), fact(1, Kind::Progressed, 10, 10)];
    let late_first = Event::recorded(tape[0].clone(), dawn(9 * HOUR_S), None);
    let events = vec![late_first, event(tape[1].clone())];
    assert_eq!(of_set(events).position_ms, 10_000);
}
