//! Doubts about the views: how far each still goes, as what sweeps have been through is beyond it,
//! and what of the signals in streams it concerns.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::time::timeout;

use super::Deps;
use crate::events::{AccountId, ReadError, Slice, Timestamp};
use crate::projections::{CLOCKS_MS, Delivered, Finding, Position, ViewStore};

/// How often it is looked while there is any.
const LOOK: Duration = Duration::from_secs(10);
/// The same while that is not known.
const AGAIN: Duration = Duration::from_secs(1);
/// How many slices are asked for at once.
const SLICES: usize = 32;
/// Of how many accounts the fences are read at once.
const LOOKS: usize = 32;

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

/// Whose signals were put into streams before views were away, and may have been erased meanwhile
/// by a node that is gone: they are not to be merged, and these accounts' views to be made again.
///
/// # Errors
/// [`ReadError::Unavailable`] where the log does not say what was erased.
pub(super) async fn doubted_in(
    deps: &Deps,
    delivered: &Delivered,
) -> Result<HashSet<AccountId>, ReadError> {
    let doubt = deps.projector.freshness().doubt();
    let oldest_at = delivered.oldest_at();
    // The server's clock, which says when something was put into a stream, may be ahead.
    let is_older = |until: Timestamp| oldest_at.is_some_and(|at| at <= until.plus_ms(CLOCKS_MS));
    if !doubt.open().is_some_and(|open| is_older(open.until())) {
        return Ok(HashSet::new());
    }
    let looks = delivered.accounts().into_iter().map(async |account| {
        let Some(open) = doubt.about_signals(account) else { return Ok(None) };
        let is_justified = match deps.log.fences(account).await {
            Ok(fences) => open.is_justified(&fences),
            Err(ReadError::Corrupt(_)) => true,
            Err(error) => return Err(error),
        };
        if !is_justified {
            doubt.found(&open, account, Finding::Clean);
        }
        Ok(is_justified.then(|| account.clone()))
    });
    let looks = stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(LOOKS);
    looks.try_filter_map(async |doubted| Ok(doubted)).try_collect().await
}
