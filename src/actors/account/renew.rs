//! Snapshots of a week made again from its facts, for a rebuild. The actor does it itself, so that
//! it never races with an erasure or a compaction.

use std::sync::Arc;

use super::Renew;
use super::memory::Memory;
use crate::actors::{Deps, Refusal};
use crate::events::codec::encode_snapshot;
use crate::events::{AccountId, Append, AppendError, Depth, ReadError, SnapshotRow, Week};

/// Renews the week's snapshots and answers how many; the memory stays good.
pub(super) async fn renew(
    account: AccountId,
    memory: Box<Memory>,
    asked: Renew,
    deps: Arc<Deps>,
) -> Box<Memory> {
    let done = run(&account, asked.week, &deps).await.map_err(|failure| {
        tracing::error!(error = %failure, "snapshots could not be renewed");
        Refusal::StoreUnavailable {
            detail: "the log did not answer; ask again".to_owned(),
            retry_after_ms: 1_000,
        }
    });
    // Whoever asked may have hung up; they are renewed all the same.
    let _ = asked.reply.send(done);
    memory
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] AppendError),
}

async fn run(account: &AccountId, week: Week, deps: &Deps) -> Result<usize, Failure> {
    let mut append = Append::new(account.clone());
    for stored in deps.log.week(account, week, Depth::Facts).await? {
        let (session, is_whole) = (stored.session, stored.damage.is_none());
        let state = stored.state().filter(|state| is_whole && state.is_gapless());
        append
            .snapshots
            .extend(state.map(|state| SnapshotRow { session, body: encode_snapshot(&state) }));
    }
    if append.rows() > 0 {
        deps.log.append(&append).await?;
    }
    Ok(append.snapshots.len())
}
