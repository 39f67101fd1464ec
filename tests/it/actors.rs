//! The account actors from outside: what they record, refuse and survive.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use viewlog::actors::{Limits, Outcome, Refusal, Submission, System, Update};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    AccountId, Clock, Event, EventLog, Kind, ManualClock, Scope, SessionKey, fold,
};
use viewlog::projections::{Freshness, MemoryViews, MemoryViewsOptions, Policy};

use crate::support::{
    Failure, FlakyLog, at, event, eventually, fact, folded, home, id, session, watch,
};

fn system(log: &Arc<dyn EventLog>, limits: Limits) -> System {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(at(3_600)));
    let views = Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(&clock)));
    let shared = (Arc::new(Policy::default()), Arc::new(Freshness::default()), clock);
    System::start(Arc::clone(log), views, shared, limits)
}

fn quick() -> Limits {
    Limits { shards: 2, append_deadline: Duration::from_millis(300), ..Limits::default() }
}

fn submissions(events: impl IntoIterator<Item = Event>) -> Vec<Submission> {
    let events = events.into_iter().enumerate();
    events.map(|(index, event)| Submission { index, event }).collect()
}

async fn record(system: &System, account: &AccountId, events: Vec<Event>) -> Outcome {
    system.accounts().record(vec![(account.clone(), submissions(events))]).await
}

fn refusals(outcome: &Outcome) -> Vec<&Refusal> {
    outcome.refused.iter().map(|refused| &refused.refusal).collect()
}

#[actix_web::test]
async fn a_session_is_recorded_and_folds_to_what_was_sent() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    let events = watch(session(1), 40);
    let outcome = record(&system, &home(), events.clone()).await;
    assert_eq!((outcome.recorded, outcome.duplicates, outcome.refused.len()), (40, 0, 0));
    assert_eq!(outcome.sessions.len(), 1);
    assert_eq!(outcome.sessions[0].seq, 39);
    let states = folded(&log, &home()).await;
    assert_eq!(states[0].position_ms, 390_000);
    assert_eq!(states[0].played_ms, 390_000);
    system.stop().await;
}

#[actix_web::test]
async fn actors_that_nobody_stopped_end_with_their_system() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    assert_eq!(record(&system, &home(), watch(session(1), 3)).await.recorded, 3);
    assert!(Arc::strong_count(&log) > 1);
    drop(system);
    eventually("nobody uses the log", async || Arc::strong_count(&log) == 1).await;
}

#[actix_web::test]
async fn a_repeated_fact_is_recorded_once_also_after_its_actor_went() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let events = watch(session(1), 100);
    let first = system(&log, quick());
    assert_eq!(record(&first, &home(), events.clone()).await.recorded, 100);
    assert_eq!(record(&first, &home(), events[..3].to_vec()).await.duplicates, 3);
    first.stop().await;
    let second = system(&log, quick());
    let outcome = record(&second, &home(), events).await;
    assert_eq!((outcome.recorded, outcome.duplicates), (0, 100));
    second.stop().await;
}

#[actix_web::test]
async fn a_number_taken_by_another_fact_is_a_conflict() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    record(&system, &home(), watch(session(1), 100)).await;
    for seq in [0, 50, 99] {
        let other = event(fact(session(1), seq, Kind::Progressed, 7));
        let outcome = record(&system, &home(), vec![other]).await;
        assert!(matches!(refusals(&outcome)[..], [Refusal::ConflictingEvent(_)]), "{outcome:?}");
    }
    system.stop().await;
}

#[actix_web::test]
async fn what_cannot_be_is_refused_and_its_neighbours_are_recorded() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    let mut nameless = fact(session(2), 0, Kind::Started, 0);
    nameless.about = None;
    let mut other_title = fact(session(1), 1, Kind::Progressed, 10);
    other_title.about.as_mut().unwrap().title = Some(id("another"));
    let mut unnumbered = fact(session(1), 2, Kind::Progressed, 20);
    unnumbered.seq = None;
    let mut late = fact(session(1), 3, Kind::Progressed, 30);
    late.at = Some(at(25 * 3_600));
    record(&system, &home(), vec![event(fact(session(1), 0, Kind::Started, 0))]).await;
    let facts =
        [nameless, other_title, unnumbered, late, fact(session(1), 4, Kind::Progressed, 40)];
    let outcome = record(&system, &home(), facts.map(event).to_vec()).await;
    assert_eq!(outcome.recorded, 1);
    let by_index = |index: usize| {
        &outcome.refused.iter().find(|refused| refused.index == index).unwrap().refusal
    };
    assert!(matches!(by_index(0), Refusal::UnknownSession(_)));
    assert!(matches!(by_index(1), Refusal::InvalidEvent(_)));
    assert!(matches!(by_index(2), Refusal::InvalidEvent(_)));
    assert!(matches!(by_index(3), Refusal::SessionTooLong(_)));
    system.stop().await;
}

#[actix_web::test]
async fn a_panic_answers_its_caller_and_nobody_else_notices() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    record(&system, &home(), watch(session(1), 3)).await;
    system.accounts().panic(&home());
    let neighbour = id("neighbour");
    assert_eq!(record(&system, &neighbour, watch(session(2), 3)).await.recorded, 3);
    eventually("the account's actor was started afresh", async || restarts(&system) == 1).await;
    let outcome = record(&system, &home(), watch(session(1), 4)).await;
    assert_eq!((outcome.recorded, outcome.duplicates), (1, 2), "{outcome:?}");
    system.stop().await;
}

fn restarts(system: &System) -> u64 {
    system.observe().kinds.iter().find(|kind| kind.name == "account").unwrap().restarts
}

fn given_up(system: &System) -> u64 {
    system.observe().kinds.iter().find(|kind| kind.name == "account").unwrap().given_up
}

#[actix_web::test]
async fn an_actor_that_keeps_failing_is_given_up_visibly_and_the_next_message_makes_a_new_one() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    record(&system, &home(), watch(session(1), 3)).await;
    for _ in 0..=quick().restarts.restarts_max {
        system.accounts().panic(&home());
    }
    eventually("the actor is given up", async || given_up(&system) == 1).await;
    eventually("its account is served again", async || {
        record(&system, &home(), watch(session(2), 3)).await.refused.is_empty()
    })
    .await;
    system.stop().await;
}

#[actix_web::test]
async fn every_fact_sent_into_panics_gets_an_answer() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, Limits { restarts: lenient(), ..quick() });
    let facts = watch(session(1), 60);
    let mut acknowledged = 0;
    for chunk in facts.chunks(3) {
        system.accounts().panic(&home());
        let outcome = record(&system, &home(), chunk.to_vec()).await;
        assert_eq!(outcome.recorded + outcome.duplicates + outcome.refused.len(), chunk.len());
        acknowledged += outcome.recorded;
    }
    let recorded: u32 = folded(&log, &home()).await.iter().map(|state| state.facts).sum();
    assert!(usize::try_from(recorded).unwrap() >= acknowledged);
    assert!(acknowledged > 0);
    system.stop().await;
}

fn lenient() -> viewlog::actors::Budget {
    viewlog::actors::Budget { restarts_max: 1_000, within: Duration::from_secs(1) }
}

#[actix_web::test]
async fn an_append_in_doubt_is_repeated_until_it_is_certain() {
    let flaky = Arc::new(FlakyLog::default());
    let log = Arc::clone(&flaky) as Arc<dyn EventLog>;
    let system = system(&log, quick());
    flaky.fail(Failure::InDoubt, 2);
    let outcome = record(&system, &home(), watch(session(1), 3)).await;
    assert_eq!((outcome.recorded, flaky.appends()), (3, 3));
    assert_eq!(folded(&log, &home()).await[0].facts, 3);
    system.stop().await;
}

#[actix_web::test]
async fn facts_that_cannot_be_made_durable_are_refused_and_welcome_again() {
    let flaky = Arc::new(FlakyLog::default());
    let log = Arc::clone(&flaky) as Arc<dyn EventLog>;
    let system = system(&log, quick());
    record(&system, &home(), watch(session(1), 2)).await;
    flaky.fail(Failure::Unavailable, usize::MAX);
    let outcome = record(&system, &home(), watch(session(1), 5)).await;
    assert!(matches!(refusals(&outcome)[0], Refusal::StoreUnavailable { .. }));
    assert_eq!(outcome.recorded, 0);
    flaky.fail(Failure::Unavailable, 0);
    let outcome = record(&system, &home(), watch(session(1), 5)[2..].to_vec()).await;
    assert_eq!(outcome.recorded, 3, "{outcome:?}");
    system.stop().await;
}

#[actix_web::test]
async fn a_fact_that_fails_its_fold_parks_its_session_alone() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    system.chaos().poison(session(1));
    for _ in 0..3 {
        let both = [watch(session(1), 2), watch(session(2), 2)].concat();
        let outcome = record(&system, &home(), both).await;
        assert_eq!(outcome.refused.len(), 2);
        assert_eq!(outcome.recorded + outcome.duplicates, 2);
    }
    assert_eq!(system.observe().parked, 2);
    assert_eq!(restarts(&system), 0);
    system.stop().await;
}

#[actix_web::test]
async fn a_full_line_refuses_at_once() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let node = system(&log, Limits { node_waiting_max: 10, ..quick() });
    let outcome = record(&node, &home(), watch(session(1), 11)).await;
    assert_eq!(outcome.refused.len(), 11);
    assert!(matches!(refusals(&outcome)[0], Refusal::TooManyRequests { .. }));
    assert_eq!(record(&node, &home(), watch(session(1), 10)).await.recorded, 10);
    eventually("the line is empty again", async || node.observe().admitted == 0).await;
    node.stop().await;
    let account = system(&log, Limits { account_waiting_max: 5, ..quick() });
    let outcome = record(&account, &home(), watch(session(2), 6)).await;
    assert!(matches!(refusals(&outcome)[0], Refusal::TooManyRequests { .. }));
    account.stop().await;
}

#[actix_web::test]
async fn an_idle_account_is_let_go_with_its_snapshot_written() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, Limits { idle_after: Duration::ZERO, ..quick() });
    let events = watch(session(1), 30);
    record(&system, &home(), events[..20].to_vec()).await;
    eventually("no account is active", async || {
        system.observe().kinds.iter().all(|kind| kind.name != "account" || kind.active == 0)
    })
    .await;
    let key = SessionKey { account: home(), session: session(1) };
    let stored = log.session(&key).await.unwrap().unwrap();
    assert_eq!(stored.snapshot.as_ref().unwrap().facts, 20);
    assert_eq!(stored.events, []);
    assert_eq!(record(&system, &home(), events).await.recorded, 10);
    system.stop().await;
}

#[actix_web::test]
async fn what_was_erased_is_gone_and_does_not_come_back() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    let events = watch(session(1), 20);
    record(&system, &home(), events.clone()).await;
    record(&system, &home(), watch(session(2), 20)).await;
    let receipt = system.accounts().erase(home(), Scope::Session(session(1))).await.unwrap();
    assert_eq!(receipt.events, 20);
    let outcome = record(&system, &home(), events).await;
    assert!(outcome.refused.iter().all(|r| matches!(r.refusal, Refusal::Erased(_))));
    assert_eq!(outcome.refused.len(), 20);
    assert_eq!(folded(&log, &home()).await.len(), 1);
    let scope = Scope::Title(id("anna"), id("film"));
    assert_eq!(system.accounts().erase(home(), scope).await.unwrap().events, 20);
    assert_eq!(folded(&log, &home()).await.len(), 0);
    system.stop().await;
}

#[actix_web::test]
async fn followers_hear_of_changes_newest_state_first_to_matter() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let system = system(&log, quick());
    let mut subscription = system.subscribe(&home());
    let mut recent = watch(session(1), 3);
    for event in &mut recent {
        let now = at(3_590 + i64::from(event.fact.seq.unwrap()));
        event.fact.at = Some(now);
        *event = Event::new(event.fact.clone(), now, None);
    }
    for event in &recent {
        record(&system, &home(), vec![event.clone()]).await;
    }
    let update = subscription.next().await.unwrap();
    assert!(matches!(update, Update::Ended { reason: "user", .. }), "{update:?}");
    system.stop().await;
    assert_eq!(subscription.next().await, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The same facts give the same state in every order, over two nodes at once, and repeated.
    #[test]
    fn any_delivery_over_two_nodes_gives_the_same_state(
        deliveries in proptest::collection::vec((0..24_usize, any::<bool>()), 1..60),
        is_numbered in any::<bool>(),
    ) {
        let mut events = watch(session(1), 24);
        if !is_numbered {
            for event in &mut events {
                event.fact.seq = None;
                *event = Event::new(event.fact.clone(), event.received_at, None);
            }
        }
        actix_web::rt::System::new().block_on(async {
            let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
            let nodes = [system(&log, quick()), system(&log, quick())];
            let mut sent = std::collections::BTreeSet::new();
            for (which, on_first) in &deliveries {
                let node = &nodes[usize::from(*on_first)];
                let outcome = record(node, &home(), vec![events[*which].clone()]).await;
                assert_eq!(outcome.recorded + outcome.duplicates, 1, "{outcome:?}");
                sent.insert(*which);
            }
            let expected = fold(None, sent.iter().map(|which| &events[*which])).unwrap();
            let [mut state] = <[_; 1]>::try_from(folded(&log, &home()).await).unwrap();
            // Who is told first what the session is about decides which rows say so again, not what
            // it says.
            state.about = Arc::clone(&expected.about);
            assert_eq!(state, expected);
            for node in nodes {
                node.stop().await;
            }
        });
    }
}
