//! Resident memory for each idle account actor.

use crate::in_process::Node;
use crate::rebuild::fill;

const ACCOUNTS: usize = 50_000;

pub(crate) fn run() {
    for facts in [1, 64] {
        actix_rt::System::new().block_on(async {
            let node = Node::start();
            fill(&node, 1_000, facts).await;
            let before = resident_bytes();
            fill_more(&node, facts).await;
            let grown = resident_bytes().saturating_sub(before);
            let each = grown / ACCOUNTS as u64;
            println!(
                "{each} bytes an idle account with a session of {facts} facts, log buffers included"
            );
            node.system.stop().await;
        });
    }
}

async fn fill_more(node: &Node, facts: usize) {
    fill(node, ACCOUNTS + 1_000, facts).await;
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
