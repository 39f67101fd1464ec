//! Players whose rows go to a log as they are, without actors.

use std::sync::Arc;
use std::time::Instant;

use viewlog::events::{Append, EventLog};

use crate::facts::Player;
use crate::load::{Load, Signal, Waiter, measure};

/// Appends of so many rows each, so many at once.
pub(crate) async fn appends(
    log: Arc<dyn EventLog>,
    players: Vec<Player>,
    (in_flight, rows): (usize, usize),
) -> Load {
    let chunk = players.len() / in_flight;
    measure(|signal| {
        let chunks = players.chunks(chunk).take(in_flight).map(<[Player]>::to_vec);
        chunks.map(|players| appender(Arc::clone(&log), players, rows, signal)).collect()
    })
    .await
}

fn appender(
    log: Arc<dyn EventLog>,
    mut players: Vec<Player>,
    rows: usize,
    signal: &Signal,
) -> impl Future<Output = hdrhistogram::Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        let count = players.len();
        for turn in (0..count).cycle() {
            let player = &mut players[turn];
            let mut append = Append::new(player.account.clone());
            append.events = (0..rows).map(|_| player.next_row()).collect();
            let sent = Instant::now();
            match log.append(&append).await {
                Ok(()) => waiter.acknowledged(rows as u64, sent),
                Err(_) => waiter.failed(),
            }
            if !waiter.goes_on() {
                break;
            }
        }
        waiter.histogram()
    }
}
