//! Snapshots of a week made again from its facts, where these say otherwise. The actor does it
//! itself, so that it never races with an erasure or a compaction of its own.

use super::errand::Failure;
use super::memory::Memory;
use crate::actors::Deps;
use crate::events::codec::{encode_found, encode_snapshot};
use crate::events::{AccountId, Append, Depth, SnapshotRow, Week};

/// Renews the week's snapshots; returns how many. What memory has of a session whose snapshot was
/// wrong may be wrong, too.
pub(super) async fn renew(
    account: &AccountId,
    week: Week,
    memory: &mut Memory,
    deps: &Deps,
) -> Result<usize, Failure> {
    let mut append = Append::new(account.clone());
    for stored in deps.log.week(account, week, Depth::Facts).await? {
        // What a snapshot alone still knows is left to it.
        let is_whole = stored.damage.is_none() && stored.snapshot.is_none();
        if !is_whole || stored.lacks_rows() {
            continue;
        }
        let (session, kept) = (stored.session, stored.by_snapshot());
        let Some(state) = stored.state() else { continue };
        // A node that knew less wrote it.
        let is_wrong = kept.is_some_and(|kept| !kept.is_alike(&state));
        if is_wrong {
            memory.sessions.remove(session);
        }
        let body = match state.is_gapless() {
            true => encode_snapshot(&state),
            false if is_wrong => encode_found(),
            false => continue,
        };
        append.snapshots.push(SnapshotRow { session, body });
    }
    if append.rows() > 0 {
        deps.log.append(&append).await?;
    }
    Ok(append.snapshots.len())
}
