//! What is asked of an account beside recording. The actor does it itself, one at a time with its
//! batches, so that an erasure, a compaction and an append of its own never race.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::look::{self, Look};
use super::memory::Memory;
use super::{compact, erase, renew};
use crate::actors::host::Vitals;
use crate::actors::{Chaos, Compaction, Deps, Receipt, Refusal};
use crate::events::{AccountId, AppendError, ReadError, Scope, SessionId, Timestamp, Week};

/// When to ask again for what the log did not do.
const RETRY_AFTER_MS: u64 = 1_000;

/// Where the answer goes.
pub(in crate::actors) type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// Something for one account.
#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::actors) enum Errand {
    /// Erases a scope.
    Erase(Scope, Answer<Receipt>),
    /// Compacts the weeks that closed before an instant.
    Compact(Timestamp, Answer<Compaction>),
    /// Makes the snapshots of a week again.
    Renew(Week, Answer<usize>),
    /// Looks what another node recorded of a session of which something is missing here.
    Look(SessionId, Look),
    /// Panics at once, to show what happens then.
    Panic,
}

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// Does it, answers, and gives back what memory can still be trusted.
pub(super) async fn run(
    account: AccountId,
    mut memory: Box<Memory>,
    errand: Errand,
    (deps, vitals): (Arc<Deps>, &Vitals),
) -> Box<Memory> {
    match errand {
        Errand::Erase(scope, answer) => {
            let done = erase::erase(&account, &scope, &deps).await;
            let words = ("an erasure failed", "the log could not erase at the moment; ask again");
            tell(answer, done, words);
            Box::default()
        }
        Errand::Compact(before, answer) => {
            let done = compact::compact(&account, before, &deps, || vitals.done(0)).await;
            let asked_again = "the log could not be compacted at the moment; ask again";
            tell(answer, done, ("a compaction failed", asked_again));
            Box::default()
        }
        Errand::Renew(week, answer) => {
            let done = renew::renew(&account, week, &mut memory, &deps).await;
            let words = ("snapshots could not be renewed", "the log did not answer; ask again");
            tell(answer, done, words);
            memory
        }
        Errand::Look(session, which) => {
            look::look(&account, (session, which), &mut memory, &deps).await;
            memory
        }
        Errand::Panic => {
            Chaos::panic();
            memory
        }
    }
}

/// Whoever asked may have hung up; it is done all the same.
fn tell<T>(
    answer: Answer<T>,
    done: Result<T, Failure>,
    (logged, detail): (&'static str, &'static str),
) {
    let _ = answer.send(done.map_err(|failure| {
        tracing::error!(error = %failure, "{logged}");
        Refusal::StoreUnavailable { detail: detail.to_owned(), retry_after_ms: RETRY_AFTER_MS }
    }));
}
