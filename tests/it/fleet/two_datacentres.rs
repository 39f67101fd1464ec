//! Two datacentres, each with a viewlog and a Redis of its own, that write the same and different
//! accounts: what one recorded comes to the other's views by the marks that the log carries over.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::block_in_place;
use viewlog::events::{AccountId, Clock, SessionId, Slice, SystemClock, Window};

use super::{Fleet, apply_schema, asked, done, fact};
use crate::binary::Served;
use crate::servers::{Cluster, OwnRedis};
use crate::support::{at, eventually, id, within};

/// Enough for a watch to be history.
const FACTS: u64 = 90;
/// A window closes so long from when a household is named: all that is watched has to be in it, and
/// a loaded machine is slow…
const CLOSES_MS: Range<i64> = 45_000..75_000;
/// …and is swept a minute and an append's deadline later.
const SWEPT_WITHIN: Duration = Duration::from_secs(300);
const DEADLINE: (&str, &str) = ("VIEWLOG_ACTORS__APPEND_DEADLINE_MS", "3000");

/// One datacentre's part of a fleet.
struct Region {
    node: Served,
    _redis: OwnRedis,
    _data: tempfile::TempDir,
}

impl Region {
    fn begun(log: String) -> Option<Self> {
        let redis = OwnRedis::one()?;
        let data = tempfile::tempdir().unwrap();
        let fleet = Fleet { log, views: redis.url() };
        let node = fleet.node_with(data.path(), &[DEADLINE]);
        Some(Self { node, _redis: redis, _data: data })
    }

    async fn record(&self, account: &AccountId, fact: &Value) {
        let url = format!("{}/v1/accounts/{account}/events", self.node.url);
        let sent = crate::support::client().post(url).json(fact).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }

    /// What is answered of an account, without when and from where.
    async fn answers(&self, account: &AccountId) -> (Vec<Value>, bool) {
        let mut from_views = true;
        let mut answers = Vec::new();
        let of = format!("{}/v1/accounts/{account}", self.node.url);
        for question in ["profiles", "profiles/anna/history", "profiles/anna/resume/film"] {
            let mut answer = asked(&format!("{of}/{question}")).await;
            from_views &= answer["source"] == "views";
            for field in ["as_of", "stale", "source"] {
                answer.as_object_mut().unwrap().remove(field);
            }
            answers.push(answer);
        }
        (answers, from_views)
    }

    async fn views_are_complete(&self, account: &AccountId) {
        let url = format!("{}/v1/accounts/{account}/profiles", self.node.url);
        eventually("views are there", async || asked(&url).await["source"] == "views").await;
    }

    /// What the sweeper read again by itself.
    async fn swept_sessions(&self) -> f64 {
        let metrics = crate::support::get(format!("{}/metrics", self.node.url)).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let swept =
            metrics.lines().find_map(|line| line.strip_prefix("viewlog_swept_sessions_total "));
        swept.map_or(0.0, |count| count.parse().unwrap())
    }
}

/// A household of this name whose window closes soon.
fn household(name: &str) -> AccountId {
    let now = SystemClock.now();
    let closes_soon = |account: &AccountId| {
        let slice = Slice::of(account);
        let left_ms = Window::at(slice, now).ends_at(slice).since_ms(now);
        CLOSES_MS.contains(&left_ms)
    };
    let named = (0..).map(|number| id(&format!("{name}-{number}")));
    named.into_iter().find(closes_soon).unwrap()
}

/// The households that both regions write, or one alone.
struct Households {
    both: AccountId,
    first: AccountId,
    second: AccountId,
}

impl Households {
    fn named(name: &str) -> Self {
        let named = |whose: &str| household(&format!("{name}-{whose}"));
        Self { both: named("both"), first: named("first"), second: named("second") }
    }

    fn all(&self) -> [&AccountId; 3] {
        [&self.both, &self.first, &self.second]
    }

    /// Of the one that both write, a session of each region, and one whose facts come to both by
    /// turns.
    async fn watch(&self, regions: &[Region; 2]) {
        for region in regions {
            for account in self.all() {
                region.views_are_complete(account).await;
            }
        }
        let [one, other] = regions;
        let session = |number| SessionId::derived(at(0), number);
        for seq in 0..FACTS {
            let in_turn = if seq % 2 == 0 { one } else { other };
            let facts = [1, 2, 3, 4, 5].map(|number| fact(session(number), seq));
            tokio::join!(
                in_turn.record(&self.both, &facts[0]),
                one.record(&self.both, &facts[1]),
                other.record(&self.both, &facts[2]),
                one.record(&self.first, &facts[3]),
                other.record(&self.second, &facts[4]),
            );
        }
    }

    /// Both regions know all of it, from their views.
    async fn are_known(&self, regions: &[Region; 2], patience: Duration) {
        let [one, other] = regions;
        for (account, sessions) in self.all().into_iter().zip([1..4, 4..5, 5..6]) {
            within(patience, "both regions answer alike, from their views", async || {
                let ((of_one, from_views), (of_other, also)) =
                    (one.answers(account).await, other.answers(account).await);
                from_views && also && of_one == of_other
            })
            .await;
            let (answers, _) = one.answers(account).await;
            assert_eq!(answers[2]["position_ms"], (FACTS - 1) * 1_000, "{answers:?}");
            for (region, number) in
                regions.iter().flat_map(|one| sessions.clone().map(move |n| (one, n)))
            {
                let session = SessionId::derived(at(0), number);
                let url = format!("{}/v1/accounts/{account}/sessions/{session}", region.node.url);
                let state = asked(&url).await;
                assert_eq!(state["seq"], FACTS - 1, "{state}");
                assert_eq!((&state["missing"], &state["conflict"]), (&json!([]), &json!(false)));
                let told = answers[1].to_string().contains(&session.to_string());
                assert!(told, "the history lacks {session}: {answers:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_datacentres_come_to_the_same_answers_by_the_marks_in_the_log() {
    let Some(cluster) = Cluster::two_datacentres() else { return };
    let keyspace = cluster.keyspace();
    apply_schema(&cluster.url(&keyspace, "dc1"), "dc1:1,dc2:1");
    let region = |datacentre| Region::begun(cluster.url(&keyspace, datacentre));
    let (Some(one), Some(other)) = (region("dc1"), region("dc2")) else { return };
    let regions = [one, other];

    let swept_by_itself = Households::named("waits");
    swept_by_itself.watch(&regions).await;
    swept_by_itself.are_known(&regions, SWEPT_WITHIN).await;
    for region in &regions {
        let is_counted = async || region.swept_sessions().await >= 5.0;
        eventually("each sweep is counted when its window is done", is_counted).await;
    }

    let swept_by_hand = Households::named("by-hand");
    swept_by_hand.watch(&regions).await;
    // The other region's copies may still be on their way.
    within(Duration::from_secs(60), "each region has the other's facts", async || {
        let [one, other] = &regions;
        let known = async |region: &Region, account: &AccountId, number| {
            let session = SessionId::derived(at(0), number);
            let url = format!("{}/v1/accounts/{account}/sessions/{session}", region.node.url);
            asked(&url).await["seq"] == FACTS - 1
        };
        known(one, &swept_by_hand.second, 5).await && known(other, &swept_by_hand.first, 4).await
    })
    .await;
    for region in &regions {
        block_in_place(|| done(&region.node.url, &["sweep", "--from", "1h"]));
    }
    swept_by_hand.are_known(&regions, Duration::from_secs(20)).await;
    the_other_datacentre_is_not_missed(&cluster, &regions[0]).await;
    for Region { node, .. } in regions {
        block_in_place(|| done(&node.url, &["verify"]));
        assert_eq!(node.terminate(), Some(0));
    }
}

/// What is recorded and read in one datacentre waits for no answer of another.
async fn the_other_datacentre_is_not_missed(cluster: &Cluster, region: &Region) {
    cluster.pause(2);
    let (account, session) = (id("alone"), SessionId::derived(at(0), 6));
    for seq in 0..FACTS {
        region.record(&account, &fact(session, seq)).await;
    }
    let (answers, _) = region.answers(&account).await;
    assert_eq!(answers[2]["position_ms"], (FACTS - 1) * 1_000, "{answers:?}");
    cluster.resume(2);
}
