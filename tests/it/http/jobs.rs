//! Long work that somebody starts while it runs.

use std::future::pending;
use std::sync::Arc;

use viewlog::http::{Finished, JobKind, Jobs, Reach};

use crate::support::{at, home, id};

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
        let jobs = Arc::new(Jobs::default());
        let start = |kind, reach| {
            jobs.start((kind, reach), |_| pending::<Result<Finished, String>>()).map(drop)
        };
        assert_eq!(start(kind, runs.clone()), Ok(()));
        assert_eq!(start(kind, joins), Ok(()));
        if let Some(differs) = differs {
            assert_eq!(start(kind, differs), Err(kind), "{runs:?}");
        }
        assert_eq!(start(JobKind::Rebuild, Reach::All), Err(kind));
        jobs.stop().await;
    }
}
