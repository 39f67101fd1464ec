//! Signals between nodes by streams: on one server and on a cluster alike.

use std::collections::BTreeSet;
use std::time::Duration;

use viewlog::events::{AccountId, Mark, MarkKind, SessionId};
use viewlog::projections::{Delivered, Recorded, Redis, Signals, SignalsOptions, Subject};

use super::{fresh_prefix, shared_cluster, shared_redis, state, told, way};
use crate::servers::OwnRedis;
use crate::support::{at, eventually, home, id, session};

/// Nodes that share streams which nobody else uses.
struct Nodes {
    redis: Redis,
    options: SignalsOptions,
}

impl Nodes {
    fn on(redis: &Redis) -> Self {
        let options = SignalsOptions { prefix: fresh_prefix(), ..SignalsOptions::default() };
        Self { redis: redis.clone(), options }
    }

    /// On the server that tests share, and on the cluster that they share.
    fn everywhere() -> Vec<Self> {
        let one = shared_redis().map(Self::on);
        one.into_iter().chain(shared_cluster().map(|(_, redis)| Self::on(redis))).collect()
    }

    /// What was read and not acknowledged is at once another's.
    fn hasty(mut self) -> Self {
        self.options.reclaim_after = Duration::ZERO;
        self
    }

    fn node(&self, name: &str) -> Signals {
        Signals::new(&self.redis, self.options.clone(), name)
    }

    async fn joined(&self, name: &str) -> Signals {
        let node = self.node(name);
        node.join().await.unwrap();
        node
    }
}

/// The accounts of a test; they are in all streams.
fn accounts() -> Vec<AccountId> {
    (0..100).map(|number| id(&format!("account-{number}"))).collect()
}

/// Puts each account's session there, as it stands after so many facts.
async fn published(node: &Signals, accounts: &[AccountId], facts: usize) {
    let state = state(1, facts);
    let each = accounts.iter().map(|account| (account, Recorded::Session(&state)));
    node.publish(each).await.unwrap();
}

/// Whose sessions were told, with how many facts each.
fn heard(delivered: &Delivered) -> BTreeSet<(AccountId, u32)> {
    let each = delivered.each().map(|(account, what)| match what {
        Recorded::Session(state) => (account.clone(), state.facts),
        Recorded::Mark(_) => (account.clone(), 0),
    });
    each.collect()
}

fn expected(accounts: &[AccountId], facts: u32) -> BTreeSet<(AccountId, u32)> {
    accounts.iter().map(|account| (account.clone(), facts)).collect()
}

/// Reads in turns, without acknowledging, until so many entries came.
async fn read(nodes: &[&Signals], count: usize) -> Vec<Vec<Delivered>> {
    let mut all: Vec<Vec<Delivered>> = nodes.iter().map(|_| vec![]).collect();
    eventually("all is read", async || {
        for (node, mine) in nodes.iter().zip(&mut all) {
            mine.push(node.read().await.unwrap());
        }
        all.iter().flatten().map(Delivered::len).sum::<usize>() >= count
    })
    .await;
    all
}

async fn acknowledged(node: &Signals, read: &[Delivered]) {
    for delivered in read {
        node.acknowledge(delivered).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_read_by_one_node_and_gone_once_it_is_acknowledged() {
    for nodes in Nodes::everywhere() {
        let (collector, accounts) = (nodes.node("collector"), accounts());
        // Also what came before anybody read.
        published(&collector, &accounts[..50], 3).await;
        let (one, other) = (nodes.joined("one").await, nodes.joined("other").await);
        published(&collector, &accounts[50..], 3).await;
        let all = read(&[&one, &other], 100).await;
        let told: Vec<_> = all.iter().flatten().flat_map(heard).collect();
        assert_eq!(told.len(), 100, "nothing is told twice");
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected(&accounts, 3));
        let seen = collector.look().await.unwrap();
        assert_eq!((seen.waiting(), seen.pending()), (100, 100));
        assert!(seen.lag_ms().is_some());
        acknowledged(&one, &all[0]).await;
        acknowledged(&other, &all[1]).await;
        let seen = collector.look().await.unwrap();
        assert_eq!((seen.waiting(), seen.pending(), seen.lag_ms()), (0, 0, None));
        assert_eq!(seen.loss(), None);
        let (first, second) = (one.standing(), other.standing());
        assert_eq!(collector.standing().published, 100);
        assert_eq!(
            (first.read + second.read, first.acknowledged + second.acknowledged),
            (100, 100)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_session_the_newest_is_told_and_what_a_person_said_in_full() {
    for nodes in Nodes::everywhere() {
        let node = nodes.joined("one").await;
        for facts in [1, 3, 2] {
            published(&node, &[home()], facts).await;
        }
        let mark = Mark {
            command: SessionId::derived(at(1), 7),
            profile: id("anna"),
            at: at(1),
            received_at: at(2),
            kind: MarkKind::TitleHidden { title: id("film") },
        };
        node.publish([(&home(), Recorded::Mark(&mark))].into_iter()).await.unwrap();
        let all = read(&[&node], 4).await;
        let told: Vec<Subject> = all[0]
            .iter()
            .flat_map(Delivered::each)
            .map(|(_, what)| match what {
                Recorded::Session(state) => Subject::Session(state.clone()),
                Recorded::Mark(mark) => Subject::Mark(mark.clone()),
            })
            .collect();
        assert_eq!(told, [Subject::Session(state(1, 3)), Subject::Mark(mark)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_read_and_left_is_given_to_another_after_a_while() {
    for nodes in Nodes::everywhere() {
        let (dead, accounts) = (nodes.joined("dead").await, accounts());
        published(&dead, &accounts, 2).await;
        read(&[&dead], 100).await;
        let patient = nodes.joined("patient").await;
        assert!(patient.claim().await.unwrap().is_empty(), "it may still be at it");
        let heir = nodes.hasty().joined("heir").await;
        let claimed = heir.claim().await.unwrap();
        assert_eq!(heard(&claimed), expected(&accounts, 2));
        heir.acknowledge(&claimed).await.unwrap();
        assert!(dead.owed().await.unwrap().is_empty());
        assert_eq!(heir.look().await.unwrap().waiting(), 0);
        assert_eq!((heir.standing().claimed, heir.standing().acknowledged), (100, 100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_owes_it_is_told_again() {
    for nodes in Nodes::everywhere() {
        let node = nodes.joined("one").await;
        published(&node, &accounts(), 2).await;
        read(&[&node], 100).await;
        let again = nodes.node("one");
        assert_eq!(heard(&again.owed().await.unwrap()), expected(&accounts(), 2));
        again.acknowledge(&again.owed().await.unwrap()).await.unwrap();
        assert!(again.owed().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_loses_its_oldest_and_everybody_learns_of_it_once() {
    for mut nodes in Nodes::everywhere() {
        nodes.options.stream_max = 10;
        let node = nodes.joined("one").await;
        for facts in 1..=100 {
            published(&node, &[home()], facts).await;
        }
        // Servers cut off whole blocks of a hundred.
        published(&node, &vec![home(); 400], 100).await;
        let seen = node.look().await.unwrap();
        let lost = node.standing().lost;
        assert!(lost >= 200 && lost + seen.waiting() == 500, "{lost} of 500; {seen:?}");
        assert!(seen.loss().is_some());
        let other = nodes.node("other");
        assert_eq!(
            other.look().await.unwrap().loss().map(|(_, at)| at),
            seen.loss().map(|(_, at)| at)
        );
        assert_eq!(other.standing().lost, 0, "it is counted by one");
        let rest = usize::try_from(seen.waiting()).unwrap();
        let all = read(&[&node], rest).await;
        acknowledged(&node, &all[0]).await;
        node.look().await.unwrap();
        assert_eq!(node.standing().lost, lost, "what is merged is not lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_while_a_node_owes_it_is_acknowledged_and_lost() {
    let Some(server) = OwnRedis::one() else { return };
    let nodes = Nodes::on(&way(&server.url()));
    let node = nodes.joined("one").await;
    published(&node, &accounts(), 2).await;
    read(&[&node], 100).await;
    for number in 0..16 {
        let stream = format!("{}signals:{{{number}}}", nodes.options.prefix);
        told::<u64>(&server, &["XTRIM", &stream, "MAXLEN", "0"]);
    }
    let owed = node.owed().await.unwrap();
    assert_eq!((owed.len(), owed.damaged(), owed.each().count()), (100, 100, 0));
    node.acknowledge(&owed).await.unwrap();
    assert!(node.owed().await.unwrap().is_empty());
    assert!(node.look().await.unwrap().loss().is_some());
    assert_eq!(node.standing().lost, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flush_reading_fails_once_and_goes_on_with_a_group_made_anew() {
    let Some(server) = OwnRedis::one() else { return };
    let nodes = Nodes::on(&way(&server.url()));
    let node = nodes.joined("one").await;
    server.flush();
    published(&node, &accounts(), 2).await;
    node.read().await.unwrap_err();
    node.join().await.unwrap();
    let all = read(&[&node], 100).await;
    assert_eq!(all[0].iter().flat_map(heard).collect::<BTreeSet<_>>(), expected(&accounts(), 2));
    assert_eq!(node.look().await.unwrap().loss(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_counted_and_can_be_acknowledged() {
    let Some(server) = OwnRedis::one() else { return };
    let nodes = Nodes::on(&way(&server.url()));
    let node = nodes.joined("one").await;
    let stream = format!("{}signals:{{0}}", nodes.options.prefix);
    for fields in [&["s", "no signal"][..], &["another", "field"], &["s", ""]] {
        let words = [&["XADD", &stream, "*"][..], fields].concat();
        told::<String>(&server, &words);
    }
    let all = read(&[&node], 3).await;
    assert_eq!(all[0].iter().map(|one| one.each().count()).sum::<usize>(), 0);
    acknowledged(&node, &all[0]).await;
    assert_eq!(node.standing().damaged, 3);
    assert_eq!(node.look().await.unwrap().waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_is_forgotten_unless_it_owes_something() {
    let Some(server) = OwnRedis::one() else { return };
    let nodes = Nodes::on(&way(&server.url()));
    let (tidy, owing) = (nodes.joined("tidy").await, nodes.joined("owing").await);
    published(&tidy, &[home()], 1).await;
    acknowledged(&tidy, &read(&[&tidy], 1).await[0]).await;
    published(&owing, &[home()], 1).await;
    let all = read(&[&owing], 1).await;
    let known = || -> Vec<String> {
        let names = (0..16).flat_map(|number| {
            let stream = format!("{}signals:{{{number}}}", nodes.options.prefix);
            let all: Vec<Vec<redis::Value>> =
                told(&server, &["XINFO", "CONSUMERS", &stream, "process"]);
            all.into_iter().map(|fields| redis::from_redis_value(fields[1].clone()).unwrap())
        });
        names.collect::<BTreeSet<String>>().into_iter().collect()
    };
    assert_eq!(known(), ["owing", "tidy"]);
    tidy.leave().await.unwrap();
    owing.leave().await.unwrap();
    owing.dismiss_idle().await.unwrap();
    assert_eq!(known(), ["owing"]);
    acknowledged(&owing, &all[0]).await;
    owing.leave().await.unwrap();
    assert!(known().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_published_knows_when_others_have_merged_it() {
    for nodes in Nodes::everywhere() {
        let (collector, processor) = (nodes.node("collector"), nodes.joined("processor").await);
        let states: Vec<_> = (0..3).map(|number| state(number, 1)).collect();
        assert_ne!(session(0), session(1));
        let of_first = [(&home(), Recorded::Session(&states[0]))];
        let first = collector.publish(of_first.into_iter()).await.unwrap();
        assert!(!collector.look().await.unwrap().is_merged(&first));
        let all = read(&[&processor], 1).await;
        // An instant of the server later, so that the two are told apart.
        let before = collector.look().await.unwrap().until_now();
        eventually("its clock goes on", async || {
            collector.look().await.unwrap().until_now() != before
        })
        .await;
        let of_second = [(&home(), Recorded::Session(&states[1]))];
        let second = collector.publish(of_second.into_iter()).await.unwrap();
        acknowledged(&processor, &all[0]).await;
        let seen = collector.look().await.unwrap();
        assert!(seen.is_merged(&first) && !seen.is_merged(&second));
        assert!(!seen.is_merged(&first.and(second)));
    }
}
