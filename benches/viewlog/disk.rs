//! Bytes on disk for each event of a long session, after a full compaction of the store.

use crate::facts::Player;
use crate::in_process::Node;
use crate::rebuild::fill;

const ACCOUNTS: usize = 5_000;
const FACTS: usize = 200;

pub(crate) fn run() {
    actix_rt::System::new().block_on(async {
        let node = Node::start();
        fill(&node.system, &mut Player::many(ACCOUNTS), FACTS).await;
        let (log, data) = (std::sync::Arc::clone(&node.log), node.data.path().to_owned());
        node.system.stop().await;
        log.compact_storage().unwrap();
        log.close().unwrap();
        let tables = table_bytes(&data);
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people to read")]
        let each = tables as f64 / (ACCOUNTS * FACTS) as f64;
        let sent = Player::new(0).next_json().len();
        println!(
            "{each:.1} bytes an event in tables ({tables} bytes); as sent in JSON: {sent} bytes"
        );
    });
}

/// The size of all files but the journals, which are recycled.
fn table_bytes(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if meta.is_dir() {
                table_bytes(&entry.path())
            } else if name.ends_with(".jnl") || name.contains("journal") {
                0
            } else {
                meta.len()
            }
        })
        .sum()
}
