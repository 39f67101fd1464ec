//! What a node had on its way to the views when it ended without a word.
//!
//! Nobody can tell a node that died from one that others do not hear: answers are stale until the
//! sweep has been through. But who is started where a node crashed knows, and sweeps at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Deps;
use super::sweeper::sweep_of;
use crate::projections::{CLOCKS_MS, Lags, LastWord, Pass, Progress, StoresError};

/// How often it is listened for.
const ROUND: Duration = Duration::from_secs(1);
/// Who says nothing for so long, and speaks each second while it lives, is dead.
const SILENT_MS: i64 = 5_000;

/// Sweeps what nodes had on their way that crashed one after the other.
pub(super) async fn sweep_after_each(crashed: Vec<String>, lags: Arc<Lags>, deps: Arc<Deps>) {
    deps.sweeping.owe(!crashed.is_empty());
    let mut is_done = true;
    for crashed in crashed {
        is_done &= sweep_after(&crashed, &lags, &deps).await;
    }
    deps.sweeping.owe(!is_done);
}

/// Sweeps what a node had on its way that crashed, and says that it is done; false when it is not.
async fn sweep_after(crashed: &str, lags: &Lags, deps: &Arc<Deps>) -> bool {
    let Some(word) = last_word(crashed, lags).await else { return true };
    match sweep(&word, deps).await {
        Ok(sessions) => {
            tracing::info!(node = crashed, sessions, "what a crash left on its way was swept");
            // If it is not heard, answers are stale until the next sweep.
            lags.forget(crashed).await.is_ok()
        }
        Err(error) => {
            tracing::warn!(node = crashed, %error, "a crash is not swept after yet");
            false
        }
    }
}

/// What it said last; `None` when there is nothing to do, or when it speaks still because the
/// directory is a copy of that of a node that runs.
async fn last_word(crashed: &str, lags: &Lags) -> Option<LastWord> {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first_said_ms = None;
    loop {
        round.tick().await;
        let Ok(heard) = lags.word_of(crashed).await else { continue };
        let word = heard?;
        if word.said_ms != *first_said_ms.get_or_insert(word.said_ms) {
            return None;
        }
        if word.silent_ms >= SILENT_MS {
            return Some(word);
        }
    }
}

async fn sweep(word: &LastWord, deps: &Arc<Deps>) -> Result<u64, StoresError> {
    // Its clock, which named the windows that it marked, may have differed.
    let from = deps.clock.now().plus_ms(-word.behind_ms - CLOCKS_MS);
    let progress = Progress::default();
    sweep_of(deps).all_since(from, Pass::First, &progress).await?;
    Ok(progress.events())
}
