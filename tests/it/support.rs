//! What every test needs: facts in few words, a log that fails on demand, waiting for a condition.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    About, AccountId, AccountRange, Append, AppendError, Clock, Compacted, Depth, Erased, Event,
    EventLog, Fact, Fence, Gone, Health, Id, Kind, Mark, ReadError, Reason, SessionId, SessionKey,
    Slice, Stored, SystemClock, Timestamp, Week, Window,
};

/// 2026-11-23T05:00:00Z, when every test begins.
pub(crate) const T0: i64 = 1_795_410_000_000;

/// So many seconds into the test.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(T0 + seconds * 1_000)
}

/// An id from a text known to be one.
pub(crate) fn id<K>(text: &str) -> Id<K> {
    Id::new(text).unwrap()
}

/// The test's household.
pub(crate) fn home() -> AccountId {
    id("home")
}

/// The session with this number, begun at the test's beginning.
pub(crate) fn session(number: u128) -> SessionId {
    SessionId::derived(at(0), number)
}

/// A numbered fact of Anna's session of title `film`, with everything else at rest.
pub(crate) fn fact(session: SessionId, seq: u32, kind: Kind, position_s: u64) -> Fact {
    let mut fact = Fact::new(session, kind, position_s * 1_000);
    fact.seq = Some(seq);
    fact.at = Some(at(i64::from(seq) * 10));
    fact.duration_ms = Some(3_600_000);
    fact.about = Some(Box::new(About {
        profile: Some(id("anna")),
        title: Some(id("film")),
        device: Some(id("tv")),
        ..About::default()
    }));
    if kind == Kind::Stopped {
        fact.reason = Some(Reason::User);
    }
    fact
}

/// A fact received a second after it happened.
pub(crate) fn event(fact: Fact) -> Event {
    let received_at = fact.at.unwrap_or(at(0)).plus_ms(1_000);
    Event::new(fact, received_at, None)
}

/// A session of `count` facts ten seconds apart: started, heartbeats, stopped.
pub(crate) fn watch(session: SessionId, count: u32) -> Vec<Event> {
    let kind = |seq| match seq {
        0 => Kind::Started,
        seq if seq + 1 == count => Kind::Stopped,
        _ => Kind::Progressed,
    };
    (0..count).map(|seq| event(fact(session, seq, kind(seq), u64::from(seq) * 10))).collect()
}

/// A session begun now.
pub(crate) fn fresh(number: u128) -> SessionId {
    SessionId::derived(SystemClock.now(), number)
}

/// Anna's fact of `film`, happening now, as a player sends it.
pub(crate) fn json_fact(session: SessionId, seq: u32, kind: &str, position_ms: u64) -> Value {
    let mut fact = json!({
        "session": session, "seq": seq, "kind": kind, "at": SystemClock.now(),
        "position_ms": position_ms, "profile": "anna", "title": "film", "duration_ms": 3_600_000,
    });
    if kind == "stopped" {
        fact["reason"] = "user".into();
    }
    fact
}

/// What has not come to be by then never will; a loaded machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Reads an event stream until it says so; returns all that it said.
pub(crate) async fn streamed(stream: &mut reqwest::Response, what: &str) -> String {
    let mut said = String::new();
    let reading = async {
        while !said.contains(what) {
            let chunk = stream.chunk().await.unwrap().unwrap();
            said += std::str::from_utf8(&chunk).unwrap();
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    assert!(read.is_ok(), "never said: {what}; {said}");
    said
}

/// Waits until `condition` holds; fails, naming it, if it does not come to hold.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(PATIENCE, what, condition).await;
}

/// The same with patience of another measure.
pub(crate) async fn within(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    let begun = Instant::now();
    while !condition().await {
        let waited = begun.elapsed();
        assert!(waited < patience, "never: {what}");
        // What takes long is looked at less often: others need the processor.
        let pause = (waited / 20).clamp(Duration::from_millis(5), Duration::from_millis(250));
        tokio::time::sleep(pause).await;
    }
}

/// Speaks HTTP in the clear. It reads no authorities of the system, as others do for every client,
/// and takes up no connection that the server may be about to close.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().tls_certs_only([]);
    client.pool_idle_timeout(Duration::from_secs(2)).build().unwrap()
}

/// Asks once.
pub(crate) async fn get(url: impl reqwest::IntoUrl) -> reqwest::Result<reqwest::Response> {
    client().get(url).send().await
}

/// As long as a player waits before it tries again.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// How the next appends of a [`FlakyLog`] fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing is written.
    Unavailable,
    /// It is written, and then said to be in doubt.
    InDoubt,
}

/// A log whose next appends fail.
#[derive(Default)]
pub(crate) struct FlakyLog {
    inner: MemoryLog,
    unavailable: AtomicUsize,
    in_doubt: AtomicUsize,
    appends: AtomicUsize,
    gate: tokio::sync::RwLock<()>,
}

impl FlakyLog {
    /// Lets the next `times` appends fail.
    pub(crate) fn fail(&self, failure: Failure, times: usize) {
        match failure {
            Failure::Unavailable => self.unavailable.store(times, Ordering::SeqCst),
            Failure::InDoubt => self.in_doubt.store(times, Ordering::SeqCst),
        }
    }

    /// Holds appends back for as long as the guard lives.
    pub(crate) async fn hold(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// How many appends were asked for.
    pub(crate) fn appends(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }
}

fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

#[async_trait]
impl EventLog for FlakyLog {
    async fn append_all(&self, group: &[Append]) -> Result<(), AppendError> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.read().await;
        if take(&self.unavailable) {
            return Err(AppendError::Unavailable("made to fail".to_owned()));
        }
        let is_in_doubt = take(&self.in_doubt);
        self.inner.append_all(group).await?;
        if is_in_doubt {
            return Err(AppendError::InDoubt("made to doubt".to_owned()));
        }
        Ok(())
    }

    fn takes_groups(&self) -> bool {
        self.inner.takes_groups()
    }

    async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        self.inner.session(key).await
    }

    async fn events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        self.inner.events(key, seqs).await
    }

    async fn weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        self.inner.weeks(account).await
    }

    async fn week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        self.inner.week(account, week, depth).await
    }

    async fn marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        self.inner.marks(account).await
    }

    async fn fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        self.inner.fences(account).await
    }

    fn ranges(&self, parts: usize) -> Vec<AccountRange> {
        self.inner.ranges(parts)
    }

    async fn accounts(
        &self,
        range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        self.inner.accounts(range, after, limit).await
    }

    async fn compact(&self, compacted: Compacted) -> Result<(), AppendError> {
        self.inner.compact(compacted).await
    }

    async fn erase(&self, erased: Erased) -> Result<Gone, AppendError> {
        self.inner.erase(erased).await
    }

    async fn purge(&self, key: &SessionKey) -> Result<bool, AppendError> {
        self.inner.purge(key).await
    }

    fn keeps_dirty_index(&self) -> bool {
        self.inner.keeps_dirty_index()
    }

    async fn dirty(&self, slice: Slice, window: Window) -> Result<Vec<SessionKey>, ReadError> {
        self.inner.dirty(slice, window).await
    }

    async fn note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.inner.note(name).await
    }

    async fn set_note(&self, name: &str, value: Option<&[u8]>) -> Result<(), AppendError> {
        self.inner.set_note(name, value).await
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}

/// Erases as an account's actor does, which looks first what is there.
pub(crate) async fn erase(log: &dyn EventLog, mut erased: Erased) -> Result<Gone, AppendError> {
    let Erased { account, sessions, marks, .. } = &erased;
    erased.survey = log.survey(account, sessions, marks).await.unwrap();
    log.erase(erased).await
}

/// The whole of an account's sessions, folded from the log.
pub(crate) async fn folded(
    log: &Arc<dyn EventLog>,
    account: &AccountId,
) -> Vec<viewlog::events::State> {
    let mut states = Vec::new();
    for week in log.weeks(account).await.unwrap() {
        for stored in log.week(account, week, Depth::Snapshots).await.unwrap() {
            states.extend(stored.state());
        }
    }
    states
}

/// Where nobody listens, below the ports that the system gives out: nobody is given it meanwhile.
pub(crate) fn free_address() -> SocketAddr {
    loop {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(20_000..32_000)));
        if TcpListener::bind(at).is_ok() {
            return at;
        }
    }
}
