//! Folding everything again: a log of many accounts, page-cache hot.

use std::sync::Arc;
use std::time::Instant;

use viewlog::actors::Submission;
use viewlog::events::{EventLog, SystemClock};
use viewlog::projections::{MemoryViews, MemoryViewsOptions, Progress, Rebuild, rebuild};

use crate::facts::Player;
use crate::in_process::Node;
use crate::load::per_second;

const ACCOUNTS: usize = 10_000;
const FACTS: usize = 200;

pub(crate) fn run() {
    actix_rt::System::new().block_on(async {
        let node = Node::start();
        fill(&node, ACCOUNTS, FACTS).await;
        let log = Arc::clone(&node.log) as Arc<dyn EventLog>;
        let views =
            Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::new(SystemClock)));
        let progress = Arc::new(Progress::default());
        for pass in ["first", "second"] {
            let begun = Instant::now();
            let accounts = node.system.accounts().clone();
            let work = Rebuild {
                log: Arc::clone(&log),
                views: views.clone(),
                clock: Arc::new(SystemClock),
                renew: Box::new(move |account, week| {
                    let accounts = accounts.clone();
                    Box::pin(async move { accounts.renew(account, week).await.is_ok() })
                }),
            };
            let rebuilt = rebuild(work, Arc::clone(&progress)).await;
            let events = rebuilt.unwrap().events;
            let rate = per_second(events, begun.elapsed());
            println!("rebuild, {pass} pass: {events} events, {rate:.0} events/s on all cores");
        }
        node.system.stop().await;
    });
}

/// Records `facts` facts in each of `accounts` accounts, a session each.
pub(crate) async fn fill(node: &Node, accounts: usize, facts: usize) {
    let mut players = Player::many(accounts);
    for players in players.chunks_mut(50) {
        for _ in 0..facts.div_ceil(100) {
            let batch = players.iter_mut().map(|player| {
                let facts = (0..100.min(facts)).map(|index| Submission {
                    index: player.number() * 1_000 + index,
                    event: player.next(),
                });
                let facts = facts.collect();
                (player.account.clone(), facts)
            });
            let outcome = node.system.accounts().record(batch.collect()).await;
            assert!(outcome.refused.is_empty(), "{:?}", outcome.refused.first());
        }
    }
}
