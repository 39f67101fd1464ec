//! Names of things: accounts, profiles, titles and devices are opaque texts, sessions are UUIDv7.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::Timestamp;

/// What an [`Id`] names; only ever used as a type parameter.
mod kind {
    /// A household.
    #[derive(Debug)]
    pub enum Account {}
    /// A person in a household.
    #[derive(Debug)]
    pub enum Profile {}
    /// A playable thing.
    #[derive(Debug)]
    pub enum Title {}
    /// A player.
    #[derive(Debug)]
    pub enum Device {}
}

/// A household.
pub type AccountId = Id<kind::Account>;
/// A person in a household.
pub type ProfileId = Id<kind::Profile>;
/// A playable thing; opaque.
pub type TitleId = Id<kind::Title>;
/// A player.
pub type DeviceId = Id<kind::Device>;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 128;

/// 1–128 bytes of printable UTF-8, cheap to clone, ordered by its bytes.
pub struct Id<K>(Arc<str>, PhantomData<fn() -> K>);

/// Why a text cannot be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No text at all.
    #[error("is empty; an id has 1 to 128 bytes")]
    Empty,
    /// Longer than 128 bytes.
    #[error("is longer than 128 bytes")]
    TooLong,
    /// Holds a control character.
    #[error("holds a control character; an id is printable text")]
    NotPrintable,
}

impl<K> Id<K> {
    /// Takes `text` as an id.
    ///
    /// # Errors
    /// [`IdError`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > ID_BYTES_MAX {
            return Err(IdError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::NotPrintable);
        }
        Ok(Self(text.into(), PhantomData))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> std::borrow::Borrow<str> for Id<K> {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K>(PhantomData<K>);
        impl<K> de::Visitor<'_> for Visitor<K> {
            type Value = Id<K>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id of 1 to 128 bytes of printable text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<K>, E> {
                Id::new(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor(PhantomData))
    }
}

/// One playback of one title by one profile on one device; a UUIDv7 that its player made.
///
/// A person's command has an id of the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Takes a UUID as a session id.
    ///
    /// # Errors
    /// Says what would be right when it is not a version 7 UUID.
    pub fn new(id: Uuid) -> Result<Self, String> {
        if id.get_version_num() == 7 {
            Ok(Self(id))
        } else {
            Err(format!(
                "{id} is a version {} UUID; a session id is a UUIDv7",
                id.get_version_num()
            ))
        }
    }

    /// A fresh id for a command given at `now`.
    pub fn fresh(now: Timestamp) -> Self {
        Self::derived(now, Uuid::now_v7().as_u128())
    }

    /// The UUIDv7 of an instant with these 74 low bits for its random part: the same input, the
    /// same id.
    pub fn derived(at: Timestamp, random: u128) -> Self {
        let ms = u64::try_from(at.ms()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(ms, &low_bytes(random)).into_uuid())
    }

    /// Reads the hyphenated or simple form.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let id = Uuid::try_parse(text)
            .map_err(|_| format!("{text:?} is not a UUID; a session id is a UUIDv7"))?;
        Self::new(id)
    }

    /// Takes sixteen bytes that a log kept.
    ///
    /// # Errors
    /// Says so when they are not a UUIDv7.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, String> {
        Self::new(Uuid::from_bytes(bytes))
    }

    /// The id's bytes; their order is the order of time.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// When the id was made, by its own 48-bit clock part.
    pub fn time(&self) -> Timestamp {
        let [a, b, c, d, e, f, ..] = *self.0.as_bytes();
        let ms = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// The partition in which the session's events lie, derived from the id alone.
    pub fn week(&self) -> Week {
        Week::of(self)
    }
}

fn low_bytes(random: u128) -> [u8; 10] {
    let [.., a, b, c, d, e, f, g, h, i, j] = random.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j]
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = SessionId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUIDv7")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SessionId, E> {
                SessionId::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// The partition of an account's log: an ISO week as year × 100 + week, such as 202648.
///
/// 0 holds the facts of persons. Ids before 2015 (a device without a clock, an import of old rows)
/// spread over the pseudo-weeks 1–64 by their random bits, so that no partition grows without
/// bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(u32);

impl Week {
    /// The partition of what persons said.
    pub const PERSON: Self = Self(0);

    const PSEUDO_WEEKS: u32 = 64;
    /// 2015-01-01T00:00:00Z.
    const REAL_FROM_MS: i64 = 1_420_070_400_000;

    fn of(session: &SessionId) -> Self {
        let at = session.time();
        if at.ms() < Self::REAL_FROM_MS {
            let [.., last] = *session.as_bytes();
            return Self(1 + u32::from(last) % Self::PSEUDO_WEEKS);
        }
        let iso = at.to_utc().iso_week();
        Self(u32::try_from(iso.year()).unwrap_or(0) * 100 + iso.week())
    }

    /// A week as a log kept it.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number that logs keep.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The first instant after this week; `None` for week 0 and the pseudo-weeks, which never
    /// close.
    pub fn end(self) -> Option<Timestamp> {
        let year = i32::try_from(self.0 / 100).ok()?;
        let monday = NaiveDate::from_isoywd_opt(year, self.0 % 100, chrono::Weekday::Mon)?;
        let next = monday.checked_add_days(chrono::Days::new(7))?;
        (self.0 > Self::PSEUDO_WEEKS).then(|| {
            Timestamp::from_ms(next.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
        })
    }
}
