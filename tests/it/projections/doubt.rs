//! A doubt about views, from its beginning until sweeps have been through it.

use viewlog::events::{Fence, Scope, Timestamp};
use viewlog::projections::{Doubt, DoubtCause, OpenDoubt};

use crate::support::{at, home, id};

const A_MINUTE: i64 = 60;

fn fence(at: Timestamp) -> Fence {
    Fence { scope: Scope::Account.key(), at }
}

fn raised(doubt: &Doubt, seconds: i64) -> OpenDoubt {
    doubt.raise(DoubtCause::Outage, at(seconds));
    doubt.open().unwrap()
}

#[test]
fn nothing_is_doubted_before_there_is_a_reason() {
    let doubt = Doubt::default();
    assert_eq!((doubt.open(), doubt.about(&home())), (None, None));
}

#[test]
fn every_account_is_asked_for_once() {
    let doubt = Doubt::default();
    let first = raised(&doubt, 1_000);
    assert_eq!(doubt.about(&home()), Some(first));
    doubt.clear(&first, &home());
    assert_eq!(doubt.about(&home()), None);
    assert_eq!(doubt.about(&id("other")), Some(first));
    let again = raised(&doubt, 1_000);
    assert_eq!(doubt.about(&home()), Some(again), "and once more in the next");
    doubt.clear(&first, &home());
    assert_eq!(doubt.about(&home()), Some(again), "what was found before says nothing of it");
}

#[test]
fn what_is_swept_is_not_doubted() {
    let doubt = Doubt::default();
    let open = raised(&doubt, 1_000);
    assert!(open.is_justified(&[fence(at(0))]), "nobody looked how far sweeps came");
    assert!(!open.is_justified(&[]));
    doubt.swept_through(&open, at(500));
    let open = doubt.open().unwrap();
    assert!(!open.is_justified(&[fence(at(500 - A_MINUTE - 1))]));
    assert!(open.is_justified(&[fence(at(0)), fence(at(500 - A_MINUTE))]), "clocks differ");
}

#[test]
fn it_says_why() {
    let doubt = Doubt::default();
    for cause in [DoubtCause::Start, DoubtCause::Outage, DoubtCause::Start] {
        doubt.raise(cause, at(1_000));
        assert_eq!(doubt.open().map(|open| (open.cause(), open.until())), Some((cause, at(1_000))));
    }
}

#[test]
fn it_ends_when_sweeps_are_a_minute_past_its_reason() {
    let doubt = Doubt::default();
    let before = raised(&doubt, 1_000);
    let open = raised(&doubt, 2_000);
    doubt.swept_through(&before, at(9_000));
    assert_eq!(doubt.open(), Some(open), "that was read of what is no more");
    doubt.swept_through(&open, at(2_000 + A_MINUTE));
    assert_eq!(doubt.open().map(|open| open.until()), Some(at(2_000)));
    doubt.swept_through(&open, at(2_000 + A_MINUTE + 1));
    assert_eq!((doubt.open(), doubt.about(&home())), (None, None));
}
