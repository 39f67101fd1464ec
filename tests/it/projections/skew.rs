//! Nodes whose clocks differ, on one Cassandra and one Redis.

use std::sync::Arc;

use viewlog::actors::Limits;
use viewlog::events::{Clock, EventLog, ManualClock, Mark, MarkKind, SessionId};
use viewlog::projections::{MemoryViewsOptions, ViewStore};

use super::Node;
use crate::support::{at, id, watch};
use crate::{cassandra, redis_views};

/// When the right clock stands in these tests.
const NOW_S: i64 = 100_000;

/// A node whose clock is off by so much, on the log and the views of others.
async fn node(off_s: i64, prefix: &str) -> Option<Node> {
    let clock = Arc::new(ManualClock::new(at(NOW_S + off_s)));
    let log: Arc<dyn EventLog> = cassandra::log_at(Arc::clone(&clock) as _).await?;
    let views = redis_views::shared_under(prefix, 1_000, &clock)?;
    let limits = Limits { marks: true, ..Node::limits() };
    let node = Node::within(&log, limits, |_| Arc::new(views) as Arc<dyn ViewStore>);
    node.clock.set(at(NOW_S + off_s));
    Some(node)
}

#[actix_web::test]
async fn nodes_whose_clocks_differ_by_minutes_come_to_the_same_answers() {
    let prefix = redis_views::fresh_prefix();
    let (Some(right), Some(late), Some(early)) =
        (node(0, &prefix).await, node(-90, &prefix).await, node(90, &prefix).await)
    else {
        return;
    };
    let account = id(&format!("{prefix}home"));
    let nodes = [(&right, 0), (&late, -90_000), (&early, 90_000)];
    for (number, begun_s) in [(1, NOW_S - 400), (2, NOW_S - 200)] {
        let session = SessionId::derived(at(begun_s), number);
        let turns = nodes.iter().cycle();
        for ((node, off_ms), event) in turns.zip(watch(session, 30)) {
            let mut event = event;
            // A player's own clock is right; each node receives by its own.
            event.fact.at =
                event.fact.at.map(|_| at(begun_s + i64::from(event.fact.seq.unwrap()) * 5));
            let received_at = event.fact.at.unwrap().plus_ms(1_000 + off_ms);
            let event = viewlog::events::Event::new(event.fact, received_at, None);
            assert_eq!(node.record(&account, vec![event]).await.recorded, 1);
        }
    }
    let said_at = early.clock.now();
    let command = SessionId::derived(said_at, 3);
    let kind = MarkKind::TitleHidden { title: id("film") };
    let mark = Mark { command, profile: id("anna"), at: said_at, received_at: said_at, kind };
    early.say(&account, mark).await;
    for (node, _) in nodes {
        node.system.projector().flush().await;
    }
    let folded = Node::on(&right.log, MemoryViewsOptions::default());
    for (node, _) in nodes {
        folded.clock.set(node.clock.now());
        let expected = folded.everything(&account).await;
        assert_eq!(node.everything(&account).await, expected);
        node.views.forget(&account).await.unwrap();
        assert_eq!(node.everything(&account).await, expected, "refilled");
    }
    for node in [right, late, early, folded] {
        node.system.stop().await;
    }
}
