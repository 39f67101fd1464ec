//! While Redis is away the log answers, quickly, and says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use viewlog::events::memory::MemoryLog;
use viewlog::events::{EventLog, ManualClock};
use viewlog::projections::{
    MemoryViewsOptions, Redis, RedisOptions, RedisViews, RedisViewsOptions, Source, ViewStore, When,
};

use super::Node;
use crate::redis_views::way;
use crate::servers::OwnRedis;
use crate::support::{eventually, home, session, watch};

fn node_on(redis: Redis) -> Node {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let make = |clock: Arc<ManualClock>| {
        Arc::new(RedisViews::new(redis, RedisViewsOptions::default(), clock)) as Arc<dyn ViewStore>
    };
    Node::with(&log, make)
}

async fn source(node: &Node) -> Source {
    node.answers.profiles(&home(), When::default()).await.unwrap().source
}

#[actix_web::test]
async fn a_frozen_redis_fails_no_answer_and_holds_up_few() {
    let Some(server) = OwnRedis::one() else { return };
    let url = server.url().parse().unwrap();
    let node = node_on(Redis::new(&url, RedisOptions::default()).unwrap());
    assert_eq!(node.record(&home(), watch(session(1), 9)).await.recorded, 9);
    let before = node.everything(&home()).await;
    eventually("redis is read", async || source(&node).await == Source::Views).await;
    server.pause(1);
    assert_eq!(node.everything(&home()).await, before);
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(source(&node).await, Source::Log);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(!node.views.standing().ok);
    assert_eq!(node.record(&home(), watch(session(2), 9)).await.recorded, 9);
    let straight = Node::on(&node.log, MemoryViewsOptions::default());
    let expected = straight.everything(&home()).await;
    assert_ne!(expected, before);
    server.resume(1);
    eventually("redis is read again, and well", async || {
        source(&node).await == Source::Views && node.views.standing().ok
    })
    .await;
    eventually("what was recorded meanwhile is in the views", async || {
        node.system.projector().flush().await;
        node.everything(&home()).await == expected && source(&node).await == Source::Views
    })
    .await;
    straight.system.stop().await;
    node.system.stop().await;
}

#[actix_web::test]
async fn a_flushed_redis_is_filled_by_the_next_answer() {
    let Some(server) = OwnRedis::one() else { return };
    let node = node_on(way(&server.url()));
    node.record(&home(), watch(session(1), 9)).await;
    let before = node.everything(&home()).await;
    server.flush();
    assert_eq!(source(&node).await, Source::Log);
    assert_eq!(source(&node).await, Source::Views);
    assert_eq!(node.everything(&home()).await, before);
    node.system.stop().await;
}
