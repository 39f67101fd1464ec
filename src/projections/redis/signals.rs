//! Signals from nodes that collect to nodes that process, by streams of Redis.
//!
//! Sixteen streams hold the slices of accounts; all nodes that process read each of them as one
//! consumer group, so that an entry goes to one of them. An entry is taken out once it is merged:
//! what a stream holds is what nobody merged yet, and its first entry says how far all are. One
//! that a node read and did not acknowledge in time is given to another. Streams are cut off at a
//! length, and Redis may lose them: a signal is a hint, and what it told of is marked in the log
//! for sweeps. What was cut off is counted, so that answers say that views lack something.
//!
//! On one server reading waits on a connection of its own. In a cluster streams live apart, and a
//! connection waits for one of them at a time: there they are asked in turns.

mod entry;
mod look;
mod read;
mod streams;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::Value;

use super::Redis;
use super::connection::Script;
use super::merge::not_understood;
use crate::events::AccountId;
use crate::projections::{Recorded, ViewError};

pub use self::look::{Seen, SignalsStanding};
pub use self::read::Delivered;
pub use self::streams::Through;
use self::streams::{COUNT, Streams};

/// All nodes that process are one of it.
const GROUP: &str = "process";
/// How many entries one call puts into a stream, or takes out of it.
const ENTRIES_MAX: usize = 256;
/// How many calls of one batch are on their way at once.
const CALLS_MAX: usize = 16;
/// How long reading waits for something to come.
const WAIT: Duration = Duration::from_millis(250);
/// A cluster is asked again after so long, while nothing comes.
const TURN: Duration = Duration::from_millis(20);
/// A node that read nothing for so long, and owes nothing, is forgotten.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// What bounds signals in Redis.
#[derive(Debug, Clone)]
pub struct SignalsOptions {
    /// What the names of all keys begin with.
    pub prefix: String,
    /// How many entries a stream keeps, about.
    pub stream_max: usize,
    /// How long one who read an entry may take to acknowledge it.
    pub reclaim_after: Duration,
}

impl Default for SignalsOptions {
    fn default() -> Self {
        let reclaim_after = Duration::from_secs(10);
        Self { prefix: "vl".to_owned(), stream_max: 100_000, reclaim_after }
    }
}

/// Puts signals into the streams, and takes them out.
pub struct Signals {
    redis: Redis,
    /// Made by the first who waits.
    waiting: OnceLock<Redis>,
    streams: Streams,
    node: String,
    options: SignalsOptions,
    scripts: Scripts,
    counts: Counts,
}

struct Scripts {
    publish: Script,
    acknowledge: Script,
    join: Script,
    look: Script,
    dismiss: Script,
}

#[derive(Default)]
struct Counts {
    published: AtomicU64,
    read: AtomicU64,
    acknowledged: AtomicU64,
    claimed: AtomicU64,
    damaged: AtomicU64,
    lost: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
}

impl Signals {
    /// By way of this Redis, which need not be there yet. Nodes of one prefix share the streams;
    /// `node` is this one's name, and nobody else's.
    pub fn new(redis: &Redis, options: SignalsOptions, node: &str) -> Self {
        let script = |text| Script::new(&[text]);
        Self {
            redis: redis.clone(),
            waiting: OnceLock::new(),
            streams: Streams::new(&options.prefix),
            node: node.to_owned(),
            options,
            scripts: Scripts {
                publish: script(include_str!("signals/publish.lua")),
                acknowledge: script(include_str!("signals/acknowledge.lua")),
                join: script(include_str!("signals/join.lua")),
                look: script(include_str!("signals/look.lua")),
                dismiss: script(include_str!("signals/dismiss.lua")),
            },
            counts: Counts::default(),
        }
    }

    /// Puts signals into their streams; returns how far these reach with them. After an error some
    /// may be there: putting them again does no harm.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn publish<'s>(
        &self,
        signals: impl Iterator<Item = (&'s AccountId, Recorded<'s>)>,
    ) -> Result<Through, ViewError> {
        let mut waiting: [Vec<Vec<u8>>; COUNT] = Default::default();
        for (account, what) in signals {
            if let Some(waiting) = waiting.get_mut(streams::of(account)) {
                waiting.push(entry::encode(account, what));
            }
        }
        let calls: Vec<(usize, &[Vec<u8>])> = waiting
            .iter()
            .enumerate()
            .flat_map(|(at, entries)| entries.chunks(ENTRIES_MAX).map(move |some| (at, some)))
            .collect();
        let put = stream::iter(calls)
            .map(|(at, some)| async move { Ok::<_, ViewError>((at, self.put(at, some).await?)) });
        let through = Through::default();
        put.buffer_unordered(CALLS_MAX)
            .try_fold(through, |through, (at, ms)| async move { Ok(through.reaching(at, ms)) })
            .await
    }

    async fn put(&self, at: usize, entries: &[Vec<u8>]) -> Result<i64, ViewError> {
        let Some(names) = self.streams.names(at) else { return Ok(0) };
        let put = self.redis.script(&self.scripts.publish, names.stream.as_bytes(), |command| {
            command.arg(self.options.stream_max);
            for entry in entries {
                command.arg(entry);
            }
        });
        let last = put.await?;
        add(&self.counts.published, entries.len());
        read::ms_of(&last).ok_or_else(|| not_understood(&last))
    }

    /// Makes the group wherever there is none; what came before is read as well.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn join(&self) -> Result<(), ViewError> {
        let joined = self.streams.each().map(|names| {
            self.redis.script(&self.scripts.join, names.stream.as_bytes(), |command| {
                command.arg(GROUP);
            })
        });
        try_join_all(joined).await.map(drop)
    }

    /// What nobody read before, waiting for a moment if nothing is there. After an error the group
    /// may be gone, and entries may have been read that nobody saw: join, and ask for what is owed.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn read(&self) -> Result<Delivered, ViewError> {
        if self.redis.is_cluster() {
            let delivered = self.read_apart(">").await?;
            if delivered.is_empty() {
                tokio::time::sleep(TURN).await;
            }
            return Ok(delivered);
        }
        let wait = u64::try_from(WAIT.as_millis()).unwrap_or_default();
        let mut command = self.reading();
        command.arg("BLOCK").arg(wait);
        self.add_streams(&mut command, ">");
        self.delivered(&self.waiting()?.run(&command).await?)
    }

    /// What this node read and did not acknowledge.
    ///
    /// # Errors
    /// As [`Signals::read`].
    pub async fn owed(&self) -> Result<Delivered, ViewError> {
        if self.redis.is_cluster() {
            return self.read_apart("0").await;
        }
        let mut command = self.reading();
        self.add_streams(&mut command, "0");
        self.delivered(&self.redis.run(&command).await?)
    }

    fn reading(&self) -> redis::Cmd {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.node).arg("COUNT").arg(ENTRIES_MAX);
        command
    }

    fn add_streams(&self, command: &mut redis::Cmd, from: &str) {
        command.arg("STREAMS");
        for names in self.streams.each() {
            command.arg(&names.stream);
        }
        for _ in self.streams.each() {
            command.arg(from);
        }
    }

    async fn read_apart(&self, from: &str) -> Result<Delivered, ViewError> {
        let answers = self.streams.each().map(|names| async move {
            let mut command = self.reading();
            command.arg("STREAMS").arg(&names.stream).arg(from);
            self.redis.run(&command).await
        });
        let mut delivered = Delivered::default();
        for answer in try_join_all(answers).await? {
            delivered.take_streams(&answer, &self.streams)?;
        }
        self.count(&delivered);
        Ok(delivered)
    }

    fn delivered(&self, answer: &Value) -> Result<Delivered, ViewError> {
        let mut delivered = Delivered::default();
        delivered.take_streams(answer, &self.streams)?;
        self.count(&delivered);
        Ok(delivered)
    }

    /// What others read and did not acknowledge in time; now it is this node's.
    ///
    /// # Errors
    /// As [`Signals::read`].
    pub async fn claim(&self) -> Result<Delivered, ViewError> {
        let after = u64::try_from(self.options.reclaim_after.as_millis()).unwrap_or(u64::MAX);
        let claims = self.streams.each().map(|names| async move {
            let mut command = redis::cmd("XAUTOCLAIM");
            command.arg(&names.stream).arg(GROUP).arg(&self.node).arg(after);
            command.arg("0").arg("COUNT").arg(ENTRIES_MAX);
            self.redis.run(&command).await
        });
        let mut delivered = Delivered::default();
        for (at, answer) in try_join_all(claims).await?.iter().enumerate() {
            delivered.take_claimed(at, answer)?;
        }
        add(&self.counts.claimed, delivered.len());
        self.count(&delivered);
        Ok(delivered)
    }

    fn count(&self, delivered: &Delivered) {
        add(&self.counts.read, delivered.len());
        add(&self.counts.damaged, delivered.damaged());
    }

    /// Takes out what is merged.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`]; what is still there is read again, which does no harm.
    pub async fn acknowledge(&self, delivered: &Delivered) -> Result<(), ViewError> {
        let calls: Vec<(usize, &[Vec<u8>])> = delivered
            .places()
            .flat_map(|(at, ids)| ids.chunks(ENTRIES_MAX).map(move |some| (at, some)))
            .collect();
        let taken = stream::iter(calls).map(|(at, ids)| self.take_out(at, ids));
        taken.buffer_unordered(CALLS_MAX).try_for_each(|()| async { Ok(()) }).await
    }

    async fn take_out(&self, at: usize, ids: &[Vec<u8>]) -> Result<(), ViewError> {
        let Some(names) = self.streams.names(at) else { return Ok(()) };
        let taken =
            self.redis.script(&self.scripts.acknowledge, names.stream.as_bytes(), |command| {
                command.arg(&names.counts).arg(GROUP);
                for id in ids {
                    command.arg(id);
                }
            });
        match taken.await? {
            Value::Int(taken) => {
                add(&self.counts.acknowledged, usize::try_from(taken).unwrap_or(0))
            }
            answer => return Err(not_understood(&answer)),
        }
        Ok(())
    }

    /// Takes out what waits of an account, whoever has read it.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn drop_of(&self, account: &AccountId) -> Result<(), ViewError> {
        let at = streams::of(account);
        let Some(names) = self.streams.names(at) else { return Ok(()) };
        let mut from = "-".to_owned();
        loop {
            let mut command = redis::cmd("XRANGE");
            command.arg(&names.stream).arg(&from).arg("+").arg("COUNT").arg(ENTRIES_MAX);
            let page = read::ids_of(account, &self.redis.run(&command).await?)?;
            if !page.found.is_empty() {
                self.take_out(at, &page.found).await?;
            }
            match page.last {
                Some(last) => from = format!("({last}"),
                None => return Ok(()),
            }
        }
    }

    /// Forgets nodes that are gone and owe nothing.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn dismiss_idle(&self) -> Result<(), ViewError> {
        let idle = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        self.dismiss("", idle).await
    }

    /// Is itself forgotten, unless it owes something, which others will be given.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn leave(&self) -> Result<(), ViewError> {
        self.dismiss(&self.node, 0).await
    }

    async fn dismiss(&self, node: &str, idle_ms: u64) -> Result<(), ViewError> {
        let dismissed = self.streams.each().map(|names| {
            self.redis.script(&self.scripts.dismiss, names.stream.as_bytes(), |command| {
                command.arg(GROUP).arg(node).arg(idle_ms);
            })
        });
        try_join_all(dismissed).await.map(drop)
    }

    /// Reading that waits would hold up every other call.
    fn waiting(&self) -> Result<&Redis, ViewError> {
        if let Some(waiting) = self.waiting.get() {
            return Ok(waiting);
        }
        let made = self.redis.waiting(WAIT)?;
        Ok(self.waiting.get_or_init(|| made))
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Signals({}: {:?})", self.node, self.options)
    }
}
