//! Reads gathered: small ones that come while others are on their way go to Redis together, in one
//! call of one script. What a call costs there by itself is then paid once for all of them.
//!
//! Whatever may take longer goes by itself, so that others come between. So does each read in a
//! cluster, where slices live apart, and while Redis does not answer: then one of them tries, and
//! all others fail at once.

use std::sync::Arc;

use futures_util::future::join_all;
use redis::Value;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::keys::Keys;
use super::merge::not_understood;
use super::read::Asked;
use super::scripts::Scripts;
use super::{Redis, RedisViewsOptions, add_head};
use crate::events::Clock;
use crate::projections::ViewError;

/// How many accounts are read by one call: Redis does nothing else meanwhile.
const ACCOUNTS_MAX: usize = 32;
/// How many calls are on their way at once: while one is answered the other is carried out.
const CALLS_MAX: usize = 2;
/// How many reads wait for a call; further ones wait for these.
const WAITING_MAX: usize = 1_024;

/// Where reads wait for the next call.
#[derive(Clone)]
pub(super) struct Gathered {
    calls: Arc<Calls>,
    waiting: mpsc::Sender<Waiting>,
}

struct Waiting {
    asked: Asked,
    answer: oneshot::Sender<Result<Value, ViewError>>,
}

/// What makes the calls.
pub(super) struct Calls {
    pub(super) redis: Redis,
    pub(super) keys: Keys,
    pub(super) scripts: Arc<Scripts>,
    pub(super) options: RedisViewsOptions,
    pub(super) clock: Arc<dyn Clock>,
}

impl Gathered {
    /// Makes calls until nobody can ask any more.
    pub(super) fn by(calls: Calls) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let (calls, receiver) = (Arc::new(calls), Arc::new(Mutex::new(receiver)));
        for _ in 0..CALLS_MAX {
            calls.redis.spawn(make(Arc::clone(&calls), Arc::clone(&receiver)));
        }
        Self { calls, waiting: sender }
    }

    /// What the script answers for this account.
    pub(super) async fn ask(&self, asked: Asked) -> Result<Value, ViewError> {
        let redis = &self.calls.redis;
        if !asked.is_small || redis.is_cluster() || !redis.is_well() {
            return self.calls.read_one(&asked).await;
        }
        let (answer, answered) = oneshot::channel();
        let is_taken = self.waiting.send(Waiting { asked, answer }).await.is_ok();
        let ended = || ViewError::Unavailable("redis: reads have ended".to_owned());
        if is_taken { answered.await.map_err(|_| ended())? } else { Err(ended()) }
    }
}

/// One call after the other.
async fn make(calls: Arc<Calls>, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    loop {
        let mut next = Vec::with_capacity(ACCOUNTS_MAX);
        if waiting.lock().await.recv_many(&mut next, ACCOUNTS_MAX).await == 0 {
            return;
        }
        calls.answer(next).await;
    }
}

impl Calls {
    /// Answers all of them; each by itself where Redis refuses them together, so that what is wrong
    /// with one account is its own matter.
    async fn answer(&self, waiting: Vec<Waiting>) {
        let asked: Vec<_> = waiting.iter().map(|one| &one.asked).collect();
        match self.read(&asked).await {
            Ok(answers) => {
                for (Waiting { answer, .. }, read) in waiting.into_iter().zip(answers) {
                    let _ = answer.send(Ok(read));
                }
            }
            Err(_) if waiting.len() > 1 && self.redis.is_well() => {
                join_all(waiting.into_iter().map(|one| self.answer_one(one))).await;
            }
            Err(error) => {
                for Waiting { answer, .. } in waiting {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    async fn answer_one(&self, Waiting { asked, answer }: Waiting) {
        let _ = answer.send(self.read_one(&asked).await);
    }

    async fn read_one(&self, asked: &Asked) -> Result<Value, ViewError> {
        let answers = self.read(&[asked]).await?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }

    /// One answer for each.
    async fn read(&self, asked: &[&Asked]) -> Result<Vec<Value>, ViewError> {
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let (now, key) = (self.clock.now(), self.keys.generations(first.slice));
        let read = self.redis.script(&self.scripts.read, &key, |command| {
            add_head(command, &self.options, now);
            asked.iter().for_each(|one| one.add(command, &self.keys));
        });
        match read.await? {
            Value::Array(answers) if answers.len() == asked.len() => Ok(answers),
            answer => Err(not_understood(&answer)),
        }
    }
}
