//! What nodes tell each other over Redis: who hears what, and what becomes of it when Redis goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use viewlog::events::{AccountId, Slice, State};
use viewlog::projections::{Heard, Redis, RedisOptions, Relay, Whose};

use super::{shared_cluster, state, told};
use crate::servers::OwnRedis;
use crate::support::{eventually, home, id};

/// A node's relay, and what it heard.
struct Node {
    relay: Relay,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Node {
    fn new(redis: &Redis, name: &str) -> Self {
        Self::of("relayed-", redis, name)
    }

    /// A node of the fleet with this prefix.
    fn of(prefix: &str, redis: &Redis, name: &str) -> Self {
        let relay = Relay::new(redis, prefix, name);
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let ear = Arc::clone(&heard);
        relay.listen(move |one| ear.lock().unwrap().push(one));
        Self { relay, heard }
    }

    /// Takes what was heard so far, but for the node's own words to look at everything again: a
    /// connection gives one, and so does every round that is late.
    fn heard(&self) -> Vec<Heard> {
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard.retain(|one| *one != Heard::Resync(Whose::Everyone));
        heard
    }

    /// Waits until this was heard.
    async fn hears(&self, what: &str, expected: impl Fn(&Heard) -> bool) {
        eventually(what, async || self.heard.lock().unwrap().iter().any(&expected)).await;
    }

    async fn hears_state(&self, state: &State) {
        self.hears(
            "the state is heard",
            |heard| matches!(heard, Heard::Changed(_, found) if **found == *state),
        )
        .await;
    }

    async fn connects(&self) {
        eventually("it connects", async || self.relay.standing().connected).await;
    }

    /// Waits until it told so many changes, which it counts when Redis has them.
    async fn publishes(&self, changes: u64) {
        eventually("it is counted", async || self.relay.standing().published == changes).await;
    }

    /// Waits until it knows that nobody follows an account.
    async fn settles(&self) {
        let nobodys = id("an account that nobody follows");
        eventually("it settles", async || !self.relay.wants(&nobodys)).await;
    }
}

fn redis_of(server: &OwnRedis) -> Redis {
    let (response_timeout, connect_timeout) =
        (Duration::from_millis(1_000), Duration::from_millis(1_000));
    let pause = Duration::from_millis(50);
    let options =
        RedisOptions { response_timeout, connect_timeout, pause, ..RedisOptions::default() };
    Redis::new(&server.url().parse().unwrap(), options).unwrap()
}

fn slice() -> Slice {
    Slice::of(&home())
}

/// An account of another slice than the test's household.
fn stranger() -> AccountId {
    id("stranger")
}

async fn two_nodes(redis: &Redis) -> (Node, Node) {
    let nodes = (Node::new(redis, "one"), Node::new(redis, "other"));
    nodes.1.relay.follow(slice());
    for node in [&nodes.0, &nodes.1] {
        node.connects().await;
        node.settles().await;
        node.heard();
    }
    nodes
}

#[tokio::test]
async fn a_node_hears_what_changes_elsewhere_in_slices_that_it_follows_and_in_no_others() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    assert!(one.relay.wants(&home()) && !one.relay.wants(&stranger()));
    assert!(!other.relay.wants(&home()), "it alone follows it");
    one.relay.tell(&stranger(), &state(2, 1));
    one.relay.tell(&home(), &state(1, 3));
    other.hears_state(&state(1, 3)).await;
    assert_eq!(other.heard(), [Heard::Changed(home(), Box::new(state(1, 3)))]);
    one.relay.resync(&home());
    other.hears("the word", |heard| *heard == Heard::Resync(Whose::Account(home()))).await;
    assert_eq!(other.relay.standing().heard, 2);
    one.publishes(2).await;
    assert_eq!(one.heard(), [], "nobody hears himself");
    other.relay.unfollow(slice());
    eventually("it is known that nobody follows", async || !one.relay.wants(&home())).await;
}

#[tokio::test]
async fn a_node_does_not_hear_itself() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    one.relay.follow(slice());
    eventually("both follow", async || other.relay.wants(&home())).await;
    one.relay.tell(&home(), &state(1, 1));
    other.hears_state(&state(1, 1)).await;
    other.relay.tell(&home(), &state(1, 2));
    one.hears_state(&state(1, 2)).await;
    assert_eq!(one.heard(), [Heard::Changed(home(), Box::new(state(1, 2)))]);
}

#[tokio::test]
async fn what_nobody_follows_is_not_published() {
    let Some(server) = OwnRedis::one() else { return };
    let redis = redis_of(&server);
    let (one, other) = (Node::new(&redis, "one"), Node::new(&redis, "other"));
    // Before it is known who follows what, it waits.
    for number in 0..100 {
        one.relay.tell(&home(), &state(number, 1));
    }
    one.settles().await;
    other.settles().await;
    for number in 0..100 {
        one.relay.tell(&home(), &state(number, 2));
    }
    other.relay.follow(slice());
    eventually("it is known", async || one.relay.wants(&home())).await;
    one.relay.tell(&home(), &state(1_000, 3));
    other.hears_state(&state(1_000, 3)).await;
    one.publishes(1).await;
    assert_eq!(one.relay.standing().dropped, 0);
}

#[tokio::test]
async fn after_cut_connections_everything_is_asked_again_and_changes_are_heard_again() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    server.cut_subscribers();
    for node in [&one, &other] {
        node.hears("to ask again", |heard| *heard == Heard::Resync(Whose::Everyone)).await;
    }
    one.relay.tell(&home(), &state(1, 3));
    other.hears_state(&state(1, 3)).await;
}

#[tokio::test]
async fn what_changes_while_redis_is_away_is_told_when_it_is_back_each_session_once() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    server.pause(1);
    eventually("it is noticed", async || !one.relay.standing().connected).await;
    server.resume(1);
    server.kill(1);
    server.start_again(1);
    for facts in 1..=50 {
        one.relay.tell(&home(), &state(1, facts));
    }
    other.hears("to ask again", |heard| *heard == Heard::Resync(Whose::Everyone)).await;
    other.hears_state(&state(1, 50)).await;
    let older = |heard: &Heard| matches!(heard, Heard::Changed(_, state) if state.facts < 50);
    let older = other.heard().iter().filter(|heard| older(heard)).count();
    assert!(older <= 1, "{older} were on their way");
    drop(server);
}

#[tokio::test]
async fn without_room_followers_are_told_to_look_again_instead() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    // Its connection is gone and not made again before everything was told.
    server.pause(1);
    eventually("it is noticed", async || !one.relay.standing().connected).await;
    for number in 0..6_000 {
        one.relay.tell(&home(), &state(number, 1));
    }
    let dropped = one.relay.standing().dropped;
    assert!((1..6_000).contains(&dropped), "{dropped}");
    server.resume(1);
    other.hears("to look again", |heard| *heard == Heard::Resync(Whose::Slice(slice()))).await;
    eventually("the rest arrives", async || other.relay.standing().heard >= 6_000 - dropped).await;
}

#[tokio::test]
async fn what_was_erased_is_not_told_any_more() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    server.pause(1);
    eventually("it is noticed", async || !one.relay.standing().connected).await;
    one.relay.tell(&home(), &state(1, 1));
    one.relay.resync(&home());
    one.relay.tell(&home(), &state(2, 1));
    server.resume(1);
    other.hears_state(&state(2, 1)).await;
    let heard = other.heard();
    let word = heard.iter().position(|one| *one == Heard::Resync(Whose::Account(home())));
    assert!(word.is_some(), "{heard:?}");
    assert!(!heard.contains(&Heard::Changed(home(), Box::new(state(1, 1)))));
}

#[tokio::test]
async fn a_node_that_leaves_says_everything_before_it_goes() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    for number in 0..1_000 {
        one.relay.tell(&home(), &state(number, 1));
    }
    one.relay.leave().await;
    assert_eq!(one.relay.standing().published, 1_000);
    eventually("all is heard", async || other.relay.standing().heard == 1_000).await;
}

#[tokio::test]
async fn a_damaged_message_is_dropped_and_counted() {
    let Some(server) = OwnRedis::one() else { return };
    let (one, other) = two_nodes(&redis_of(&server)).await;
    let channel = format!("relayed-live:0:{}", slice().number());
    assert_eq!(told::<u64>(&server, &["publish", &channel, "no message"]), 1);
    eventually("it is counted", async || other.relay.standing().damaged == 1).await;
    one.relay.tell(&home(), &state(1, 1));
    other.hears_state(&state(1, 1)).await;
    assert_eq!(other.relay.standing().heard, 1);
}

#[tokio::test]
async fn nodes_of_other_databases_and_prefixes_are_other_fleets() {
    let Some(server) = OwnRedis::one() else { return };
    let redis = redis_of(&server);
    let (one, other) = two_nodes(&redis).await;
    let elsewhere: Redis = {
        let url = format!("{}/3", server.url());
        Redis::new(&url.parse().unwrap(), RedisOptions::default()).unwrap()
    };
    for foreign in [Node::new(&elsewhere, "foreign"), Node::of("others-", &redis, "foreign")] {
        foreign.connects().await;
        foreign.relay.follow(Slice::of(&stranger()));
        foreign.settles().await;
        assert!(!one.relay.wants(&stranger()) && !foreign.relay.wants(&home()));
    }
    assert_eq!(other.heard(), []);
}

#[tokio::test]
async fn a_redis_that_is_not_there_costs_nothing_but_the_messages() {
    let Some(server) = OwnRedis::one() else { return };
    let redis = redis_of(&server);
    drop(server);
    let node = Node::new(&redis, "alone");
    node.relay.follow(slice());
    for number in 0..10_000 {
        node.relay.tell(&home(), &state(number % 5_000, 1));
    }
    let standing = node.relay.standing();
    assert!(!standing.connected && standing.dropped > 0, "{standing:?}");
    node.relay.leave().await;
}

#[tokio::test]
async fn nodes_hear_each_other_over_a_cluster_too() {
    let Some((_, redis)) = shared_cluster() else { return };
    let (one, other) = two_nodes(redis).await;
    let accounts: Vec<AccountId> = (0..50).map(|number| id(&format!("home-{number}"))).collect();
    for account in &accounts {
        other.relay.follow(Slice::of(account));
    }
    for account in &accounts {
        eventually("it is known", async || one.relay.wants(account)).await;
        one.relay.tell(account, &state(1, 2));
    }
    eventually("all are heard", async || {
        other.relay.standing().heard == u64::try_from(accounts.len()).unwrap()
    })
    .await;
}
