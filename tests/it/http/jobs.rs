//! Long work that somebody starts while it runs.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::oneshot;
use viewlog::events::{ManualClock, SystemClock};
use viewlog::http::{Board, Finished, JobKind, JobState, Jobs, Reach};
use viewlog::projections::{MemoryViews, MemoryViewsOptions, ViewStore};

use crate::support::{at, eventually, home, id};

#[tokio::test]
async fn a_job_is_joined_by_whoever_wants_no_more_than_it_does() {
    let (all, account, other) = (Reach::All, Reach::Account(home()), Reach::Account(id("other")));
    let older = Reach::OlderThan;
    let from = |seconds| Reach::From(at(seconds));
    for (kind, runs, joins, differs) in [
        (JobKind::Verify, all.clone(), account.clone(), None),
        (JobKind::Verify, account.clone(), account, Some(other)),
        (JobKind::Verify, Reach::Account(home()), Reach::Account(home()), Some(all)),
        (JobKind::Sweep, from(100), from(200), Some(from(50))),
        (JobKind::Compact, older(14), older(30), Some(older(7))),
    ] {
        let jobs = Arc::new(Jobs::new(Arc::new(SystemClock), None));
        let start = async |kind, reach| {
            jobs.start((kind, reach), |_| pending::<Result<Finished, String>>()).await.map(drop)
        };
        assert_eq!(start(kind, runs.clone()).await, Ok(()));
        assert_eq!(start(kind, joins).await, Ok(()));
        if let Some(differs) = differs {
            assert_eq!(start(kind, differs).await, Err(kind), "{runs:?}");
        }
        assert_eq!(start(JobKind::Rebuild, Reach::All).await, Err(kind));
        jobs.stop().await;
    }
}

/// Two nodes of a fleet, whose views are one store.
fn two_nodes(clock: &Arc<ManualClock>) -> [Arc<Jobs>; 2] {
    let views = MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(clock) as _);
    let views = Arc::new(views);
    [(), ()].map(|()| {
        let board = Board::new(Arc::clone(&views) as _);
        Arc::new(Jobs::new(Arc::clone(clock) as _, Some(board)))
    })
}

#[tokio::test]
async fn what_one_node_of_a_fleet_is_at_the_others_know_and_join() {
    let clock = Arc::new(ManualClock::new(at(0)));
    let [one, other] = two_nodes(&clock);
    assert_eq!(other.report(JobKind::Verify).await, None);
    let (finish, finished) = oneshot::channel::<()>();
    let work = async move {
        let _ = finished.await;
        Ok(Finished { findings: vec![], detail: Some("all is well".to_owned()) })
    };
    let verify = (JobKind::Verify, Reach::All);
    one.start(verify.clone(), move |_| work).await.unwrap();
    assert_eq!(other.report(JobKind::Verify).await.unwrap().state, JobState::Running);
    let joined = other.start(verify, |_| async { panic!("the other node is at it") }).await;
    assert_eq!(joined.unwrap().state, JobState::Running);
    let compact = (JobKind::Compact, Reach::OlderThan(14));
    let refused = other.start(compact.clone(), |_| async { panic!("one at a time") }).await;
    assert_eq!(refused, Err(JobKind::Verify));
    clock.advance_ms(1_000);
    finish.send(()).unwrap();
    let is_done = async || other.report(JobKind::Verify).await.unwrap().state == JobState::Done;
    eventually("the other hears of its end", is_done).await;
    assert_eq!(other.report(JobKind::Verify).await, one.report(JobKind::Verify).await);
    let ended = async || other.start(compact.clone(), |_| pending()).await.is_ok();
    eventually("then the other works", ended).await;
    assert_eq!(one.report(JobKind::Compact).await.unwrap().state, JobState::Running);
    other.stop().await;
    let is_told = async || one.report(JobKind::Compact).await.unwrap().state == JobState::Failed;
    eventually("one hears that it was cut short", is_told).await;
}

#[tokio::test]
async fn work_of_a_node_that_is_gone_is_lost_and_another_may_do_it() {
    let clock = Arc::new(ManualClock::new(at(0)));
    let views = MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(&clock) as _);
    let views: Arc<dyn ViewStore> = Arc::new(views);
    let node = || Arc::new(Jobs::new(clock.clone() as _, Some(Board::new(Arc::clone(&views)))));
    let [one, other, third] = [node(), node(), node()];
    let verify = (JobKind::Verify, Reach::All);
    let (held, given_up) = oneshot::channel::<()>();
    let work = async move {
        let _held = held;
        pending().await
    };
    one.start(verify.clone(), move |_| work).await.unwrap();
    let last = async |node: &Arc<Jobs>| node.report(JobKind::Verify).await.unwrap();
    let begun = async || {
        // For the others it has told nothing for so long.
        clock.advance_ms(13_000);
        let is_lost = last(&other).await.state == JobState::Lost;
        let begun = other.start(verify.clone(), |_| pending()).await;
        is_lost && begun.is_ok_and(|begun| begun.begun_at > at(0))
    };
    eventually("another begins", begun).await;
    assert!(given_up.await.is_err(), "the first hears of it and leaves it to the other");
    for node in [&one, &other, &third] {
        let is_told = async || {
            let told = last(node).await;
            (told.state, told.begun_at > at(0)) == (JobState::Running, true)
        };
        eventually("all know of the second", is_told).await;
    }
    other.stop().await;
    assert_eq!(last(&one).await.state, JobState::Failed);
}

#[tokio::test]
async fn what_another_node_does_since_before_is_waited_for_once_that_is_known() {
    let (early, late) = (Arc::new(ManualClock::new(at(0))), Arc::new(ManualClock::new(at(60))));
    let views = MemoryViews::new(MemoryViewsOptions::default(), Arc::clone(&early) as _);
    let views: Arc<dyn ViewStore> = Arc::new(views);
    let board = || Some(Board::new(Arc::clone(&views)));
    let one = Arc::new(Jobs::new(late as _, board()));
    let other = Arc::new(Jobs::new(Arc::clone(&early) as _, board()));
    let rebuild = (JobKind::Rebuild, Reach::All);
    one.start(rebuild.clone(), |_| pending()).await.unwrap();
    let begun = async || {
        early.advance_ms(13_000);
        other.start(rebuild.clone(), |_| pending()).await.is_ok_and(|begun| begun.begun_at < at(60))
    };
    eventually("the other begins, as if it had before", begun).await;
    let is_lost = async || one.report(JobKind::Rebuild).await.unwrap().state == JobState::Lost;
    eventually("whoever waits for the first is told to ask again", is_lost).await;
    let joined = one.start(rebuild, |_| async { panic!("the other is at it") }).await.unwrap();
    assert_eq!((joined.state, joined.begun_at < at(60)), (JobState::Running, true));
    let told = one.report(JobKind::Rebuild).await.unwrap();
    assert_eq!((told.state, told.begun_at), (JobState::Running, joined.begun_at));
    other.stop().await;
}

#[tokio::test]
async fn of_two_that_start_at_once_at_one_node_one_is_told_of_the_other() {
    let clock = Arc::new(ManualClock::new(at(0)));
    let [one, other] = two_nodes(&clock);
    let start = |kind| one.start((kind, Reach::All), |_| pending());
    let (verify, rebuild) = tokio::join!(start(JobKind::Verify), start(JobKind::Rebuild));
    assert_eq!((verify.is_ok(), rebuild), (true, Err(JobKind::Verify)));
    assert_eq!(other.report(JobKind::Rebuild).await, None, "it was never begun");
    one.stop().await;
}

#[tokio::test]
async fn what_was_done_is_enough_for_whoever_wants_no_more() {
    let jobs = Arc::new(Jobs::new(Arc::new(SystemClock), None));
    let compact = |days| (JobKind::Compact, Reach::OlderThan(days));
    jobs.start(compact(30), |_| async { Ok(Finished::default()) }).await.unwrap();
    let covering = async |days| jobs.covering(JobKind::Compact, &Reach::OlderThan(days)).await;
    assert!(covering(30).await.is_some() && covering(60).await.is_some());
    assert_eq!(covering(14).await, None);
    jobs.stop().await;
}
