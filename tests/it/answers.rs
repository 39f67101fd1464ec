//! What people ask for, computed from plays and marks with the policy.

mod as_of;
mod history;
mod marks;
mod resume;

use std::sync::Arc;

use viewlog::events::codec::{encode_event, encode_snapshot};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    About, Append, Clock, Event, EventLog, EventRow, Fact, Kind, ManualClock, Mark, MarkKind,
    Reason, SessionId, SnapshotRow, Timestamp, TitleId, fold,
};
use viewlog::projections::{
    Answer, Answers, Freshness, HistoryQuery, Items, MemoryViews, MemoryViewsOptions, Person,
    Policy, Resume, Watch, When,
};

use crate::support::{at, home, id, session};

/// A household whose log is written directly, and the answers about it.
struct House {
    log: Arc<dyn EventLog>,
    clock: Arc<ManualClock>,
    answers: Answers,
}

/// A play to be: title, session, from when, where it began, how far it played, in seconds.
#[derive(Clone)]
struct Played {
    session: SessionId,
    title: &'static str,
    at_s: i64,
    from_s: u64,
    to_s: u64,
    duration_s: Option<u64>,
    reason: Reason,
    about: About,
}

impl Played {
    fn new(number: u128, title: &'static str, at_s: i64) -> Self {
        Self {
            session: session(number),
            title,
            at_s,
            from_s: 0,
            to_s: 600,
            duration_s: Some(3_600),
            reason: Reason::User,
            about: About { device: Some(id("tv")), ..About::default() },
        }
    }

    fn span(mut self, from_s: u64, to_s: u64) -> Self {
        (self.from_s, self.to_s) = (from_s, to_s);
        self
    }

    fn source(mut self, source: &str) -> Self {
        self.about.source = Some(source.into());
        self
    }

    fn ended(mut self) -> Self {
        self.reason = Reason::Ended;
        self
    }

    /// Played in real time, a heartbeat every ten seconds.
    fn events(&self) -> Vec<Event> {
        let seconds = self.to_s - self.from_s;
        let mut facts = vec![self.fact(Kind::Started, 0)];
        facts.extend((1..seconds.div_ceil(10)).map(|beat| self.fact(Kind::Progressed, beat * 10)));
        let mut stopped = self.fact(Kind::Stopped, seconds);
        stopped.reason = Some(self.reason);
        facts.push(stopped);
        let numbered = facts.into_iter().zip(0..).map(|(mut fact, seq)| {
            fact.seq = Some(seq);
            let received_at = fact.at.unwrap().plus_ms(500);
            Event::new(fact, received_at, None)
        });
        numbered.collect()
    }

    fn fact(&self, kind: Kind, seconds: u64) -> Fact {
        let mut fact = Fact::new(self.session, kind, (self.from_s + seconds) * 1_000);
        fact.at = Some(at(self.at_s + i64::try_from(seconds).unwrap()));
        fact.duration_ms = self.duration_s.map(|s| s * 1_000);
        let mut about = self.about.clone();
        about.profile = about.profile.or(Some(id("anna")));
        about.title = Some(id(self.title));
        fact.about = Some(Box::new(about));
        fact
    }
}

impl House {
    fn new() -> Self {
        Self::with(Policy::default(), MemoryViewsOptions::default())
    }

    fn with(policy: Policy, options: MemoryViewsOptions) -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
        let clock = Arc::new(ManualClock::new(at(100_000)));
        let dyn_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let views = Arc::new(MemoryViews::new(options, Arc::clone(&dyn_clock)));
        let answers = Answers::new(
            (Arc::clone(&log), views),
            Arc::new(policy),
            (Arc::new(Freshness::default()), dyn_clock),
            4,
        );
        Self { log, clock, answers }
    }

    async fn played(&self, played: &Played) -> &Self {
        self.append(played.session, &played.events()).await
    }

    async fn append(&self, session: SessionId, events: &[Event]) -> &Self {
        let mut append = Append::new(home());
        append.weeks.push(session.week());
        append.events = events
            .iter()
            .map(|event| EventRow { session, order: event.order, body: encode_event(event) })
            .collect();
        let state = fold(None, events).unwrap();
        append.snapshots.push(SnapshotRow { session, body: encode_snapshot(&state) });
        self.log.append(&append).await.unwrap();
        self
    }

    async fn said(&self, number: u128, at: Timestamp, kind: MarkKind) -> &Self {
        let command = SessionId::derived(at, number);
        let mark = Mark { command, profile: id("anna"), at, received_at: at, kind };
        let mut append = Append::new(home());
        append.marks.push(mark.clone());
        self.log.append(&append).await.unwrap();
        self.answers.said(&home(), &mark).await;
        self
    }

    async fn resume(&self, title: &str) -> Option<Resume> {
        self.explained(title, When::default()).await.body.items.into_iter().next()
    }

    async fn explained(&self, title: &str, when: When) -> Answer<Items<Resume>> {
        self.answers.resume(&anna(), &[id(title)], (when, true)).await.unwrap()
    }

    async fn continue_watching(&self) -> Vec<String> {
        let answer = self.answers.continue_watching(&anna(), 20, When::default()).await.unwrap();
        answer.body.items.iter().map(|item| item.title.title.to_string()).collect()
    }

    async fn history(&self, limit: usize) -> Vec<Watch> {
        let query = HistoryQuery { limit, ..HistoryQuery::default() };
        self.answers.history(&anna(), &query, When::default()).await.unwrap().body.items
    }

    async fn times_finished(&self, title: &str) -> u32 {
        let title = self.answers.title(&anna(), &id(title), When::default()).await.unwrap();
        title.unwrap().body.times_finished
    }
}

fn anna() -> Person {
    Person { account: home(), profile: id("anna") }
}

fn title(title: &str) -> TitleId {
    id(title)
}
