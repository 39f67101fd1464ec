//! Views in Redis, shared by every node of a fleet.
//!
//! An account lives unused for so many days, and then goes whole. Whatever Redis loses, by
//! eviction, a flush or a failover, is a missing marker at worst: the log answers, and fills again.
//! What an older state of Redis forgot is merged again by the sweeps, whose positions went back
//! with it.
//!
//! Each call is one script on one node of Redis, and so of one instant. The scripts are beside this
//! file; `shared.lua` says how views are kept.

mod breaker;
mod connection;
mod failure;
mod found;
mod gathered;
mod generation;
mod keys;
mod lags;
mod leavings;
mod merge;
mod packed;
mod proof;
mod read;
mod relay;
mod scripts;
mod signals;
mod url;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, Value};

use self::connection::Script;
pub use self::connection::{Redis, RedisOptions};
pub use self::found::{RedisAnswer, RedisFound, RedisServer};
use self::gathered::{Calls, Gathered, PLACES_MAX, Places};
use self::keys::Keys;
pub use self::lags::{Lags, LastWord, Others, Silent, SweptAgo};
use self::merge::not_understood;
pub use self::relay::{Heard, Relay, RelayStanding, Whose};
use self::scripts::Scripts;
pub use self::signals::{Delivered, Seen, Signals, SignalsOptions, SignalsStanding, Through};
pub use self::url::{RedisUrl, RedisUrlError};
use super::store::CLOCKS_MS;
use super::{Entry, Fill, Page, Position, Query, Standing, Target, View, ViewError, ViewStore};
use crate::events::{AccountId, Clock, ProfileId, Slice, Timestamp};

/// A fill that takes longer than this is given up by its filler or dead.
const FILL_MS_MAX: u64 = 120_000;

/// What bounds the views in Redis.
#[derive(Debug, Clone)]
pub struct RedisViewsOptions {
    /// What the names of all keys begin with.
    pub prefix: String,
    /// How many plays of a profile are kept.
    pub plays_per_profile_max: usize,
    /// How long an account is kept that nobody uses.
    pub idle: Duration,
}

impl Default for RedisViewsOptions {
    fn default() -> Self {
        Self {
            prefix: "vl".to_owned(),
            plays_per_profile_max: 1_000,
            idle: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl RedisViewsOptions {
    /// As far as a script's numbers reach.
    fn idle_ms(&self) -> u64 {
        u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX).min(1 << 52)
    }
}

/// Views in Redis; cheap to clone.
#[derive(Clone)]
pub struct RedisViews {
    redis: Redis,
    keys: Keys,
    scripts: Arc<Scripts>,
    options: RedisViewsOptions,
    clock: Arc<dyn Clock>,
    gathered: Gathered,
    /// The generation that was read when it was last looked at.
    generation: Arc<AtomicU64>,
}

impl RedisViews {
    /// Views in this Redis, which need not be there yet.
    pub fn new(redis: Redis, options: RedisViewsOptions, clock: Arc<dyn Clock>) -> Self {
        let keys = Keys::new(&options.prefix);
        let scripts = Arc::new(Scripts::new());
        let gathered = Gathered::by(Calls {
            redis: redis.clone(),
            keys: keys.clone(),
            scripts: Arc::clone(&scripts),
            options: options.clone(),
            clock: Arc::clone(&clock),
            places: Places::new(PLACES_MAX),
        });
        Self { redis, keys, scripts, options, clock, gathered, generation: Arc::default() }
    }

    /// Asks Redis whether it is there, and which generation is read.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn check(&self) -> Result<(), ViewError> {
        self.generation.store(self.look().await?, Ordering::Release);
        Ok(())
    }

    fn add_account(&self, command: &mut Cmd, account: &AccountId, now: Timestamp) {
        add_head(command, &self.options, now);
        command.arg(self.keys.home(Slice::of(account))).arg(account.as_str());
    }

    /// What is kept under a key of its own.
    async fn kept(&self, key: String) -> Result<Option<Vec<u8>>, ViewError> {
        match self.redis.run(redis::cmd("GET").arg(key)).await? {
            Value::Nil => Ok(None),
            Value::BulkString(kept) => Ok(Some(kept)),
            answer => Err(not_understood(&answer)),
        }
    }

    /// Runs a script on an account, with further arguments.
    async fn on(
        &self,
        account: &AccountId,
        script: &Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, ViewError> {
        let now = self.clock.now();
        let key = self.keys.generations(Slice::of(account));
        let add = |command: &mut Cmd| {
            self.add_account(command, account, now);
            arguments(command);
        };
        self.redis.script(script, &key, add).await
    }
}

#[async_trait]
impl ViewStore for RedisViews {
    fn wants(&self, _account: &AccountId) -> bool {
        true
    }

    async fn merge(&self, batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError> {
        self.merge_batch(batch).await
    }

    async fn begin_fill(
        &self,
        account: &AccountId,
        target: Target,
    ) -> Result<Option<Fill>, ViewError> {
        let named = match target {
            Target::Live => "live",
            Target::Next => "next",
        };
        let begun = self.on(account, &self.scripts.begin, |command| {
            command.arg(named).arg(FILL_MS_MAX);
        });
        match begun.await? {
            Value::Nil => Ok(None),
            token => {
                let token = text(&token)?.parse().map_err(|_| not_understood(&token))?;
                Ok(Some(Fill { account: account.clone(), target, token, parts: 0 }))
            }
        }
    }

    async fn fill(&self, fill: &mut Fill, entries: Vec<Entry>) -> Result<bool, ViewError> {
        self.merge_fill(fill, entries).await
    }

    async fn end_fill(&self, fill: Fill, complete: bool) -> Result<bool, ViewError> {
        let ended = self.on(&fill.account, &self.scripts.end, |command| {
            command.arg(fill.token).arg(fill.parts).arg(u8::from(complete));
        });
        Ok(integer(&ended.await?)? == 1)
    }

    async fn read(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError> {
        self.read_pages(account, queries).await
    }

    async fn scopes(
        &self,
        account: &AccountId,
        view: View,
    ) -> Result<Option<Vec<ProfileId>>, ViewError> {
        let found = self.on(account, &self.scripts.scopes, |command| {
            command.arg(view.0);
        });
        match found.await? {
            Value::Nil => Ok(None),
            Value::Array(found) => {
                let profiles = found
                    .iter()
                    .map(|name| ProfileId::new(text(name)?).map_err(|_| not_understood(name)));
                let mut profiles = profiles.collect::<Result<Vec<_>, _>>()?;
                profiles.sort();
                Ok(Some(profiles))
            }
            answer => Err(not_understood(&answer)),
        }
    }

    async fn forget(&self, account: &AccountId) -> Result<u64, ViewError> {
        let forgotten = self.on(account, &self.scripts.forget, |_| {}).await?;
        Ok(u64::try_from(integer(&forgotten)?).unwrap_or(0))
    }

    async fn begin_generation(&self, resumed: Option<u64>) -> Result<u64, ViewError> {
        self.open_next(resumed).await
    }

    async fn flip(&self, generation: u64) -> Result<u64, ViewError> {
        let generation = self.read_next(generation).await?;
        self.generation.store(generation, Ordering::Release);
        self.drop_leavings();
        Ok(generation)
    }

    async fn position(
        &self,
        slice: Slice,
        position: Position,
    ) -> Result<Option<Timestamp>, ViewError> {
        let key = self.keys.positions(slice);
        let kept = self.redis.script(&self.scripts.position, &key, |command| {
            command.arg(name_of(position)).arg(CLOCKS_MS);
        });
        match kept.await? {
            Value::Nil => Ok(None),
            at => {
                let ms = text(&at)?.parse().map_err(|_| not_understood(&at))?;
                Ok(Some(Timestamp::from_ms(ms)))
            }
        }
    }

    async fn advance(
        &self,
        slice: Slice,
        position: Position,
        to: Timestamp,
    ) -> Result<(), ViewError> {
        let key = self.keys.positions(slice);
        let advanced = self.redis.script(&self.scripts.advance, &key, |command| {
            command.arg(name_of(position)).arg(to.ms()).arg(CLOCKS_MS);
        });
        advanced.await.map(drop)
    }

    async fn has_come(&self, at: Timestamp) -> Result<bool, ViewError> {
        Ok(at <= self.redis.time().await?.plus_ms(CLOCKS_MS))
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, ViewError> {
        let key = self.keys.lease(name);
        let taken = self.redis.script(&self.scripts.lease, key.as_bytes(), |command| {
            command.arg(holder).arg(px(ttl));
        });
        Ok(integer(&taken.await?)? == 1)
    }

    async fn holder(&self, name: &str) -> Result<Option<String>, ViewError> {
        let holder = self.kept(self.keys.lease(name)).await?;
        let named = |holder| text(&Value::BulkString(holder)).map(str::to_owned);
        holder.map(named).transpose()
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), ViewError> {
        let key = self.keys.lease(name);
        let released = self.redis.script(&self.scripts.lease, key.as_bytes(), |command| {
            command.arg(holder).arg(0);
        });
        released.await.map(drop)
    }

    async fn set_notice(&self, name: &str, word: &[u8], ttl: Duration) -> Result<(), ViewError> {
        let mut set = redis::cmd("SET");
        set.arg(self.keys.notice(name)).arg(word).arg("PX").arg(px(ttl));
        self.redis.run(&set).await.map(drop)
    }

    async fn notice(&self, name: &str) -> Result<Option<Vec<u8>>, ViewError> {
        self.kept(self.keys.notice(name)).await
    }

    async fn generation(&self) -> u64 {
        if let Err(error) = self.check().await {
            tracing::debug!(%error, "which generation is read could not be asked");
        }
        self.generation.load(Ordering::Acquire)
    }

    fn standing(&self) -> Standing {
        Standing {
            kind: "redis",
            ok: self.redis.is_well(),
            accounts: 0,
            bytes: 0,
            evicted: 0,
            failures: self.redis.failures(),
        }
    }
}

/// What every script's arguments begin with.
fn add_head(command: &mut Cmd, options: &RedisViewsOptions, now: Timestamp) {
    // As far as a script's numbers reach.
    let kept_max = options.plays_per_profile_max.min(1 << 52);
    command.arg(now.ms()).arg(options.idle_ms()).arg(kept_max);
}

fn name_of(position: Position) -> &'static str {
    match position {
        Position::Swept => "swept",
        Position::SweptAgain => "swept-again",
    }
}

fn integer(answer: &Value) -> Result<i64, ViewError> {
    match answer {
        Value::Int(number) => Ok(*number),
        answer => Err(not_understood(answer)),
    }
}

fn text(answer: &Value) -> Result<&str, ViewError> {
    match answer {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).map_err(|_| not_understood(answer)),
        answer => Err(not_understood(answer)),
    }
}

/// So long in milliseconds, as far as Redis takes it.
fn px(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 52)
}
