//! A fact: what a player says happened, checked for itself, before anyone decides whether to record
//! it.

use serde::{Deserialize, Serialize};

use super::{DeviceId, ProfileId, SessionId, Timestamp, TitleId};

/// The greatest position, duration or season that JSON can carry exactly.
const NUMBER_MAX: u64 = 1 << 53;
/// Numbering is contiguous from 0 and a session has at most 100,000 facts: a greater number is a
/// mistake.
const SEQ_MAX: u32 = 10_000_000;
/// The fastest playback anyone offers, with room.
const RATE_MAX: f64 = 100.0;
/// The longest display text, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// How far a device's clock may be ahead of the server's, and with it what it dates and the ids
/// that it makes.
pub const AHEAD_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// What happened, in the player's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Playback began.
    Started,
    /// A heartbeat.
    Progressed,
    /// The viewer paused.
    Paused,
    /// The viewer went on.
    Resumed,
    /// The position jumped, from `from_ms` if the player knows.
    Seeked,
    /// Playback waits for data.
    Stalled,
    /// Playback is over, for a [`Reason`].
    Stopped,
}

impl Kind {
    /// Every kind, in the order of the API's list.
    pub const ALL: [Self; 7] = [
        Self::Started,
        Self::Progressed,
        Self::Paused,
        Self::Resumed,
        Self::Seeked,
        Self::Stalled,
        Self::Stopped,
    ];

    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Progressed => "progressed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Seeked => "seeked",
            Self::Stalled => "stalled",
            Self::Stopped => "stopped",
        }
    }
}

/// Why playback stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The title was over.
    Ended,
    /// The viewer left.
    User,
    /// The player failed.
    Error,
    /// Another player took over.
    TakenOver,
    /// Nothing was heard for too long.
    Idle,
}

/// What sort of thing a title is; policies differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// A film.
    Movie,
    /// One episode of a series.
    Episode,
    /// Live television.
    Live,
    /// An advertisement for a title.
    Trailer,
    /// A short excerpt.
    Clip,
    /// Music, an audiobook, a podcast.
    Audio,
}

/// Who, what and where: everything a fact may say that does not move.
///
/// In a session the lowest fact that names a field decides it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The person watching.
    pub profile: Option<ProfileId>,
    /// What is watched.
    pub title: Option<TitleId>,
    /// The player.
    pub device: Option<DeviceId>,
    /// What sort of thing the title is.
    pub media: Option<Media>,
    /// The title's name for display.
    pub name: Option<Box<str>>,
    /// The series' name for display.
    pub series: Option<Box<str>>,
    /// Season number.
    pub season: Option<u32>,
    /// Episode number.
    pub episode: Option<u32>,
    /// Nobody pressed play.
    pub autoplay: Option<bool>,
    /// Where the fact came from, if not from a player: `netflix`, `jellyfin`…
    pub source: Option<Box<str>>,
    /// The source's own key of this session.
    pub source_session: Option<Box<str>>,
    /// The source states where the viewer stopped, so the play claims its position at once.
    pub bookmark: Option<bool>,
}

impl About {
    /// Takes from `later` what is not named yet.
    pub fn fill_from(&mut self, later: &Self) {
        fn fill<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        fill(&mut self.profile, &later.profile);
        fill(&mut self.title, &later.title);
        fill(&mut self.device, &later.device);
        fill(&mut self.media, &later.media);
        fill(&mut self.name, &later.name);
        fill(&mut self.series, &later.series);
        fill(&mut self.season, &later.season);
        fill(&mut self.episode, &later.episode);
        fill(&mut self.autoplay, &later.autoplay);
        fill(&mut self.source, &later.source);
        fill(&mut self.source_session, &later.source_session);
        fill(&mut self.bookmark, &later.bookmark);
    }

    /// What this says that `known` does not say already; `None` when that is nothing.
    pub fn beyond(&self, known: &Self) -> Option<Self> {
        fn news<T: Clone + PartialEq>(mine: &Option<T>, known: &Option<T>) -> Option<T> {
            mine.as_ref().filter(|_| mine != known).cloned()
        }
        let news = Self {
            profile: news(&self.profile, &known.profile),
            title: news(&self.title, &known.title),
            device: news(&self.device, &known.device),
            media: news(&self.media, &known.media),
            name: news(&self.name, &known.name),
            series: news(&self.series, &known.series),
            season: news(&self.season, &known.season),
            episode: news(&self.episode, &known.episode),
            autoplay: news(&self.autoplay, &known.autoplay),
            source: news(&self.source, &known.source),
            source_session: news(&self.source_session, &known.source_session),
            bookmark: news(&self.bookmark, &known.bookmark),
        };
        (news != Self::default()).then_some(news)
    }
}

/// What a player says happened in one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The session it belongs to.
    pub session: SessionId,
    /// The player's own number, contiguous from 0; none in a whole session that cannot number.
    pub seq: Option<u32>,
    /// What happened.
    pub kind: Kind,
    /// When, by the player's clock.
    pub at: Option<Timestamp>,
    /// Where the playhead is now.
    pub position_ms: u64,
    /// Where it was before a seek.
    pub from_ms: Option<u64>,
    /// How fast it moves; 1.0 is normal. Absent means as before.
    pub rate: Option<f64>,
    /// Why it stopped.
    pub reason: Option<Reason>,
    /// How long the title is, as far as the player knows.
    pub duration_ms: Option<u64>,
    /// Everything that does not move; `None` when the fact says none of it.
    pub about: Option<Box<About>>,
}

/// Why a fact cannot be accepted, whatever else is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// A field has a value that cannot be; says which and what would be right.
    Event(String),
    /// The session id's clock part is more than 24 h ahead of the server.
    ClockAhead(String),
}

impl Fact {
    /// A fact with nothing but what every fact needs.
    pub fn new(session: SessionId, kind: Kind, position_ms: u64) -> Self {
        Self {
            session,
            seq: None,
            kind,
            at: None,
            position_ms,
            from_ms: None,
            rate: None,
            reason: None,
            duration_ms: None,
            about: None,
        }
    }

    /// Checks every value for itself.
    ///
    /// # Errors
    /// [`Invalid`] names the first field that cannot be and what would be right.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        if self.session.time().since_ms(now) > AHEAD_MS_MAX {
            return Err(Invalid::ClockAhead(format!(
                "session {} was made more than 24 h in the future; set the device's clock",
                self.session
            )));
        }
        self.check_values().map_err(Invalid::Event)
    }

    fn check_values(&self) -> Result<(), String> {
        if self.seq.is_some_and(|seq| seq > SEQ_MAX) {
            return Err(format!(
                "seq is past {SEQ_MAX}; number facts 0, 1, 2… or leave seq out in the whole session"
            ));
        }
        let numbers = [
            ("position_ms", Some(self.position_ms)),
            ("from_ms", self.from_ms),
            ("duration_ms", self.duration_ms),
        ];
        if let Some((field, _)) =
            numbers.iter().find(|(_, ms)| ms.is_some_and(|ms| ms > NUMBER_MAX))
        {
            return Err(format!("{field} is past 2^53; it is a number of milliseconds"));
        }
        if self.rate.is_some_and(|rate| !(0.0..=RATE_MAX).contains(&rate)) {
            return Err("rate is not between 0 and 100; 1.0 is normal speed".to_owned());
        }
        if self.from_ms.is_some() && self.kind != Kind::Seeked {
            return Err("from_ms belongs to kind seeked alone".to_owned());
        }
        if self.reason.is_some() && self.kind != Kind::Stopped {
            return Err("reason belongs to kind stopped alone".to_owned());
        }
        self.about.as_deref().map_or(Ok(()), About::check)
    }
}

impl About {
    fn check(&self) -> Result<(), String> {
        let texts = [
            ("name", &self.name),
            ("series", &self.series),
            ("source", &self.source),
            ("source_session", &self.source_session),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.len() > TEXT_BYTES_MAX {
                return Err(format!("{field} is longer than {TEXT_BYTES_MAX} bytes"));
            }
            if text.chars().any(char::is_control) {
                return Err(format!("{field} holds a control character; it is printable text"));
            }
        }
        Ok(())
    }
}
