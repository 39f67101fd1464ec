//! What changes on one node, told to the nodes where somebody follows it, by Redis' publish and
//! subscribe.
//!
//! A channel for each slice of accounts, and one on which every node says, once a second and at
//! once when it changes, which slices it follows: nothing is published that nobody follows. A
//! message is heard by whoever is connected at that moment or by nobody. So after every connection,
//! and whenever something may have been missed, followers are told to look at everything again.
//!
//! Nothing here waits without bound, and nothing here is needed for an answer: what is not heard
//! shows with the session's next fact. In a cluster plain publishing reaches all nodes, so that one
//! connection to any of them will do.

mod link;
mod message;
mod peers;
mod slices;
mod waiting;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use self::message::{Letter, Message};
use self::peers::Peers;
use self::slices::Slices;
use self::waiting::{Change, Waiting};
use super::{Redis, RedisOptions, RedisUrl};
use crate::events::codec::DecodeError;
use crate::events::{AccountId, Slice, State};

/// How long a node that shuts down waits until the others were told.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// What came from another node.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A session of an account stands like this. It may be older than what is known.
    Changed(AccountId, Box<State>),
    /// Something may have been missed: ask again what is playing. Everyone is told so whenever
    /// others are heard anew.
    Resync(Whose),
    /// Something was erased.
    Erased(Whose),
    /// Nobody is heard, until everyone is told to ask again.
    Nothing,
}

/// Who is to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Who follows this account.
    Account(AccountId),
    /// Who follows any account of this slice.
    Slice(Slice),
    /// Who follows anything.
    Everyone,
}

/// How a relay is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayStanding {
    /// Whether other nodes are heard.
    pub connected: bool,
    /// Messages of changes that were sent to other nodes.
    pub published: u64,
    /// Messages of changes that came from other nodes.
    pub heard: u64,
    /// Changes that there was no room for, followed by a word to look again.
    pub dropped: u64,
    /// Messages that could not be read.
    pub damaged: u64,
}

/// Tells other nodes what changed here and hears what changed there; ends when dropped.
pub struct Relay {
    shared: Arc<Shared>,
    redis: Redis,
}

impl fmt::Debug for Relay {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Relay({}: {:?})", self.shared.node, self.standing())
    }
}

/// Takes what came from other nodes. Must not wait: nothing else is heard meanwhile.
type Hear = Box<dyn Fn(Heard) + Send + Sync>;

struct Shared {
    place: Place,
    channels: Channels,
    /// Who says what is said here.
    node: String,
    hear: OnceLock<Hear>,
    followed: Mutex<Followed>,
    peers: Mutex<Peers>,
    waiting: Mutex<Waiting>,
    /// There is something to do.
    wake: Notify,
    closing: Notify,
    is_closed: AtomicBool,
    /// The last connection was left.
    ended: Notify,
    counts: Counts,
}

/// Where Redis is.
struct Place {
    url: RedisUrl,
    options: RedisOptions,
}

/// The slices that are followed here, each by so many.
#[derive(Default)]
struct Followed {
    counts: HashMap<Slice, usize>,
    slices: Slices,
}

#[derive(Default)]
struct Counts {
    connected: AtomicBool,
    published: AtomicU64,
    heard: AtomicU64,
    dropped: AtomicU64,
    damaged: AtomicU64,
}

impl Counts {
    fn published(&self, count: usize) {
        self.published.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// The names of channels, which are the same in all databases of a Redis.
struct Channels(String);

impl Channels {
    fn announcements(&self) -> String {
        format!("{}follows", self.0)
    }

    fn of_slice(&self, slice: Slice) -> String {
        format!("{}{}", self.0, slice.number())
    }

    fn of(&self, slices: &Slices) -> Vec<String> {
        slices.iter().map(|slice| self.of_slice(slice)).collect()
    }
}

impl Relay {
    /// A relay over this Redis, which need not be there yet. Nodes of one `prefix` hear each other;
    /// `node` is this one's name, and nobody else's.
    pub fn new(redis: &Redis, prefix: &str, node: &str) -> Self {
        let (url, options) = redis.place();
        let database = url.nodes.first().map_or(0, |node| node.redis_settings().db());
        let place = Place { url: url.clone(), options };
        let shared = Arc::new(Shared {
            place,
            channels: Channels(format!("{prefix}live:{database}:")),
            node: node.to_owned(),
            hear: OnceLock::new(),
            followed: Mutex::default(),
            peers: Mutex::new(Peers::new()),
            waiting: Mutex::default(),
            wake: Notify::new(),
            closing: Notify::new(),
            is_closed: AtomicBool::new(false),
            ended: Notify::new(),
            counts: Counts::default(),
        });
        Self { shared, redis: redis.clone() }
    }

    /// Begins to hear and to tell, once: `hear` is given all that comes, and must not wait.
    pub fn listen(&self, hear: impl Fn(Heard) + Send + Sync + 'static) {
        if self.shared.hear.set(Box::new(hear)).is_ok() {
            self.redis.spawn(link::run(Arc::clone(&self.shared)));
        }
    }

    /// Someone follows an account of this slice from now on.
    pub fn follow(&self, slice: Slice) {
        let mut followed = self.shared.followed();
        let count = followed.counts.entry(slice).or_default();
        *count += 1;
        if *count == 1 {
            followed.slices.insert(slice);
            self.shared.wake.notify_one();
        }
    }

    /// One who followed an account of this slice does not any more.
    pub fn unfollow(&self, slice: Slice) {
        let mut followed = self.shared.followed();
        let Some(count) = followed.counts.get_mut(&slice) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            followed.counts.remove(&slice);
            followed.slices.remove(slice);
        }
    }

    /// Whether a change of this account is worth telling: another node follows it, or might.
    pub fn wants(&self, account: &AccountId) -> bool {
        self.shared.peers().want(Slice::of(account))
    }

    /// Tells the nodes that follow this account how a session stands; never waits.
    pub fn tell(&self, account: &AccountId, state: &State) {
        if !self.wants(account) {
            return;
        }
        let change = Change::of(state);
        if !self.shared.waiting().tell(account.clone(), state.session, change) {
            self.shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.wake.notify_one();
    }

    /// Tells the nodes that follow this account to ask again what is playing.
    pub fn resync(&self, account: &AccountId) {
        if self.wants(account) {
            self.shared.waiting().look_again(account);
            self.shared.wake.notify_one();
        }
    }

    /// Tells every node that something was erased from this account.
    pub fn erased(&self, account: &AccountId) {
        self.shared.waiting().erased(account);
        self.shared.wake.notify_one();
    }

    /// How it is doing.
    pub fn standing(&self) -> RelayStanding {
        let counts = &self.shared.counts;
        RelayStanding {
            connected: counts.connected.load(Ordering::Relaxed),
            published: counts.published.load(Ordering::Relaxed),
            heard: counts.heard.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            damaged: counts.damaged.load(Ordering::Relaxed),
        }
    }

    /// Tells what waits, as far as that takes but a moment, and ends.
    pub async fn leave(&self) {
        self.close();
        if self.shared.hear.get().is_some() {
            let _ = timeout(LEAVE_MAX, self.shared.ended.notified()).await;
        }
    }

    fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.shared.closing.notify_one();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Takes a message as it came.
    fn hear(&self, bytes: &[u8]) {
        if let Err(error) = self.understand(bytes) {
            tracing::debug!(%error, "a message of another node could not be read");
            self.counts.damaged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn understand(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        let letter = Letter::open(bytes)?;
        if letter.node() == self.node {
            return Ok(());
        }
        let node = letter.node().to_owned();
        match letter.message()? {
            Message::Follows(slices) => self.peers().hear(&node, slices),
            Message::Heard(heard) => {
                self.counts.heard.fetch_add(1, Ordering::Relaxed);
                self.hand_over(heard);
            }
        }
        Ok(())
    }

    fn hand_over(&self, heard: Heard) {
        if let Some(hear) = self.hear.get() {
            hear(heard);
        }
    }

    fn connected(&self) {
        self.counts.connected.store(true, Ordering::Relaxed);
        tracing::info!(redis = %self.place.url, "other nodes are heard");
    }

    /// Whether it was connected until now.
    fn disconnected(&self) -> bool {
        *self.peers() = Peers::new();
        if !self.is_closed() {
            self.hand_over(Heard::Nothing);
        }
        self.counts.connected.swap(false, Ordering::Relaxed)
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
