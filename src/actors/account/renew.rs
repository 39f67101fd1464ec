//! Snapshots of a week made again from its facts, for a rebuild. The actor does it itself, so that
//! it never races with an erasure or a compaction.

use super::errand::Failure;
use crate::actors::Deps;
use crate::events::codec::encode_snapshot;
use crate::events::{AccountId, Append, Depth, SnapshotRow, Week};

/// Renews the week's snapshots; returns how many. Memory stays good.
pub(super) async fn renew(account: &AccountId, week: Week, deps: &Deps) -> Result<usize, Failure> {
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
