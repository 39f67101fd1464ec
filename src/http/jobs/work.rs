//! What the jobs do, and what they say when they cannot go on: the log has the store's own words,
//! the answer does not.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use futures_util::future::try_join_all;

use super::{Finding, Finished};
use crate::events::{AccountId, AccountRange, EventLog, Slice, Timestamp};
use crate::http::Node;
use crate::projections::{
    self, CLOCKS_MS, Difference, Pages, Pass, Progress, Rebuild, RebuildError, Renew,
    account_ranges,
};

/// What other nodes have recorded is merged, or in the streams, after so long while all is well.
const OTHERS_SIGNAL_WITHIN: Duration = Duration::from_millis(1_500);

/// Makes every view and snapshot anew.
pub(in crate::http) async fn rebuild(
    node: Data<Node>,
    progress: Arc<Progress>,
) -> Result<Finished, String> {
    let (log, views, clock) = stores(&node);
    let work = Rebuild { log, views, clock, renew: renew(&node) };
    let rebuilt = projections::rebuild(work, progress).await;
    let rebuilt = rebuilt.map_err(|error| {
        let words = match &error {
            RebuildError::Replaced => "what it had filled is gone; start it again, it begins anew",
            _ => "a store did not answer; start it again, it goes on from there",
        };
        told(&error, "rebuild", words)
    })?;
    let detail = format!("generation {} is read now", rebuilt.generation);
    Ok(Finished { findings: vec![], detail: Some(detail) })
}

fn renew(node: &Node) -> Box<Renew> {
    let accounts = node.system.accounts().clone();
    Box::new(move |account, week| {
        let accounts = accounts.clone();
        Box::pin(async move { accounts.renew(account, week).await.is_ok() })
    })
}

/// Compares what is kept with the facts, of one account or of all.
pub(in crate::http) async fn verify(
    node: Data<Node>,
    account: Option<AccountId>,
    progress: Arc<Progress>,
) -> Result<Finished, String> {
    let (log, views, clock) = stores(&node);
    let settle = async || {
        if node.system.marks() {
            tokio::time::sleep(OTHERS_SIGNAL_WITHIN).await;
        }
        node.system.settle().await;
    };
    let stores = (log.as_ref(), views.as_ref(), clock.as_ref());
    let renew = renew(&node);
    let found = projections::verify(stores, &renew, account.as_ref(), progress, settle).await;
    let found =
        found.map_err(|error| told(&error, "verify", "a store did not answer; start it again"))?;
    let findings = found.into_iter().map(|Difference { account, session, what }| Finding {
        account,
        session,
        what,
    });
    Ok(Finished { findings: findings.collect(), detail: None })
}

/// Leaves of sessions in weeks that closed before an instant their snapshots alone.
pub(in crate::http) async fn compact(
    node: Data<Node>,
    before: Timestamp,
    progress: Arc<Progress>,
) -> Result<Finished, String> {
    let unread = |error| told(&error, "compact", "the log did not answer; start it again");
    let total = projections::count_accounts(node.log.as_ref()).await.map_err(unread)?;
    progress.set_total(total);
    let ranges = account_ranges(node.log.as_ref());
    let loops = ranges.iter().map(|range| compact_range(&node, range, before, &progress));
    let sessions: u64 = try_join_all(loops).await?.into_iter().sum();
    let detail = format!("{sessions} sessions compacted");
    Ok(Finished { findings: vec![], detail: Some(detail) })
}

async fn compact_range(
    node: &Node,
    range: &AccountRange,
    before: Timestamp,
    progress: &Progress,
) -> Result<u64, String> {
    let unfinished =
        |error: &dyn Display| told(&error, "compact", "the log did not answer; start it again");
    let (mut sessions, mut pages) = (0, Pages::of(node.log.as_ref(), range));
    while let Some(page) = pages.next().await.map_err(|error| unfinished(&error))? {
        for account in page {
            let went = node.system.accounts().compact(account, before).await;
            let went = went.map_err(|refusal| unfinished(&format!("{refusal:?}")))?;
            sessions += went.sessions;
            progress.account_done(went.events);
        }
    }
    Ok(sessions)
}

/// Reads again, and merges, whatever was marked as dirty from an instant on.
pub(in crate::http) async fn sweep(
    node: Data<Node>,
    from: Timestamp,
    progress: Arc<Progress>,
) -> Result<Finished, String> {
    progress.set_total(u64::from(Slice::COUNT));
    let begun = node.clock.now();
    // Others named the windows that they marked by their own clocks.
    let first = from.plus_ms(-CLOCKS_MS);
    node.system.sweep().all_since(first, Pass::Second, &progress).await.map_err(|error| {
        told(&error, "sweep", "a store did not answer; start it again, it does no harm twice")
    })?;
    node.system.swept_between(from, begun).await;
    let detail =
        format!("sessions read again: {}, of what changed since {from}", progress.events());
    Ok(Finished { findings: vec![], detail: Some(detail) })
}

type Stores = (Arc<dyn EventLog>, Arc<dyn projections::ViewStore>, Arc<dyn crate::events::Clock>);

fn stores(node: &Node) -> Stores {
    (Arc::clone(&node.log), Arc::clone(&node.views), Arc::clone(&node.clock))
}

fn told(error: &impl Display, job: &str, words: &str) -> String {
    tracing::error!(%error, job, "a job failed");
    words.to_owned()
}
