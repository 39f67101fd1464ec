//! Rows in any order, told twice, with actors that fail and a restart at the end: nothing of it
//! shows in any answer.

use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use viewlog::actors::Refusal;
use viewlog::events::Record;

use super::{Export, answers, assert_agrees, exports, import};
use crate::site::Site;
use crate::support::{eventually, home};

/// Every so many batches the account's actor fails, while it has one to record or before.
const PANIC_EVERY: usize = 6;

/// Every record twice, in batches of any size, none of which has it twice.
fn batches(export: &Export, dice: &mut StdRng) -> Vec<Vec<Record>> {
    let mut batches = Vec::new();
    for _ in 0..2 {
        let mut records = export.records();
        records.shuffle(dice);
        while !records.is_empty() {
            let size = dice.random_range(1..200).min(records.len());
            batches.push(records.split_off(records.len() - size));
        }
    }
    batches.shuffle(dice);
    batches
}

/// Sends a batch until it is recorded, as any client would; how much was said to be new. What an
/// actor recorded and failed to say is known the next time, and not counted.
async fn deliver(site: &Site, batch: &[Record], has_panic: bool) -> usize {
    let accounts = site.app.node().system.accounts();
    let mut waiting: Vec<(usize, Record)> = batch.iter().cloned().enumerate().collect();
    let (mut recorded, mut panics) = (0, usize::from(has_panic));
    eventually("the batch is recorded", async || {
        let outcome = tokio::join!(accounts.import(home(), waiting.clone()), async {
            if panics > 0 {
                accounts.panic(&home());
                panics -= 1;
            }
        });
        let outcome = outcome.0;
        recorded += outcome.recorded;
        let again: Vec<usize> = outcome
            .refused
            .into_iter()
            .map(|refused| {
                let again = matches!(refused.refusal, Refusal::ActorFailed { .. });
                assert!(again, "{:?}", refused.refusal);
                refused.index
            })
            .collect();
        waiting.retain(|(index, _)| again.contains(index));
        waiting.is_empty()
    })
    .await;
    recorded
}

async fn straight(export: &Export) -> Vec<serde_json::Value> {
    let site = Site::start().await;
    import(&site, &export.records()).await;
    let told = answers(&site, export).await;
    site.stop().await;
    told
}

async fn rough(export: &Export, data: &Path, dice: &mut StdRng) {
    let site = Site::on(data, &[]).await;
    let mut recorded = 0;
    for (number, batch) in batches(export, dice).iter().enumerate() {
        recorded += deliver(&site, batch, number % PANIC_EVERY == 0).await;
    }
    assert!(recorded <= export.distinct(), "{}: {recorded}", export.name);
    let restarts = site.app.node().system.observe();
    let restarts = restarts.kinds.iter().find(|kind| kind.name == "account").unwrap();
    assert!(restarts.restarts + restarts.given_up > 0, "no actor failed");
    assert_agrees(&site, export).await;
    site.stop().await;
}

#[actix_web::test]
async fn shuffled_repeated_and_through_failures_the_answers_are_the_same() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    for export in exports() {
        let data = tempfile::tempdir().unwrap();
        let expected = straight(&export).await;
        rough(&export, data.path(), &mut dice).await;
        let site = Site::on(data.path(), &[]).await;
        assert_agrees(&site, &export).await;
        let told = answers(&site, &export).await;
        assert!(told == expected, "{}, seed {seed}", export.name);
        assert_eq!(import(&site, &export.records()).await, 0, "{}, seed {seed}", export.name);
        site.stop().await;
    }
}
