//! Facts as a household's players would send them: one session an account, a heartbeat each time.

use viewlog::events::codec::encode_event;
use viewlog::events::{
    About, AccountId, Clock, Event, EventRow, Fact, Id, Kind, SessionId, SystemClock, Timestamp,
};

/// An account with one session that goes on for ever.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) seq: u32,
    started: Timestamp,
    number: usize,
    in_fleet: bool,
}

impl Player {
    pub(crate) fn new(number: usize) -> Self {
        let now = SystemClock.now();
        Self {
            account: Id::new(&format!("household-{number:06}")).unwrap(),
            session: SessionId::derived(now, xxhash_rust::xxh3::xxh3_128(&number.to_le_bytes())),
            seq: 0,
            started: now,
            number,
            in_fleet: false,
        }
    }

    /// One whose rows several nodes write, so that each names its title and profile.
    pub(crate) fn in_fleet(number: usize) -> Self {
        Self { in_fleet: true, ..Self::new(number) }
    }

    pub(crate) fn many(count: usize) -> Vec<Self> {
        (0..count).map(Self::new).collect()
    }

    /// The next fact: a start, then a heartbeat every ten seconds of content, as fast as asked for.
    pub(crate) fn next(&mut self) -> Event {
        self.next_of(if self.seq == 0 { Kind::Started } else { Kind::Progressed })
    }

    /// The next fact, of this kind.
    pub(crate) fn next_of(&mut self, kind: Kind) -> Event {
        let seq = self.seq;
        self.seq += 1;
        let mut fact = Fact::new(self.session, kind, u64::from(seq) * 1_000);
        fact.seq = Some(seq);
        fact.at = Some(self.started.plus_ms(i64::from(seq) * 1_000));
        fact.rate = Some(1.0);
        fact.duration_ms = Some(3_600_000);
        fact.about = Some(Box::new(About {
            profile: Some(Id::new("anna").unwrap()),
            title: Some(Id::new("tt0944947:s1e3").unwrap()),
            device: Some(Id::new("living-room-tv").unwrap()),
            name: Some("The Long Road".into()),
            ..About::default()
        }));
        Event::new(fact, SystemClock.now(), None)
    }

    /// The next fact as the account's actor writes it: a heartbeat says little of what is known.
    pub(crate) fn next_row(&mut self) -> EventRow {
        let mut event = self.next();
        if self.seq > 1 {
            let about = event.fact.about.take().filter(|_| self.in_fleet);
            event.fact.about = about.map(|about| {
                let About { profile, title, .. } = *about;
                Box::new(About { profile, title, ..About::default() })
            });
        }
        row(&event)
    }

    /// The next fact as JSON, with title and profile on every fact as the API advises.
    pub(crate) fn next_json(&mut self) -> String {
        let seq = self.seq;
        self.seq += 1;
        let kind = if seq == 0 { "started" } else { "progressed" };
        format!(
            concat!(
                r#"{{"account":"{}","profile":"anna","session":"{}","seq":{},"#,
                r#""kind":"{}","at":"{}","#,
                r#""position_ms":{},"title":"tt0944947:s1e3","duration_ms":3600000,"rate":1.0,"#,
                r#""device":"living-room-tv","media":"episode","name":"The Long Road"}}"#
            ),
            self.account,
            self.session,
            seq,
            kind,
            self.started.plus_ms(i64::from(seq) * 1_000),
            u64::from(seq) * 1_000,
        )
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }
}

pub(crate) fn row(event: &Event) -> EventRow {
    EventRow { session: event.fact.session, order: event.order, body: encode_event(event) }
}
