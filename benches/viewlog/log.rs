//! The embedded log alone: durable appends of one row and of many.

use std::sync::Arc;
use std::time::Instant;

use viewlog::events::codec::encode_event;
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::{Append, EventLog, EventRow};

use crate::facts::Player;
use crate::load::{Signal, Waiter, measure};

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (in_flight, rows) in [(1, 1), (64, 1), (256, 1), (2_048, 1), (8, 500)] {
            let data = tempfile::tempdir().unwrap();
            let log = Arc::new(EmbeddedLog::open(data.path(), EmbeddedOptions::default()).unwrap());
            let players = Player::many(20_000);
            let chunk = players.len() / in_flight;
            let load = measure(|signal| {
                let chunks = players.chunks(chunk).take(in_flight);
                chunks
                    .map(|players| appender(Arc::clone(&log), players.to_vec(), rows, signal))
                    .collect()
            });
            load.await.print(&format!("appends of {rows} rows, {in_flight} in flight, rows"));
            let worst = std::time::Duration::from_micros(log.statistics().worst_commit_us);
            println!("  worst commit {worst:?}");
        }
    });
}

fn appender(
    log: Arc<EmbeddedLog>,
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
            for _ in 0..rows {
                let mut event = player.next();
                // As the account's actor writes it: a heartbeat says nothing that is known.
                event.fact.about.take_if(|_| player.seq > 1);
                let (session, order) = (event.fact.session, event.order);
                append.events.push(EventRow { session, order, body: encode_event(&event) });
            }
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
