//! Facts that the log did not take: they go to this node's spool, and are acknowledged as that.
//!
//! While no node of the log answers they go there at once. Otherwise the account's actor is asked
//! first, and facts that it could not make durable by their deadline follow; from then on those of
//! that account go there at once, until one of them came through. What needs the session to be
//! known cannot be decided here: facts are kept of sessions that are known, or that say themselves
//! whose they are and of what, and the rest is decided when they are replayed ([`super::drainer`]).

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_128;

use super::gather::Admission;
use super::{Accounts, Durability, Outcome, Recorded, Refusal, Refused, Submission};
use crate::events::embedded::{Kept, Spool, SpoolStanding};
use crate::events::{AccountId, Event, EventLog, Scope, SessionId};

/// Sessions that the log was seen to know, twice as many at most.
const KNOWN_MAX: usize = 50_000;
/// Accounts whose facts the log did not take of late; others wait for their deadline.
const DOUBTED_MAX: usize = 100_000;
const RETRY_AFTER_MS: u64 = 5_000;

/// Facts by account.
pub(super) type Facts = Vec<(AccountId, Vec<Submission>)>;

/// The spool, and what decides whether facts go there.
pub(crate) struct Spooling {
    pub(super) spool: Arc<Spool>,
    /// False where it only holds what is left of another time.
    takes: bool,
    log: Arc<dyn EventLog>,
    known: Mutex<Known>,
    doubted: Mutex<HashSet<AccountId>>,
    pub(super) counts: Counts,
    /// The node stops: nothing more is replayed.
    ends: AtomicBool,
}

/// What happened to facts since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) spooled: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) last_dropped: Mutex<Option<String>>,
}

/// How the spool is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolObserved {
    /// Whether it takes facts while the log is away.
    pub takes: bool,
    /// What waits.
    pub standing: SpoolStanding,
    /// Facts kept here since the start.
    pub spooled: u64,
    /// Facts that came through to the log.
    pub replayed: u64,
    /// Facts that were acknowledged here and that the log's sessions refused in the end.
    pub dropped: u64,
    /// Facts for which there was no room.
    pub turned_away: u64,
    /// The last that was dropped, and why.
    pub last_dropped: Option<String>,
}

/// Sessions seen of late, by hash; forgotten by halves.
#[derive(Default)]
struct Known {
    new: HashSet<u128>,
    old: HashSet<u128>,
}

impl Known {
    fn add(&mut self, key: u128) {
        if self.new.len() >= KNOWN_MAX {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(key);
    }

    fn has(&self, key: u128) -> bool {
        self.new.contains(&key) || self.old.contains(&key)
    }
}

fn key_of(account: &AccountId, session: SessionId) -> u128 {
    xxh3_128(&[account.as_str().as_bytes(), b"\0", session.as_bytes()].concat())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spooling {
    /// `takes` unless it only holds what is left of another time.
    pub(super) fn new(spool: Arc<Spool>, takes: bool, log: Arc<dyn EventLog>) -> Self {
        let (known, doubted, counts) = (Mutex::default(), Mutex::default(), Counts::default());
        Self { spool, takes, log, known, doubted, counts, ends: AtomicBool::new(false) }
    }

    /// Whether facts go here.
    pub(super) fn takes(&self) -> bool {
        self.takes
    }

    /// True while nobody need ask the log.
    pub(super) fn is_away(&self) -> bool {
        self.log.health().stopped.is_some()
    }

    /// Nothing more is to be replayed.
    pub(super) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more is to be replayed.
    pub(super) fn has_ended(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    /// The account's facts may go to its actor again.
    pub(super) fn trust(&self, account: &AccountId) {
        locked(&self.doubted).remove(account);
    }

    /// Nothing waits, so nothing is doubted.
    pub(super) fn trust_all(&self) {
        locked(&self.doubted).clear();
    }

    /// How it is doing.
    pub(super) fn observe(&self) -> SpoolObserved {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SpoolObserved {
            takes: self.takes,
            standing: self.spool.standing(),
            spooled: count(&self.counts.spooled),
            replayed: count(&self.counts.replayed),
            dropped: count(&self.counts.dropped),
            turned_away: count(&self.counts.turned_away),
            last_dropped: locked(&self.counts.last_dropped).clone(),
        }
    }

    /// Takes out what an erasure reaches; how many facts that were. To be done once the fence
    /// stands: what is replayed in the meantime is refused by it.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`] when the spool did not answer: ask again.
    pub(crate) async fn erase(&self, account: &AccountId, scope: &Scope) -> Result<u64, Refusal> {
        self.spool.erase(account, scope).await.map_err(|error| {
            tracing::error!(%error, "the spool could not erase");
            unavailable("the spool could not erase at the moment; ask again")
        })
    }

    /// Remembers which sessions the log knows.
    fn note(&self, outcome: &Outcome) {
        if outcome.sessions.is_empty() {
            return;
        }
        let mut known = locked(&self.known);
        for Recorded { account, session, .. } in &outcome.sessions {
            known.add(key_of(account, *session));
        }
    }

    fn doubt(&self, facts: &Facts) {
        let mut doubted = locked(&self.doubted);
        for (account, _) in facts {
            if doubted.len() < DOUBTED_MAX {
                doubted.insert(account.clone());
            }
        }
    }

    /// Splits off what need not be asked of the actors.
    fn split(&self, facts: Facts) -> (Facts, Facts) {
        if self.is_away() {
            return (vec![], facts);
        }
        let doubted = locked(&self.doubted);
        facts.into_iter().partition(|(account, _)| !doubted.contains(account))
    }

    /// Keeps facts here; every submission is in the outcome once.
    async fn keep(&self, facts: &Facts) -> Outcome {
        let mut outcome = Outcome::default();
        let mut taken = Vec::new();
        for (account, submissions) in facts {
            let nameless = self.nameless(account, submissions);
            for Submission { index, event } in submissions {
                if nameless.contains(&event.fact.session) {
                    outcome.refused.push(Refused { index: *index, refusal: unknown() });
                } else {
                    taken.push((*index, (account, event)));
                }
            }
        }
        let rows: Vec<_> = taken.iter().map(|(_, row)| *row).collect();
        match self.spool.keep(&rows).await {
            Ok(kept) => self.answer(&mut outcome, taken.into_iter().zip(kept)),
            Err(error) => {
                tracing::error!(%error, "the spool does not take facts");
                let refused = |(index, _)| Refused { index, refusal: unavailable(NEITHER) };
                outcome.refused.extend(taken.into_iter().map(refused));
            }
        }
        outcome
    }

    /// Sessions of which nobody here says whose they are and of what.
    fn nameless(&self, account: &AccountId, submissions: &[Submission]) -> HashSet<SessionId> {
        let sessions: HashSet<SessionId> =
            submissions.iter().map(|one| one.event.fact.session).collect();
        let is_named = |session: &SessionId| {
            let facts = submissions.iter().filter(|one| one.event.fact.session == *session);
            names(facts.map(|one| &one.event))
                || locked(&self.known).has(key_of(account, *session))
                || self.spool.holds(account, *session)
        };
        sessions.into_iter().filter(|session| !is_named(session)).collect()
    }

    fn answer<'f>(
        &self,
        outcome: &mut Outcome,
        kept: impl Iterator<Item = ((usize, (&'f AccountId, &'f Event)), Kept)>,
    ) {
        let mut sessions: BTreeMap<(&AccountId, SessionId), u64> = BTreeMap::new();
        for ((index, (account, event)), kept) in kept {
            match kept {
                Kept::New => outcome.recorded += 1,
                Kept::Before => outcome.duplicates += 1,
                Kept::NoRoom => {
                    self.counts.turned_away.fetch_add(1, Ordering::Relaxed);
                    outcome.refused.push(Refused { index, refusal: unavailable(FULL) });
                    continue;
                }
            }
            let seq = sessions.entry((account, event.fact.session)).or_default();
            *seq = event.order.seq.max(*seq);
        }
        if outcome.recorded + outcome.duplicates > 0 {
            outcome.durability = Durability::Node;
        }
        self.counts.spooled.fetch_add(outcome.recorded as u64, Ordering::Relaxed);
        outcome.sessions.extend(sessions.into_iter().map(|((account, session), seq)| Recorded {
            account: account.clone(),
            session,
            seq,
        }));
    }
}

const FULL: &str = "the log takes no events at the moment, and what waits for it on this node has \
                    no more room; send the same again later";
const NEITHER: &str =
    "neither the log nor this node's spool takes events at the moment; send the same again";

fn unavailable(detail: &str) -> Refusal {
    Refusal::StoreUnavailable { detail: detail.to_owned(), retry_after_ms: RETRY_AFTER_MS }
}

fn unknown() -> Refusal {
    unavailable(
        "the log cannot be asked at the moment whose session this is; send the same again, or send \
         title and profile with it",
    )
}

fn names<'e>(events: impl Iterator<Item = &'e Event>) -> bool {
    let (mut profile, mut title) = (false, false);
    for about in events.filter_map(|event| event.fact.about.as_deref()) {
        profile |= about.profile.is_some();
        title |= about.title.is_some();
    }
    profile && title
}

/// Takes out of the outcome what the log did not take, and gives the facts.
fn missed(outcome: &mut Outcome, sent: Facts) -> Facts {
    let is_missed = |refused: &Refused| matches!(refused.refusal, Refusal::StoreUnavailable { .. });
    let indexes: HashSet<usize> =
        outcome.refused.iter().filter(|one| is_missed(one)).map(|one| one.index).collect();
    if indexes.is_empty() {
        return vec![];
    }
    outcome.refused.retain(|refused| !is_missed(refused));
    let mut missed = sent;
    for (_, submissions) in &mut missed {
        submissions.retain(|submission| indexes.contains(&submission.index));
    }
    missed.retain(|(_, submissions)| !submissions.is_empty());
    missed
}

impl Accounts {
    /// Records several requests; what the log does not take goes to the spool.
    pub(super) async fn record_or_spool(
        &self,
        spooling: &Spooling,
        requests: Vec<Facts>,
    ) -> Vec<Outcome> {
        let (sent, spooled): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|facts| spooling.split(facts)).unzip();
        let mut outcomes = self.deliver_each(sent.clone()).await;
        for (outcome, (sent, mut rest)) in outcomes.iter_mut().zip(sent.into_iter().zip(spooled)) {
            spooling.note(outcome);
            let missed = missed(outcome, sent);
            if !missed.is_empty() {
                spooling.doubt(&missed);
                rest.extend(missed);
            }
            if !rest.is_empty() {
                outcome.add(self.keep(spooling, &rest).await);
            }
        }
        outcomes
    }

    /// Like facts for actors, those for the spool wait for a place in the node's line.
    async fn keep(&self, spooling: &Spooling, facts: &Facts) -> Outcome {
        let indexes = || facts.iter().flat_map(|(_, facts)| facts.iter().map(|one| one.index));
        match self.admit(indexes().count()) {
            Ok(_admission) => spooling.keep(facts).await,
            Err(refusal) => {
                let refused = indexes().map(|index| Refused { index, refusal: refusal.clone() });
                Outcome { refused: refused.collect(), ..Outcome::default() }
            }
        }
    }

    fn admit(&self, count: usize) -> Result<Admission, Refusal> {
        self.admission(count).ok_or(Refusal::TooManyRequests { retry_after_ms: RETRY_AFTER_MS })
    }
}
