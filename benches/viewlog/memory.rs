//! Resident memory for each idle account actor with one session, the log left out. Means something
//! only in a process of its own: memory that another measurement left is used first.

use std::sync::Arc;

use crate::facts::Player;
use crate::in_process::system_on;
use crate::nowhere::NowhereLog;
use crate::rebuild::fill;

const ACCOUNTS: usize = 50_000;

pub(crate) fn run_of_one() {
    measure(1);
}

pub(crate) fn run_of_many() {
    measure(64);
}

fn measure(facts: usize) {
    actix_rt::System::new().block_on(async {
        let system = system_on(Arc::new(NowhereLog));
        let mut players = Player::many(ACCOUNTS + 1_000);
        let (first, others) = players.split_at_mut(1_000);
        fill(&system, first, facts).await;
        let before = resident_bytes();
        fill(&system, others, facts).await;
        let each = resident_bytes().saturating_sub(before) / ACCOUNTS as u64;
        println!("{each} bytes an idle account with a session of {facts} facts");
        system.stop().await;
    });
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
