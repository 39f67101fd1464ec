//! The same set of facts gives the same state: whatever order, repetition, split or snapshot it
//! came through.

use std::collections::BTreeMap;

use proptest::prelude::*;
use viewlog::events::codec::{decode_snapshot, encode_snapshot};
use viewlog::events::{About, Event, Fact, Id, Kind, Order, Reason, State, fold};

use super::{dawn, of_set, session};

prop_compose! {
    fn about()(
        profile in prop::option::of("[ab]"), title in prop::option::of("[xyz]"),
        season in prop::option::of(0..3_u32),
    ) -> Option<Box<About>> {
        let about = About {
            profile: profile.map(|text| Id::new(&text).expect("an id")),
            title: title.map(|text| Id::new(&text).expect("an id")),
            season,
            ..About::default()
        };
        (about != About::default()).then(|| Box::new(about))
    }
}

prop_compose! {
    fn moving()(
        kind in prop::sample::select(&Kind::ALL[..]), at_ms in prop::option::of(0..900_000_i64),
        position_ms in 0..900_000_u64, from_ms in prop::option::of(0..900_000_u64),
        rate in prop::option::of(prop::sample::select(vec![0.0, 0.5, 1.0, 2.0])),
        ended: bool, duration_ms in prop::option::of(1..900_000_u64),
        about in about(),
    ) -> Fact {
        Fact {
            at: at_ms.map(|ms| dawn(0).plus_ms(ms)),
            from_ms: from_ms.filter(|_| kind == Kind::Seeked),
            reason: (kind == Kind::Stopped && ended).then_some(Reason::Ended),
            rate,
            duration_ms,
            about,
            ..Fact::new(session(), kind, position_ms)
        }
    }
}

prop_compose! {
    fn event(numbered: bool)(
        fact in moving(), seq in 0..40_u32, after_ms in 0..2_000_000_i64,
        behind_ms in prop::option::of(-200_000..200_000_i64),
    ) -> Event {
        let received_at = dawn(0).plus_ms(after_ms);
        let sent_at = behind_ms.map(|ms| received_at.plus_ms(-ms));
        Event::new(Fact { seq: numbered.then_some(seq), ..fact }, received_at, sent_at)
    }
}

/// Any set, conflicts and gaps included.
fn events() -> impl Strategy<Value = Vec<Event>> {
    any::<bool>().prop_flat_map(|numbered| prop::collection::vec(event(numbered), 1..40))
}

/// A set in which every number is taken once; most are gapless.
fn agreed() -> impl Strategy<Value = Vec<Event>> {
    let gaps = prop_oneof![3 => Just(0_u32), 1 => 1..3_u32];
    let kept = prop::collection::vec((event(true), gaps), 1..40);
    kept.prop_map(|all| {
        let mut next = 0;
        let numbered = all.into_iter().map(|(event, gap)| {
            next += gap;
            let fact = Fact { seq: Some(next), ..event.fact };
            next += 1;
            Event::recorded(fact, event.received_at, event.offset_ms)
        });
        numbered.collect()
    })
}

/// The events, and the same again in some delivery: shuffled, with repetitions.
fn delivered(
    events: impl Strategy<Value = Vec<Event>>,
) -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    events.prop_flat_map(|all| {
        let again = prop::collection::vec(prop::sample::select(all.clone()), 0..10);
        let shuffled = again.prop_flat_map({
            let all = all.clone();
            move |again| Just([all.clone(), again].concat()).prop_shuffle()
        });
        (Just(all), shuffled)
    })
}

/// The log as two nodes share it: rows by their order, and a snapshot that either may overwrite.
#[derive(Default)]
struct Shared {
    rows: BTreeMap<Order, Event>,
    snapshot: Option<Vec<u8>>,
}

impl Shared {
    fn load(&self) -> Option<State> {
        let snapshot = self.snapshot.as_ref().and_then(|body| {
            decode_snapshot(session(), body).expect("our own bytes").current().cloned()
        });
        let above = snapshot.as_ref().map_or(0, |state| state.seq + 1);
        fold(snapshot, self.rows.values().filter(|event| event.order.seq >= above))
    }
}

/// What an account actor does: fold what is next in order, read again what is not, snapshot what is
/// gapless.
fn deliver(log: &mut Shared, memory: &mut Option<State>, event: &Event) {
    if log.rows.insert(event.order, event.clone()).is_some() {
        return;
    }
    match memory {
        Some(state) if event.order.seq == state.seq + 1 => state.apply(event),
        _ => *memory = log.load(),
    }
    if let Some(state) = memory.as_ref().filter(|state| state.is_gapless()) {
        log.snapshot = Some(encode_snapshot(state));
    }
}

proptest! {
    #[test]
    fn every_delivery_order_with_repetitions_gives_the_same_state(
        (all, delivery) in delivered(events())
    ) {
        prop_assert_eq!(of_set(delivery), of_set(all));
    }

    #[test]
    fn a_snapshot_and_the_rows_above_it_are_as_good_as_all_rows(all in agreed()) {
        let whole = of_set(all.clone());
        for split in 1..all.len() {
            let (beginning, above) = all.split_at(split);
            let state = of_set(beginning.to_vec());
            if !state.is_gapless() {
                break;
            }
            let snapshot = decode_snapshot(session(), &encode_snapshot(&state));
            let snapshot = snapshot.expect("our own bytes").current().cloned();
            prop_assert_eq!(snapshot.as_ref(), Some(&state));
            prop_assert_eq!(fold(snapshot, above), Some(whole.clone()));
        }
    }

    #[test]
    fn two_actors_sharing_a_log_and_overwriting_snapshots_lose_nothing(
        ((all, delivery), to) in (delivered(agreed()), prop::collection::vec(any::<bool>(), 50))
    ) {
        let mut log = Shared::default();
        let mut memories = [None, None];
        for (event, second) in delivery.iter().zip(to) {
            deliver(&mut log, &mut memories[usize::from(second)], event);
        }
        prop_assert_eq!(log.load(), Some(of_set(all)));
    }

    #[test]
    fn a_state_is_bounded_and_true_to_itself(all in events()) {
        let count = of_set(all.clone()).facts as usize;
        let state = of_set(all.clone());
        prop_assert!(count <= all.len());
        prop_assert!(state.watched.as_slice().len() <= 64);
        prop_assert!(state.approximate || state.watched.total() <= state.played_ms);
        let reached = state.watched.as_slice().last().map_or(0, |(_, to)| *to);
        prop_assert_eq!(state.furthest_ms, reached);
        if state.numbered && !state.conflict {
            prop_assert_eq!(state.seq + 1, u64::from(state.facts) + state.missing.total());
        }
    }

    #[test]
    fn what_is_missing_is_exactly_what_was_not_sent(all in agreed()) {
        let state = of_set(all.clone());
        for seq in 0..state.seq {
            let sent = all.iter().any(|event| event.order.seq == seq);
            prop_assert_eq!(state.missing.contains(seq), !sent);
        }
    }
}
