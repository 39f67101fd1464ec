//! The embedded log alone: durable appends of one row and of many.

use std::sync::Arc;

use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};

use crate::appends::appends;
use crate::facts::Player;

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (in_flight, rows) in [(1, 1), (64, 1), (256, 1), (2_048, 1), (8, 500)] {
            let data = tempfile::tempdir().unwrap();
            let log = Arc::new(EmbeddedLog::open(data.path(), EmbeddedOptions::default()).unwrap());
            let players = Player::many(20_000);
            let load = appends(Arc::clone(&log) as _, players, (in_flight, rows)).await;
            load.print(&format!("appends of {rows} rows, {in_flight} in flight, rows"));
            let worst = std::time::Duration::from_micros(log.statistics().worst_commit_us);
            println!("  worst commit {worst:?}");
        }
    });
}
