//! How far every node has merged what it signalled: each says so once a second, and hears the same
//! of the others. Instants are the server's, whatever the nodes' clocks say.
//!
//! What a node said stays when it dies, so that answers grow stale until a sweep has been through
//! what it had on its way. And a server that knows less than it did a moment ago has gone back to
//! an older state, as after a failover: what was merged since is not there any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redis::{Cmd, Value};

use super::Redis;
use super::connection::Script;
use super::merge::not_understood;
use crate::projections::ViewError;

/// In a cluster one key looks after one server; as many as this hardly leave one out.
const KEYS_IN_A_CLUSTER: u16 = 16;

/// Longer ago than anything, and within what a script reckons exactly.
const NEVER_MS: i64 = 1 << 40;

/// The word of every node on how far it is.
pub struct Lags {
    redis: Redis,
    keys: Vec<Key>,
    node: String,
    script: Script,
    has_left: AtomicBool,
}

struct Key {
    name: String,
    told: Mutex<Option<Told>>,
}

/// What this node heard last, by the server's clock.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// What time it was.
    at_ms: i64,
    /// When it heard that.
    heard: Instant,
    /// When it spoke last, as the server is to know; 0 for never.
    spoke_ms: i64,
}

impl Key {
    fn hear(&self, at_ms: i64, spoke_ms: i64) -> Told {
        *self.told().insert(Told { at_ms, heard: Instant::now(), spoke_ms })
    }

    fn told(&self) -> MutexGuard<'_, Option<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// By the server's clock; at the latest, as the answer was under way.
    fn at(&self, then: Instant) -> i64 {
        let since = then.saturating_duration_since(self.heard);
        self.at_ms.saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What the others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// How far the last of them is behind, in milliseconds; 0 when there are none.
    pub behind_ms: i64,
    /// How long ago the state was current that a server has gone back to, in milliseconds.
    pub gone_back_ms: Option<i64>,
    /// The last sweep that a node was told to do.
    pub swept: Option<SweptAgo>,
}

/// What tells how long nodes matter that say nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent {
    /// Since how long ago not everything is swept, in milliseconds.
    pub unswept_ms: i64,
    /// How long ago a node may still have recorded that was cut off from Redis, in milliseconds;
    /// less than none where one may be cut off now.
    pub cut_off_ms: i64,
}

impl Silent {
    /// All is swept that began before so long ago, and nobody was cut off.
    pub fn unswept(since: Duration) -> Self {
        let unswept_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self { unswept_ms, cut_off_ms: NEVER_MS }
    }
}

/// A sweep of whatever was marked as changed, by how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweptAgo {
    /// From where on it swept, in milliseconds.
    pub from_ms: i64,
    /// When it began, in milliseconds; until then everything is merged.
    pub begun_ms: i64,
}

/// What a node said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastWord {
    /// When, by the server's clock.
    pub said_ms: i64,
    /// How long ago that was, in milliseconds.
    pub silent_ms: i64,
    /// How far its signals are behind by now, in milliseconds.
    pub behind_ms: i64,
}

impl Lags {
    /// Of the nodes of one `prefix`; `node` is this one's name, and nobody else's.
    pub fn new(redis: &Redis, prefix: &str, node: &str) -> Self {
        let count = if redis.is_cluster() { KEYS_IN_A_CLUSTER } else { 1 };
        let key =
            |number| Key { name: format!("{prefix}lags:{{{number}}}"), told: Mutex::default() };
        Self {
            redis: redis.clone(),
            keys: (0..count).map(key).collect(),
            node: node.to_owned(),
            script: Script::new(&[include_str!("lags.lua")]),
            has_left: AtomicBool::new(false),
        }
    }

    /// Says how far this node is behind, unless it signals nothing, and hears the others. With
    /// `silent` those are forgotten that said nothing for so long that all is swept that they can
    /// have recorded.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn tell(
        &self,
        behind: Option<Duration>,
        silent: Option<Silent>,
    ) -> Result<Others, ViewError> {
        let asked = Instant::now();
        let said = self.keys.iter().map(|key| self.say(key, (asked, behind), silent));
        let mut others = Others::default();
        for (key, told, heard) in try_join_all(said).await?.into_iter().flatten() {
            others.behind_ms = others.behind_ms.max(heard.behind_ms);
            let swept = others.swept.into_iter().chain(heard.swept);
            others.swept = swept.min_by_key(|swept| swept.begun_ms);
            // Found by every key that knows of an earlier time, until all of them are heard.
            let gone_back = heard.said_ms.filter(|before_ms| *before_ms < told.spoke_ms);
            let gone_back_ms = gone_back.map(|before_ms| heard.now_ms - before_ms);
            others.gone_back_ms = others.gone_back_ms.max(gone_back_ms);
            key.hear(heard.now_ms, gone_back.unwrap_or(heard.now_ms));
        }
        Ok(others)
    }

    /// Says it where this key is; `None` once this node has left.
    async fn say<'k>(
        &self,
        key: &'k Key,
        (asked, behind): (Instant, Option<Duration>),
        silent: Option<Silent>,
    ) -> Result<Option<(&'k Key, Told, Heard)>, ViewError> {
        let told = self.told(key).await?;
        if self.has_left.load(Ordering::Acquire) {
            return Ok(None);
        }
        let through = behind.map_or("none".to_owned(), |behind| {
            let behind_ms = i64::try_from(behind.as_millis()).unwrap_or(i64::MAX);
            told.at(asked).saturating_sub(behind_ms).max(0).to_string()
        });
        let spoke_ms = told.spoke_ms;
        let word = Word { through: &through, spoke_ms, silent, ..Word::none(&self.node) };
        Ok(Some((key, told, self.ask(key, word).await?)))
    }

    /// What was heard last, or is now where nothing was.
    async fn told(&self, key: &Key) -> Result<Told, ViewError> {
        if let Some(told) = *key.told() {
            return Ok(told);
        }
        let heard = self.ask(key, Word::none(&self.node)).await?;
        Ok(key.hear(heard.now_ms, 0))
    }

    /// This node was told to sweep, and did.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn swept(&self, swept: SweptAgo) -> Result<(), ViewError> {
        for key in &self.keys {
            self.ask(key, Word { swept: Some(swept), ..Word::none(&self.node) }).await?;
        }
        Ok(())
    }

    /// This node says nothing more, and everything that it signalled is merged.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn leave(&self) -> Result<(), ViewError> {
        self.has_left.store(true, Ordering::Release);
        self.forget(&self.node).await
    }

    /// What a node had on its way that says nothing any more is in the views.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn forget(&self, node: &str) -> Result<(), ViewError> {
        for key in &self.keys {
            self.ask(key, Word { through: "leaves", ..Word::none(node) }).await?;
        }
        Ok(())
    }

    /// What a node said last; `None` when it left, or what it had on its way is swept.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn word_of(&self, node: &str) -> Result<Option<LastWord>, ViewError> {
        for key in &self.keys {
            let Heard { now_ms, said_ms, through_ms, .. } = self.ask(key, Word::none(node)).await?;
            if let (Some(said_ms), Some(through_ms)) = (said_ms, through_ms) {
                let (silent_ms, behind_ms) = (now_ms - said_ms, now_ms - through_ms);
                return Ok(Some(LastWord { said_ms, silent_ms, behind_ms }));
            }
        }
        Ok(None)
    }

    /// Says it; what is heard.
    async fn ask(&self, key: &Key, word: Word<'_>) -> Result<Heard, ViewError> {
        let arguments = |command: &mut Cmd| word.write(command);
        let answer = self.redis.script(&self.script, key.name.as_bytes(), arguments).await?;
        let Value::Array(parts) = &answer else { return Err(not_understood(&answer)) };
        let [
            Value::Int(now_ms),
            Value::Int(behind_ms),
            Value::BulkString(before),
            Value::BulkString(swept),
        ] = parts.as_slice()
        else {
            return Err(not_understood(&answer));
        };
        let ago = |at: i64| now_ms - at;
        let swept = match instants(swept) {
            [Some(from), Some(begun)] => {
                Some(SweptAgo { from_ms: ago(from), begun_ms: ago(begun) })
            }
            _ => None,
        };
        let [said_ms, through_ms] = instants(before);
        Ok(Heard { now_ms: *now_ms, behind_ms: *behind_ms, said_ms, through_ms, swept })
    }
}

/// What is said of a node.
struct Word<'a> {
    node: &'a str,
    /// Through when its signals are merged.
    through: &'a str,
    /// When it spoke last; 0 for never, as far as it heard.
    spoke_ms: i64,
    silent: Option<Silent>,
    swept: Option<SweptAgo>,
}

impl<'a> Word<'a> {
    /// It is only asked.
    fn none(node: &'a str) -> Self {
        Self { node, through: "", spoke_ms: 0, silent: None, swept: None }
    }

    fn write(&self, command: &mut Cmd) {
        let or_nothing = |ms: Option<i64>| ms.map_or(String::new(), |ms| ms.to_string());
        command.arg(self.node).arg(self.through).arg(self.spoke_ms);
        command.arg(or_nothing(self.silent.map(|silent| silent.unswept_ms)));
        command.arg(or_nothing(self.silent.map(|silent| silent.cut_off_ms)));
        if let Some(SweptAgo { from_ms, begun_ms }) = self.swept {
            command.arg(from_ms).arg(begun_ms);
        }
    }
}

/// What a server says.
struct Heard {
    now_ms: i64,
    /// How far the last of the others is behind.
    behind_ms: i64,
    /// When the node spoke before.
    said_ms: Option<i64>,
    /// Through when its signals were merged by then, if it signalled any.
    through_ms: Option<i64>,
    swept: Option<SweptAgo>,
}

fn instants(text: &[u8]) -> [Option<i64>; 2] {
    let both = std::str::from_utf8(text).ok().and_then(|text| text.split_once(','));
    both.map_or([None; 2], |(one, other)| [one, other].map(|text| text.parse().ok()))
}
