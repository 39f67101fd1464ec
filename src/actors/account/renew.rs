//! Snapshots of a week made again from its facts, where these say otherwise. The actor does it
//! itself, so that it never races with an erasure or a compaction of its own.

use super::errand::Failure;
use crate::actors::Deps;
use crate::events::codec::{encode_found, encode_snapshot};
use crate::events::{AccountId, Append, Depth, SnapshotRow, Week};

/// Renews the week's snapshots; returns how many. Memory stays good.
pub(super) async fn renew(account: &AccountId, week: Week, deps: &Deps) -> Result<usize, Failure> {
    let mut append = Append::new(account.clone());
    for stored in deps.log.week(account, week, Depth::Facts).await? {
        let (session, is_whole) = (stored.session, stored.damage.is_none());
        let kept = stored.by_snapshot();
        let body = match stored.state().filter(|_| is_whole) {
            Some(state) if state.is_gapless() => encode_snapshot(&state),
            // A node that knew less wrote it.
            Some(state) if kept.is_some_and(|kept| kept != state) => encode_found(),
            _ => continue,
        };
        append.snapshots.push(SnapshotRow { session, body });
    }
    if append.rows() > 0 {
        deps.log.append(&append).await?;
    }
    Ok(append.snapshots.len())
}
