//! Reads gathered: small ones that come while others are on their way go to Redis together, in one
//! call. What a call costs there by itself is then paid once for all of them, and of accounts that
//! were read before it takes no script.
//!
//! Whatever may take longer goes by itself, so that others come between. So does each read in a
//! cluster, where slices live apart, and while Redis does not answer: then one of them tries, and
//! all others fail at once.

use std::sync::Arc;

use futures_util::future::join_all;
use quick_cache::sync::Cache;
use redis::Value;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::keys::Keys;
use super::merge::not_understood;
use super::proof::{Place, Proof, time_in};
use super::read::Asked;
use super::scripts::Scripts;
use super::{Redis, RedisViewsOptions, add_head};
use crate::events::{AccountId, Clock};
use crate::projections::ViewError;

/// How many accounts are read by one call: Redis does nothing else meanwhile.
const ACCOUNTS_MAX: usize = 32;
/// How many calls are on their way at once: while one is answered the other is carried out.
const CALLS_MAX: usize = 2;
/// How many reads wait for a call; further ones wait for these.
const WAITING_MAX: usize = 1_024;
/// Of how many accounts it is known where they were read.
pub(super) const PLACES_MAX: usize = 100_000;

/// Where accounts were read.
pub(super) type Places = Cache<AccountId, Place>;

/// A page for each query, keys and bytes in turn; none when the account is not complete.
type Pages = Option<Vec<Value>>;

/// Where reads wait for the next call.
#[derive(Clone)]
pub(super) struct Gathered {
    calls: Arc<Calls>,
    waiting: mpsc::Sender<Waiting>,
}

struct Waiting {
    asked: Asked,
    answer: oneshot::Sender<Result<Pages, ViewError>>,
}

/// What makes the calls.
pub(super) struct Calls {
    pub(super) redis: Redis,
    pub(super) keys: Keys,
    pub(super) scripts: Arc<Scripts>,
    pub(super) options: RedisViewsOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) places: Places,
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

    /// What is read of this account.
    pub(super) async fn ask(&self, asked: Asked) -> Result<Pages, ViewError> {
        let redis = &self.calls.redis;
        if !asked.is_small() || redis.is_cluster() || !redis.is_well() {
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
        match self.read_together(&asked).await {
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

    /// What can be proved, and by the script what cannot.
    async fn read_together(&self, asked: &[&Asked]) -> Result<Vec<Pages>, ViewError> {
        let mut answers = match self.prove(asked).await {
            // What is refused proves nothing: a key of another type, or a user who may not.
            Err(_) if self.redis.is_well() => vec![None; asked.len()],
            proved => proved?,
        };
        let open = asked.iter().zip(&answers).filter(|(_, proved)| proved.is_none());
        let open: Vec<_> = open.map(|(asked, _)| *asked).collect();
        let mut read = self.read(&open).await?.into_iter();
        for answer in answers.iter_mut().filter(|proved| proved.is_none()) {
            *answer = read.next().flatten();
        }
        Ok(answers)
    }

    /// The answers that need no script.
    async fn prove(&self, asked: &[&Asked]) -> Result<Vec<Pages>, ViewError> {
        let mut proofs: Vec<_> = asked.iter().map(|asked| self.begin_proof(asked)).collect();
        let mut commands = redis::pipe();
        proofs.iter().flatten().for_each(|proof| proof.ask_lists(&self.keys, &mut commands));
        if commands.is_empty() {
            return Ok(vec![None; asked.len()]);
        }
        let mut found = self.redis.pipeline(&commands).await?.into_iter();
        proofs.iter_mut().flatten().for_each(|proof| proof.take_lists(&mut found));

        // Its own words: the library counts on MULTI, and panics where that is refused.
        let mut commands = redis::pipe();
        commands.cmd("MULTI").cmd("TIME");
        proofs.iter().flatten().for_each(|proof| proof.ask_pages(&self.keys, &mut commands));
        commands.cmd("EXEC");
        let answer = self.redis.pipeline(&commands).await?.pop().unwrap_or(Value::Nil);
        let Value::Array(found) = answer else { return Err(not_understood(&answer)) };
        let mut found = found.into_iter();
        let now = found.next().unwrap_or(Value::Nil);
        let now = time_in(&now).ok_or_else(|| not_understood(&now))?;
        let idle_ms = self.options.idle_ms();
        let prove = |proof: Option<Proof<'_>>| proof?.take_pages(&mut found, now, idle_ms);
        Ok(proofs.into_iter().map(prove).collect())
    }

    fn begin_proof<'a>(&self, asked: &'a Asked) -> Option<Proof<'a>> {
        self.places.get(&asked.account).map(|place| Proof::new(asked, place))
    }

    async fn read_one(&self, asked: &Asked) -> Result<Pages, ViewError> {
        Ok(self.read(&[asked]).await?.into_iter().next().flatten())
    }

    /// One answer of the script for each.
    async fn read(&self, asked: &[&Asked]) -> Result<Vec<Pages>, ViewError> {
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let (now, key) = (self.clock.now(), self.keys.generations(first.slice));
        let read = self.redis.script(&self.scripts.read, &key, |command| {
            add_head(command, &self.options, now);
            asked.iter().for_each(|one| one.add(command, &self.keys));
        });
        match read.await? {
            Value::Array(answers) if answers.len() == asked.len() => {
                asked.iter().zip(answers).map(|(asked, answer)| self.pages(asked, answer)).collect()
            }
            answer => Err(not_understood(&answer)),
        }
    }

    /// Takes an answer of the script apart, and remembers where the account was read.
    fn pages(&self, asked: &Asked, answer: Value) -> Result<Pages, ViewError> {
        match answer {
            Value::Nil => Ok(None),
            Value::Array(mut pages) if pages.len() == asked.pages() + 2 => {
                let place: Vec<_> = pages.drain(..2).collect();
                if let [generation, token] = place.as_slice()
                    && let Some(place) = Place::of(generation, token)
                {
                    self.places.insert(asked.account.clone(), place);
                }
                Ok(Some(pages))
            }
            answer => Err(not_understood(&answer)),
        }
    }
}
