//! A replica takes over from its primary, at the same address for new connections.

use viewlog::projections::{RedisViews, ViewError, ViewStore};

use super::{clock, filled, merge, play, values, views, way};
use crate::proxy::Proxy;
use crate::servers::OwnRedis;
use crate::support::{eventually, home};

/// A primary that is reached by a proxy and has a play, and a replica that has all of it.
struct Pair {
    primary: OwnRedis,
    replica: OwnRedis,
    proxy: Proxy,
}

impl Pair {
    async fn begin() -> Option<(Self, RedisViews)> {
        let (primary, replica) = (OwnRedis::one()?, OwnRedis::one()?);
        replica.follow(&primary);
        let proxy = Proxy::to(&primary.members()[0]).await;
        let redis = way(&format!("redis://{}", proxy.address()));
        let store = views(redis, "own-", usize::MAX, &clock());
        filled(&store, &home(), vec![play(1, 1, "a")]).await;
        primary.wait_for_follower();
        Some((Self { primary, replica, proxy }, store))
    }

    /// The replica is asked by whoever connects from now on.
    fn take_over(&self) {
        self.replica.promote();
        self.proxy.lead_to(&self.replica.members()[0]);
    }
}

async fn merged(store: &RedisViews) -> Result<(), ViewError> {
    store.merge(vec![(home(), vec![play(2, 1, "b")])]).await
}

#[tokio::test]
async fn a_primary_that_died_is_followed_by_its_replica() {
    let Some((pair, store)) = Pair::begin().await else { return };
    pair.primary.kill(1);
    pair.take_over();
    eventually("the other one answers", async || store.read(&home(), &[]).await.is_ok()).await;
    merge(&store, play(2, 1, "b")).await;
    assert_eq!(values(&store).await.unwrap(), ["a", "b"], "by scripts that it was never told");
}

/// Its connections stay open, and it answers what is read.
#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_when_it_refuses_a_write() {
    let Some((pair, store)) = Pair::begin().await else { return };
    pair.take_over();
    pair.primary.follow(&pair.replica);
    let refused = merged(&store).await.unwrap_err();
    assert!(refused.to_string().contains("read only replica"), "{refused}");
    assert!(!store.standing().ok, "whoever reads asks the log until it is found");
    eventually("the other one takes it", async || merged(&store).await.is_ok()).await;
    assert_eq!(values(&store).await.unwrap(), ["a", "b"]);
}
