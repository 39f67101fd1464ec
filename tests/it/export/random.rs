//! Whatever a household recorded, in whatever order and batches, comes back.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{Account, DAY_S, ago, assert_the_same_on, fact};
use crate::site::Site;
use crate::support::id;

const CASES: u32 = 24;
const TITLES: [&str; 3] = ["film", "series", "third"];
const COMMANDS: [&str; 5] = ["hide", "show", "watched", "unwatched", "position"];

/// What a player may have reported.
#[derive(Debug, Clone)]
struct Told {
    days_ago: i64,
    is_bens: bool,
    title: &'static str,
    is_numbered: bool,
    /// What its clock lacks, where it says so.
    lacks_minutes: Option<i64>,
    moves: Vec<Move>,
    /// In which order they arrive; how many at once.
    arrivals: Vec<usize>,
    at_once: usize,
}

#[derive(Debug, Clone)]
struct Move {
    kind: &'static str,
    after_s: i64,
    position_s: u64,
    rate: Option<f64>,
    name: Option<&'static str>,
    is_lost: bool,
}

/// Everything that happened on an account.
#[derive(Debug, Clone)]
struct Past {
    before: Vec<Told>,
    said_before: Vec<(&'static str, &'static str)>,
    is_compacted: bool,
    after: Vec<Told>,
    said_after: Vec<(&'static str, &'static str)>,
}

prop_compose! {
    fn any_move()(
        kind in prop::sample::select(vec![
            "started", "progressed", "progressed", "paused", "resumed", "seeked", "stalled",
            "stopped",
        ]),
        after_s in 0..300_i64, position_s in 0..3_600_u64,
        rate in prop::option::weighted(0.2, 0.0..4.0_f64),
        name in prop::option::weighted(0.2, prop::sample::select(vec!["one", "two"])),
        is_lost in prop::bool::weighted(0.1),
    ) -> Move {
        Move { kind, after_s, position_s, rate, name, is_lost }
    }
}

/// In half of them everything arrives in order.
fn any_told() -> impl Strategy<Value = Told> {
    let moves = prop::collection::vec(any_move(), 1..24);
    let session = (1..60_i64, any::<bool>(), prop::sample::select(&TITLES[..]));
    let numbers = prop::bool::weighted(0.8);
    let clock = prop::option::weighted(0.3, -3_000..3_000_i64);
    (moves, session, numbers, clock, 1..24_usize).prop_flat_map(
        |(moves, (days_ago, is_bens, title), is_numbered, lacks_minutes, at_once)| {
            let in_order: Vec<usize> = (0..moves.len()).collect();
            let arrivals = prop_oneof![Just(in_order.clone()), Just(in_order).prop_shuffle()];
            arrivals.prop_map(move |arrivals| Told {
                days_ago,
                is_bens,
                title,
                is_numbered,
                lacks_minutes,
                moves: moves.clone(),
                arrivals,
                at_once,
            })
        },
    )
}

fn any_words() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let word = (prop::sample::select(&TITLES[..]), prop::sample::select(&COMMANDS[..]));
    prop::collection::vec(word, 0..3)
}

prop_compose! {
    fn any_past()(
        before in prop::collection::vec(any_told(), 0..4), said_before in any_words(),
        is_compacted: bool,
        after in prop::collection::vec(any_told(), 0..3), said_after in any_words(),
    ) -> Past {
        Past { before, said_before, is_compacted, after, said_after }
    }
}

impl Told {
    async fn send(&self, account: &Account<'_>) {
        let facts = self.facts();
        let arriving: Vec<Value> =
            self.arrivals.iter().filter_map(|place| facts[*place].clone()).collect();
        for some in arriving.chunks(self.at_once) {
            let sent_at = self.lacks_minutes.map(|minutes| ago(minutes * 60));
            account.send(sent_at, some).await;
        }
    }

    /// What is lost is none.
    fn facts(&self) -> Vec<Option<Value>> {
        let session = SessionId::fresh(ago(self.days_ago * DAY_S));
        let mut after_s = 0;
        let facts = self.moves.iter().enumerate().map(|(seq, moved)| {
            after_s += moved.after_s;
            let mut fact = fact(session, moved.kind, (after_s, moved.position_s));
            fact["title"] = json!(self.title);
            fact["profile"] = json!(if self.is_bens { "ben" } else { "anna" });
            if self.is_numbered {
                fact["seq"] = json!(seq);
            }
            fact["rate"] = json!(moved.rate);
            fact["name"] = json!(moved.name);
            if moved.kind == "seeked" {
                fact["from_ms"] = json!(moved.position_s);
            }
            (!moved.is_lost).then_some(fact)
        });
        facts.collect()
    }
}

impl Past {
    async fn happen(&self, account: &Account<'_>) {
        for told in &self.before {
            told.send(account).await;
        }
        say(account, &self.said_before).await;
        if self.is_compacted {
            account.compact().await;
        }
        for told in &self.after {
            told.send(account).await;
        }
        say(account, &self.said_after).await;
    }
}

async fn say(account: &Account<'_>, words: &[(&str, &str)]) {
    for (title, command) in words {
        let body = if *command == "position" { json!({ "position_ms": 77 }) } else { json!({}) };
        account.say(&format!("titles/{title}/{command}"), &body).await;
    }
}

#[test]
fn whatever_was_recorded_comes_back() {
    let system = actix_rt::System::new();
    let (site, fresh) = system.block_on(async { (Site::start().await, Site::start().await) });
    let number = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let run = runner.run(&any_past(), |past| {
        number.set(number.get() + 1);
        let account = Account { site: &site, id: id(&format!("home-{}", number.get())) };
        system.block_on(async {
            past.happen(&account).await;
            assert_the_same_on(&fresh, &account, &TITLES).await;
        });
        Ok(())
    });
    system.block_on(async {
        site.stop().await;
        fresh.stop().await;
    });
    run.unwrap();
}
