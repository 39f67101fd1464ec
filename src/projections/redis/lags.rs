//! How far every node has merged what it signalled: each says so once a second, and hears the same
//! of the others. Instants are the server's, whatever the nodes' clocks say.
//!
//! What a node said stays when it dies, so that answers grow stale until a sweep has been through
//! what it had on its way. And a server that knows less than it did a moment ago has gone back to
//! an older state, as after a failover: what was merged since is not there any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// When this node spoke last, by the server's clock, and when it heard that.
#[derive(Debug, Clone, Copy)]
struct Told {
    at_ms: i64,
    heard: Instant,
}

impl Key {
    fn tell(&self, at_ms: i64) -> Told {
        *self.told().insert(Told { at_ms, heard: Instant::now() })
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
        let mut others = Others::default();
        for key in &self.keys {
            if self.has_left.load(Ordering::Acquire) {
                break;
            }
            let told = self.told(key).await?;
            let through = behind.map_or("none".to_owned(), |behind| {
                let behind_ms = i64::try_from(behind.as_millis()).unwrap_or(i64::MAX);
                told.at(asked).saturating_sub(behind_ms).max(0).to_string()
            });
            let heard = self.ask(key, (&self.node, &through, silent), None).await?;
            let swept = others.swept.into_iter().chain(heard.swept);
            others.swept = swept.min_by_key(|swept| swept.begun_ms);
            others.behind_ms = others.behind_ms.max(heard.behind_ms);
            if let Some(before_ms) = heard.said_ms.filter(|before_ms| *before_ms < told.at_ms) {
                others.gone_back_ms = others.gone_back_ms.max(Some(heard.now_ms - before_ms));
            }
            key.tell(heard.now_ms);
        }
        Ok(others)
    }

    /// When this node spoke last; what time it is where it has not spoken yet.
    async fn told(&self, key: &Key) -> Result<Told, ViewError> {
        if let Some(told) = *key.told() {
            return Ok(told);
        }
        let heard = self.ask(key, (&self.node, "", None), None).await?;
        Ok(key.tell(heard.now_ms))
    }

    /// This node was told to sweep, and did.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn swept(&self, swept: SweptAgo) -> Result<(), ViewError> {
        for key in &self.keys {
            self.ask(key, (&self.node, "", None), Some(swept)).await?;
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
            self.ask(key, (node, "leaves", None), None).await?;
        }
        Ok(())
    }

    /// What a node said last; `None` when it left, or what it had on its way is swept.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn word_of(&self, node: &str) -> Result<Option<LastWord>, ViewError> {
        for key in &self.keys {
            let Heard { now_ms, said_ms, through_ms, .. } =
                self.ask(key, (node, "", None), None).await?;
            if let (Some(said_ms), Some(through_ms)) = (said_ms, through_ms) {
                let (silent_ms, behind_ms) = (now_ms - said_ms, now_ms - through_ms);
                return Ok(Some(LastWord { said_ms, silent_ms, behind_ms }));
            }
        }
        Ok(None)
    }

    /// Says of a node through when its signals are merged; what is heard.
    async fn ask(
        &self,
        key: &Key,
        (node, through, silent): (&str, &str, Option<Silent>),
        swept: Option<SweptAgo>,
    ) -> Result<Heard, ViewError> {
        let arguments = |command: &mut Cmd| {
            command.arg(node).arg(through);
            match silent {
                Some(Silent { unswept_ms, cut_off_ms }) => command.arg(unswept_ms).arg(cut_off_ms),
                None => command.arg("").arg(""),
            };
            if let Some(SweptAgo { from_ms, begun_ms }) = swept {
                command.arg(from_ms).arg(begun_ms);
            }
        };
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
