//! Folding everything again: a log of many accounts, page-cache hot.

use std::sync::Arc;
use std::time::Instant;

use viewlog::actors::{Submission, System};
use viewlog::events::codec::{decode_event, encode_event};
use viewlog::events::{EventLog, SystemClock, fold};
use viewlog::projections::{MemoryViews, MemoryViewsOptions, Progress, Rebuild, rebuild};

use crate::RUN;
use crate::facts::Player;
use crate::in_process::Node;
use crate::load::per_second;

const ACCOUNTS: usize = 10_000;
const FACTS: usize = 200;

pub(crate) fn run() {
    actix_rt::System::new().block_on(async {
        let node = Node::start();
        fill(&node.system, &mut Player::many(ACCOUNTS), FACTS).await;
        let log = Arc::clone(&node.log) as Arc<dyn EventLog>;
        let views =
            Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::new(SystemClock)));
        for pass in ["first", "second"] {
            let progress = Arc::new(Progress::default());
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
            let rebuilt = rebuild(work, progress).await;
            let events = rebuilt.unwrap().events;
            let rate = per_second(events, begun.elapsed());
            println!("rebuild, {pass} pass: {events} events, {rate:.0} events/s on all cores");
        }
        node.system.stop().await;
    });
    decode_and_fold();
}

/// What a rebuild does with rows once they are read, on one core.
fn decode_and_fold() {
    let mut player = Player::new(0);
    let session = player.session;
    let rows: Vec<_> = (0..FACTS)
        .map(|_| player.next())
        .map(|event| (event.order, encode_event(&event)))
        .collect();
    let (begun, mut sessions) = (Instant::now(), 0);
    while begun.elapsed() < RUN {
        let events: Vec<_> =
            rows.iter().map(|(order, row)| decode_event(session, *order, row).unwrap()).collect();
        assert_eq!(fold(None, &events).unwrap().facts as usize, FACTS);
        sessions += 1;
    }
    let rate = per_second(sessions * FACTS as u64, begun.elapsed());
    println!("decoding and folding rows, one core: {rate:.0} events/s");
}

/// Records `facts` facts of each player, a session and an account each.
pub(crate) async fn fill(system: &System, players: &mut [Player], facts: usize) {
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
            let outcome = system.accounts().record(batch.collect()).await;
            assert!(outcome.refused.is_empty(), "{:?}", outcome.refused.first());
        }
    }
}
