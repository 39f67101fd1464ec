//! Doubts about the views: how far each still goes, as what sweeps have been through is beyond it,
//! and what they mean for signals in streams.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::Deps;
use crate::events::{AccountId, ReadError, Slice, Timestamp};
use crate::projections::{CLOCKS_MS, Position, ViewStore};

/// How often it is looked while there is any.
const LOOK: Duration = Duration::from_secs(10);
/// The same while that is not known.
const AGAIN: Duration = Duration::from_secs(1);
/// How many slices are asked for at once.
const SLICES: usize = 32;
/// Of how many accounts the fences are read at once.
pub(super) const LOOKS: usize = 32;

/// Looks after each doubt until it is settled, for as long as it is polled.
pub(super) async fn settle_doubts(deps: Arc<Deps>) {
    let doubt = deps.projector.freshness().doubt();
    loop {
        doubt.raised().await;
        while let Some(open) = doubt.open() {
            let pause = match swept_through(deps.views.as_ref()).await {
                Some(at) => {
                    doubt.swept_through(&open, at);
                    LOOK
                }
                None => AGAIN,
            };
            let _ = timeout(pause, doubt.raised()).await;
        }
    }
}

/// How far all slices are swept, whoever does it; `None` while that of any slice is not known.
pub(super) async fn swept_through(views: &dyn ViewStore) -> Option<Timestamp> {
    let positions = Slice::all().map(|slice| views.position(slice, Position::Swept));
    let mut positions = stream::iter(positions).buffer_unordered(SLICES);
    let mut least: Option<Timestamp> = None;
    while let Some(position) = positions.next().await {
        let at = position.ok()??;
        least = Some(least.map_or(at, |least| least.min(at)));
    }
    least
}

/// Whether something that was in a stream at `oldest_at` may have been erased by a node that is not
/// heard, or was not, or is gone; `heard` says how much was heard when it was read, where that is
/// known.
pub(super) fn may_hold_erased(deps: &Deps, oldest_at: Timestamp, heard: Option<u64>) -> bool {
    let were_missed = heard.is_none_or(|heard| deps.erasures.were_missed(heard));
    if !deps.erasures.is_heard() || were_missed {
        return true;
    }
    // The server's clock, which says when something was put into a stream, may be ahead.
    let open = deps.projector.freshness().doubt().open();
    open.is_some_and(|open| oldest_at <= open.until().plus_ms(CLOCKS_MS))
}

/// The accounts of which something was erased since `oldest_at`. One whose fences are damaged is
/// among them.
///
/// # Errors
/// [`ReadError::Unavailable`].
pub(super) async fn erased_since(
    deps: &Deps,
    accounts: HashSet<&AccountId>,
    oldest_at: Timestamp,
) -> Result<HashSet<AccountId>, ReadError> {
    let since = oldest_at.plus_ms(-CLOCKS_MS);
    let looks = accounts.into_iter().map(async |account| {
        let is_erased = match deps.log.fences(account).await {
            Ok(fences) => fences.iter().any(|fence| fence.at >= since),
            Err(ReadError::Corrupt(_)) => true,
            Err(error) => return Err(error),
        };
        Ok(is_erased.then(|| account.clone()))
    });
    let looks = stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(LOOKS);
    looks.try_filter_map(async |erased| Ok(erased)).try_collect().await
}
