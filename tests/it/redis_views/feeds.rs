//! The live feed of a node, and what other nodes tell it: in any order, twice, too late.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use viewlog::actors::{Limits, Subscription, System, Update};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{Clock, ManualClock};
use viewlog::projections::{Freshness, Policy, Relay, playing};

use super::{state, views_on, way};
use crate::servers::OwnRedis;
use crate::support::{PATIENCE, at, eventually, home, session};

/// A node that somebody follows, and two others that know how sessions stand.
struct Fleet {
    system: System,
    others: [Relay; 2],
    subscription: Subscription,
    _server: OwnRedis,
}

impl Fleet {
    async fn begin() -> Option<Self> {
        let server = OwnRedis::one()?;
        let redis = way(&server.url());
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(at(1_000)));
        let shared = (Arc::new(Policy::default()), Arc::new(Freshness::default()), clock);
        let views = Arc::new(views_on(&server));
        let limits = Limits { shards: 1, ..Limits::default() };
        let system = System::start(Arc::new(MemoryLog::default()), views, shared, limits);
        system.join(Relay::new(&redis, "vl", "this"));
        let mut subscription = system.subscribe(&home());
        let others = ["one", "other"].map(|name| {
            let relay = Relay::new(&redis, "vl", name);
            relay.listen(|_| {});
            relay
        });
        for other in &others {
            eventually("it settles", async || {
                other.wants(&home()) && !other.wants(&crate::support::id("nobody's"))
            })
            .await;
        }
        // The word of the connection, or of its own beginning where it came after that: until it
        // is read it stands for whatever is told.
        assert_eq!(subscription.next().await, Some(Update::Resync));
        Some(Self { system, others, subscription, _server: server })
    }

    /// The next change; words to look again are left out.
    async fn next(&mut self) -> Update {
        loop {
            let update = timeout(PATIENCE, self.subscription.next()).await.expect("a change");
            if update != Some(Update::Resync) {
                return update.unwrap();
            }
        }
    }

    /// How many words to look again come until none does for a while, beginning with one that
    /// must.
    async fn words(&mut self) -> usize {
        let mut words = 0;
        let mut patience = PATIENCE;
        while let Ok(update) = timeout(patience, self.subscription.next()).await {
            assert_eq!(update, Some(Update::Resync));
            words += 1;
            assert!(words <= 4, "it looks again and again");
            patience = Duration::from_secs(3);
        }
        words
    }

    async fn heard(&self, count: u64) {
        eventually("it is heard", async || self.system.observe().relay.unwrap().heard == count)
            .await;
    }
}

#[actix_web::test]
async fn an_older_state_that_arrives_late_is_not_told() {
    let Some(mut fleet) = Fleet::begin().await else { return };
    fleet.others[0].tell(&home(), &state(1, 99));
    let expected = Update::Playing(playing(&state(1, 99)).unwrap());
    assert_eq!(fleet.next().await, expected);
    fleet.others[1].tell(&home(), &state(1, 98));
    fleet.heard(2).await;
    fleet.others[1].tell(&home(), &state(2, 99));
    assert_eq!(fleet.next().await, Update::Playing(playing(&state(2, 99)).unwrap()));
    fleet.system.stop().await;
}

#[actix_web::test]
async fn what_is_over_does_not_come_back_with_an_older_state() {
    let Some(mut fleet) = Fleet::begin().await else { return };
    fleet.others[0].tell(&home(), &state(1, 100));
    let over = Update::Ended { session: session(1), reason: "user" };
    assert_eq!(fleet.next().await, over);
    fleet.others[1].tell(&home(), &state(1, 99));
    fleet.heard(2).await;
    // Nor is it said twice.
    fleet.others[1].tell(&home(), &state(1, 100));
    fleet.heard(3).await;
    fleet.others[1].tell(&home(), &state(2, 99));
    assert_eq!(fleet.next().await, Update::Playing(playing(&state(2, 99)).unwrap()));
    fleet.system.stop().await;
}

#[actix_web::test]
async fn what_a_follower_was_shown_is_not_followed_by_something_older() {
    let Some(mut fleet) = Fleet::begin().await else { return };
    fleet.subscription.shown(&[playing(&state(1, 99)).unwrap()]);
    fleet.others[0].tell(&home(), &state(1, 97));
    fleet.heard(1).await;
    fleet.others[0].tell(&home(), &state(1, 100));
    assert_eq!(fleet.next().await, Update::Ended { session: session(1), reason: "user" });
    fleet.system.stop().await;
}

#[actix_web::test]
async fn a_follower_looks_again_after_it_began_and_twice_when_told_and_then_no_more() {
    let Some(mut fleet) = Fleet::begin().await else { return };
    // The word of its own beginning, whatever was told before.
    fleet.subscription = fleet.system.subscribe(&home());
    assert!(fleet.words().await >= 1);
    // Told by another node, it looks at once and when the views have what it may have missed.
    fleet.others[0].resync(&home());
    assert!(fleet.words().await >= 2);
    fleet.system.stop().await;
}

#[actix_web::test]
async fn a_node_whose_last_follower_left_is_told_nothing() {
    let Some(fleet) = Fleet::begin().await else { return };
    let Fleet { system, others, subscription, _server } = fleet;
    drop(subscription);
    eventually("it is known", async || !others[0].wants(&home())).await;
    others[0].tell(&home(), &state(1, 99));
    let again = system.subscribe(&home());
    eventually("it is known again", async || others[0].wants(&home())).await;
    assert_eq!(others[0].standing().published, 0);
    drop(again);
    system.stop().await;
}
