//! How far the streams are: looked at now and then by every node, whatever it does.

use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;
use redis::Value;

use super::streams::{Names, Through};
use super::{Counts, GROUP, Signals, add};
use crate::projections::ViewError;
use crate::projections::redis::merge::not_understood;

/// How the streams stood at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    streams: Vec<Stream>,
}

/// One stream; its instants are its server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stream {
    now_ms: i64,
    /// When the first was put that nobody merged yet.
    oldest_ms: Option<i64>,
    length: u64,
    /// Of those, how many somebody read.
    pending: u64,
    /// How many were found just now to have been cut off.
    lost: u64,
    /// When that was found last.
    lost_at_ms: Option<i64>,
}

/// What went through the streams since the start, and what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalsStanding {
    /// Entries that this node put there.
    pub published: u64,
    /// Entries that it read.
    pub read: u64,
    /// Entries that it took out, since they are merged.
    pub acknowledged: u64,
    /// Of those that it read, how many another did not acknowledge in time.
    pub claimed: u64,
    /// Of those that it read, how many told nothing that can be read.
    pub damaged: u64,
    /// Entries that were cut off before anybody merged them, found by this node.
    pub lost: u64,
}

impl Seen {
    /// Entries that nobody merged yet.
    pub fn waiting(&self) -> u64 {
        self.streams.iter().map(|stream| stream.length).sum()
    }

    /// Of those, how many somebody read.
    pub fn pending(&self) -> u64 {
        self.streams.iter().map(|stream| stream.pending).sum()
    }

    /// How long ago the oldest of them was put there; `None` when there is none.
    pub fn lag_ms(&self) -> Option<i64> {
        let lag = |stream: &Stream| Some((stream.now_ms - stream.oldest_ms?).max(0));
        self.streams.iter().filter_map(lag).max()
    }

    /// How long ago it was found that entries had been cut off, and at which instant of its server;
    /// `None` when that never was.
    pub fn loss(&self) -> Option<(i64, i64)> {
        let loss = |stream: &Stream| {
            let at_ms = stream.lost_at_ms?;
            Some((at_ms, (stream.now_ms - at_ms).max(0)))
        };
        let last = self.streams.iter().filter_map(loss).max();
        last.map(|(at_ms, ago_ms)| (ago_ms, at_ms))
    }

    /// Whether everything is merged that was put there so far.
    pub fn is_merged(&self, through: &Through) -> bool {
        through.each().all(|(number, ms)| {
            let stream = self.streams.get(number);
            stream.is_none_or(|stream| stream.oldest_ms.is_none_or(|oldest_ms| oldest_ms > ms))
        })
    }

    /// Everything that was put there until it was looked.
    pub fn until_now(&self) -> Through {
        let each = self.streams.iter().enumerate();
        each.fold(Through::default(), |all, (number, stream)| all.reaching(number, stream.now_ms))
    }
}

impl Signals {
    /// How the streams stand.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`].
    pub async fn look(&self) -> Result<Seen, ViewError> {
        let all: Vec<&Names> = self.streams.each().collect();
        let size = if self.redis.is_cluster() { 1 } else { all.len().max(1) };
        let looked = try_join_all(all.chunks(size).map(|some| self.look_at(some))).await?;
        let streams: Vec<Stream> = looked.into_iter().flatten().collect();
        let lost: u64 = streams.iter().map(|stream| stream.lost).sum();
        if lost > 0 {
            tracing::warn!(lost, "signals were cut off; the views lack them until a sweep");
            add(&self.counts.lost, usize::try_from(lost).unwrap_or(usize::MAX));
        }
        Ok(Seen { streams })
    }

    /// What went through the streams.
    pub fn standing(&self) -> SignalsStanding {
        let Counts { published, read, acknowledged, claimed, damaged, lost } = &self.counts;
        SignalsStanding {
            published: published.load(Ordering::Relaxed),
            read: read.load(Ordering::Relaxed),
            acknowledged: acknowledged.load(Ordering::Relaxed),
            claimed: claimed.load(Ordering::Relaxed),
            damaged: damaged.load(Ordering::Relaxed),
            lost: lost.load(Ordering::Relaxed),
        }
    }

    /// Looks at streams that live together.
    async fn look_at(&self, some: &[&Names]) -> Result<Vec<Stream>, ViewError> {
        let Some(first) = some.first() else { return Ok(vec![]) };
        let looked = self.redis.script(&self.scripts.look, first.stream.as_bytes(), |command| {
            command.arg(GROUP);
            for names in some {
                command.arg(&names.stream).arg(&names.counts);
            }
        });
        let answer = looked.await?;
        let Value::Array(figures) = &answer else { return Err(not_understood(&answer)) };
        let mut figures = figures.iter().map(figure);
        let mut next = || figures.next().flatten().ok_or_else(|| not_understood(&answer));
        let now_ms = next()?;
        let mut streams = Vec::with_capacity(some.len());
        for _ in some {
            streams.push(Stream {
                now_ms,
                oldest_ms: instant(next()?),
                length: count(next()?),
                pending: count(next()?),
                lost: count(next()?),
                lost_at_ms: instant(next()?),
            });
        }
        Ok(streams)
    }
}

fn figure(value: &Value) -> Option<i64> {
    match value {
        Value::Int(figure) => Some(*figure),
        _ => None,
    }
}

/// Where there is none, the script says 0.
fn instant(ms: i64) -> Option<i64> {
    (ms > 0).then_some(ms)
}

fn count(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or_default()
}
