//! Long work that somebody starts while it runs.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::oneshot;
use viewlog::events::{ManualClock, SystemClock};
use viewlog::http::{Board, Finished, JobKind, JobState, Jobs, Reach};
use viewlog::projections::{MemoryViews, MemoryViewsOptions};

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
        let board = Board::new(Arc::clone(&views) as _, Arc::clone(clock) as _);
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
