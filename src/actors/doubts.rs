//! How far a doubt about the views still goes: what sweeps have been through is beyond it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::timeout;

use super::Deps;
use crate::events::{Slice, Timestamp};
use crate::projections::{Position, ViewStore};

/// How often it is looked while there is any.
const LOOK: Duration = Duration::from_secs(10);
/// The same while that is not known.
const AGAIN: Duration = Duration::from_secs(1);
/// How many slices are asked for at once.
const SLICES: usize = 32;

/// Looks after each doubt until it is settled, for as long as it is polled.
pub(super) async fn settle_doubts(deps: Arc<Deps>) {
    let doubt = deps.projector.freshness().doubt();
    loop {
        doubt.raised().await;
        while let Some(turn) = doubt.turn() {
            let pause = match swept_through(deps.views.as_ref()).await {
                Some(at) => {
                    doubt.swept_through(turn, at);
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
