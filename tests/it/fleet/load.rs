//! Players that report as fast as they are answered while servers break: each sends its next facts
//! until a node has acknowledged them, to the next node after each refusal. What was acknowledged
//! is what must be found afterwards, and how long nothing was is measured.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use viewlog::events::SessionId;

use super::{asked, done};
use crate::faults::{Numbers, numbers};
use crate::support::{a_moment, at, eventually};

/// How players report.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    /// What their households' names begin with, each of which has four players.
    pub(super) households: &'static str,
    pub(super) players: u64,
    /// Facts of one request.
    pub(super) at_once: u64,
    /// After so long without an answer the next node is asked.
    pub(super) answer_within: Duration,
    /// A player reports no more often than this.
    pub(super) every: Duration,
}

impl Habits {
    /// Two dozen of these households' players, of a fact a request.
    pub(super) fn of(households: &'static str) -> Self {
        let (answer_within, every) = (Duration::from_secs(15), Duration::from_millis(1));
        Self { households, players: 24, at_once: 1, answer_within, every }
    }
}

/// Players at work.
pub(super) struct Load {
    players: Vec<JoinHandle<Player>>,
    tally: Arc<Mutex<Tally>>,
    stop: watch::Sender<bool>,
}

/// One device of one profile with one session.
#[derive(Debug, Clone)]
pub(super) struct Player {
    account: String,
    profile: String,
    session: SessionId,
    /// Every fact below was acknowledged.
    acknowledged: u64,
}

/// What players met with.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    begun: Instant,
    pub(super) requests: u64,
    /// Facts.
    pub(super) acknowledged: u64,
    /// Requests that were refused, or not answered.
    pub(super) refused: u64,
    /// From the first refusal to the last.
    refusals: Option<(Instant, Instant)>,
    last: Instant,
    /// The longest time in which nobody had anything acknowledged.
    longest_gap: Duration,
    /// A refusal for people to read.
    example: Option<String>,
}

impl Load {
    /// Lets players report to these nodes.
    pub(super) fn begin(habits: &Habits, nodes: &[&str]) -> Self {
        let tally = Arc::new(Mutex::new(Tally::begun()));
        let stop = watch::Sender::new(false);
        let nodes: Vec<String> = nodes.iter().map(|url| (*url).to_owned()).collect();
        let each = (0..habits.players).map(|number| {
            let player = Player {
                account: format!("{}-{}", habits.households, number / 4),
                profile: format!("person-{}", number % 4),
                session: SessionId::derived(at(0), u128::from(number)),
                acknowledged: 0,
            };
            let first = usize::try_from(number).unwrap();
            let told = (Arc::clone(&tally), stop.subscribe());
            tokio::spawn(player.report(habits.clone(), (nodes.clone(), first), told))
        });
        Self { players: each.collect(), tally, stop }
    }

    /// What they met with so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many more facts are acknowledged.
    pub(super) async fn goes_on(&self, facts: u64) {
        let before = self.tally().acknowledged;
        eventually("facts are acknowledged", async || self.tally().acknowledged >= before + facts)
            .await;
    }

    /// Waits until so many facts in a row are acknowledged, and none refused.
    pub(super) async fn goes_on_unrefused(&self, facts: u64) {
        let mut before = self.tally();
        eventually("facts are acknowledged and none refused", async || {
            let now = self.tally();
            if now.refused > before.refused {
                before = now;
                return false;
            }
            now.acknowledged >= before.acknowledged + facts
        })
        .await;
    }

    /// Lets all have acknowledged what they are at.
    pub(super) async fn end(self) -> (Vec<Player>, Tally) {
        self.stop.send_replace(true);
        let players = join_all(self.players).await.into_iter().map(Result::unwrap).collect();
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (players, tally)
    }
}

impl Tally {
    fn begun() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            requests: 0,
            acknowledged: 0,
            refused: 0,
            refusals: None,
            last: now,
            longest_gap: Duration::ZERO,
            example: None,
        }
    }

    fn count(&mut self, sent: Result<u64, String>) {
        let now = Instant::now();
        self.requests += 1;
        match sent {
            Ok(facts) => {
                self.acknowledged += facts;
                self.longest_gap = self.longest_gap.max(now - self.last);
                self.last = now;
            }
            Err(why) => {
                self.refused += 1;
                self.refusals = Some((self.refusals.map_or(now, |(first, _)| first), now));
                self.example = Some(why);
            }
        }
    }

    /// How long anything was refused, from the first refusal to the last.
    fn refusing(&self) -> Duration {
        self.refusals.map_or(Duration::ZERO, |(first, last)| last - first)
    }

    /// Says it where it is seen also when the test passes.
    pub(super) fn say(&self, what: &str) {
        let Self { requests, acknowledged, refused, longest_gap, begun, .. } = self;
        let (refusing, took) = (self.refusing(), begun.elapsed());
        let example = self.example.as_deref().unwrap_or("none");
        let _ = writeln!(
            std::io::stderr(),
            "{what}: {requests} requests in {took:.1?}, {acknowledged} facts acknowledged, \
             {refused} requests refused within {refusing:.1?} (the last: {example}), the longest \
             gap in acknowledgements {longest_gap:.1?}"
        );
    }
}

impl Player {
    fn fact(&self, seq: u64) -> Value {
        json!({
            "profile": self.profile, "title": "film", "session": self.session, "seq": seq,
            "kind": if seq == 0 { "started" } else { "progressed" },
            "at": at(i64::try_from(seq).unwrap()), "position_ms": seq * 1_000,
            "duration_ms": 200_000_000,
        })
    }

    async fn report(
        mut self,
        habits: Habits,
        (nodes, first): (Vec<String>, usize),
        (tally, stop): (Arc<Mutex<Tally>>, watch::Receiver<bool>),
    ) -> Self {
        let client =
            Client::builder().tls_certs_only([]).timeout(habits.answer_within).build().unwrap();
        let mut turn = first;
        let mut is_done = true;
        let mut pace = interval(habits.every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(is_done && *stop.borrow()) {
            pace.tick().await;
            let sent = self.send(&client, &nodes[turn % nodes.len()], habits.at_once).await;
            is_done = sent.is_ok();
            self.acknowledged += sent.as_ref().map_or(0, |facts| *facts);
            tally.lock().unwrap_or_else(PoisonError::into_inner).count(sent);
            if !is_done {
                turn += 1;
                a_moment().await;
            }
        }
        self
    }

    /// Sends the next facts; how many are acknowledged, or why they are not.
    async fn send(&self, client: &Client, node: &str, at_once: u64) -> Result<u64, String> {
        let seqs = self.acknowledged..self.acknowledged + at_once;
        let facts: Vec<Value> = seqs.map(|seq| self.fact(seq)).collect();
        let url = format!("{node}/v1/accounts/{}/events", self.account);
        let sent = client.post(url).json(&json!({ "events": facts })).send().await;
        let response = sent.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let answer = response.text().await.map_err(|error| format!("{error:?}"))?;
        let told: Value = serde_json::from_str(&answer).unwrap();
        if matches!(status, 429 | 503) {
            return Err(format!("{status} {}", told["detail"]));
        }
        assert_eq!(status, 200, "{answer}");
        let count = |what: &str| told[what].as_u64().unwrap();
        assert_eq!(count("recorded") + count("duplicates"), at_once, "{answer}");
        Ok(at_once)
    }

    /// Where this person stopped, as a node answers it.
    fn resume(&self, node: &str) -> String {
        format!("{node}/v1/accounts/{}/profiles/{}/resume/film", self.account, self.profile)
    }
}

/// Everything that was acknowledged is in the log, once, and nothing else is.
pub(super) async fn nothing_is_lost(players: &[Player], node: &str) {
    assert!(players.iter().all(|player| player.acknowledged > 0), "{players:?}");
    let mut accounts = BTreeMap::<&str, Numbers>::new();
    for player in players {
        let account = format!("{node}/v1/accounts/{}", player.account);
        if !accounts.contains_key(player.account.as_str()) {
            let exported = crate::support::get(format!("{account}/export")).await.unwrap();
            assert_eq!(exported.status(), 200);
            accounts.insert(&player.account, numbers(&exported.text().await.unwrap()));
        }
        let kept = &accounts[player.account.as_str()][&player.session.to_string()];
        assert!(kept.iter().copied().eq(0..player.acknowledged), "{player:?} has {kept:?}");
        let state = asked(&format!("{account}/sessions/{}", player.session)).await;
        let found = (&state["seq"], &state["missing"], &state["conflict"]);
        let last = json!(player.acknowledged - 1);
        assert_eq!(found, (&last, &json!([]), &json!(false)), "{state}");
    }
}

/// What a node answers once everything is well again, by itself.
pub(super) async fn is_well(players: &[Player], node: &str) {
    eventually("the node is ready", async || {
        crate::support::get(format!("{node}/readyz")).await.is_ok_and(|ready| ready.status() == 200)
    })
    .await;
    eventually("both stores are well", async || {
        let system = asked(&format!("{node}/v1/system")).await;
        system["views"]["ok"] == true && system["log"]["ok"] == true
    })
    .await;
    for player in players {
        let position_ms = (player.acknowledged - 1) * 1_000;
        eventually("the views have all of it", async || {
            let answer = asked(&player.resume(node)).await;
            answer["source"] == "views" && answer["position_ms"] == position_ms
        })
        .await;
    }
    done(node, &["verify"]);
}
