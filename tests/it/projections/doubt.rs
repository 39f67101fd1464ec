//! A doubt about views, from its beginning until sweeps have been through it.

use viewlog::events::{Fence, Scope, Timestamp};
use viewlog::projections::Doubt;

use crate::support::{at, home, id};

const A_MINUTE: i64 = 60;

fn fence(at: Timestamp) -> Fence {
    Fence { scope: Scope::Account.key(), at }
}

#[test]
fn nothing_is_doubted_before_there_is_a_reason() {
    let doubt = Doubt::default();
    assert_eq!((doubt.turn(), doubt.until()), (None, None));
    assert_eq!(doubt.concerns(&home()), None);
    assert!(!doubt.is_justified(&[fence(at(0))]));
}

#[test]
fn every_account_is_asked_for_once() {
    let doubt = Doubt::default();
    doubt.raise(at(1_000));
    let turn = doubt.concerns(&home()).unwrap();
    doubt.clear(turn, &home());
    assert_eq!(doubt.concerns(&home()), None);
    assert_eq!(doubt.concerns(&id("other")), Some(turn));
    doubt.raise(at(1_001));
    let again = doubt.concerns(&home());
    assert!(again.is_some_and(|again| again != turn), "and once more in the next");
    doubt.clear(turn, &home());
    assert_eq!(doubt.concerns(&home()), again, "what was found before says nothing of it");
}

#[test]
fn what_is_swept_is_not_doubted() {
    let doubt = Doubt::default();
    doubt.raise(at(1_000));
    assert!(doubt.is_justified(&[fence(at(0))]), "nobody looked how far sweeps came");
    assert!(!doubt.is_justified(&[]));
    let turn = doubt.turn().unwrap();
    doubt.swept_through(turn, at(500));
    assert!(!doubt.is_justified(&[fence(at(500 - A_MINUTE - 1))]));
    assert!(doubt.is_justified(&[fence(at(0)), fence(at(500 - A_MINUTE))]), "clocks differ");
}

#[test]
fn the_first_one_is_that_of_a_start_and_no_outage() {
    let doubt = Doubt::default();
    assert!(!doubt.is_grave());
    doubt.raise(at(1_000));
    assert!(!doubt.is_grave());
    doubt.raise(at(1_001));
    assert!(doubt.is_grave());
}

#[test]
fn it_ends_when_sweeps_are_a_minute_past_its_reason() {
    let doubt = Doubt::default();
    doubt.raise(at(1_000));
    let before = doubt.turn().unwrap();
    doubt.raise(at(2_000));
    doubt.swept_through(before, at(9_000));
    assert_eq!(doubt.until(), Some(at(2_000)), "that was read of what is no more");
    let turn = doubt.turn().unwrap();
    doubt.swept_through(turn, at(2_000 + A_MINUTE));
    assert_eq!(doubt.turn(), Some(turn));
    doubt.swept_through(turn, at(2_000 + A_MINUTE + 1));
    assert_eq!((doubt.turn(), doubt.concerns(&home())), (None, None));
}
