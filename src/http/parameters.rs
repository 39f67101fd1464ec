//! What a read asks for: the ids in its path and what follows the question mark, decoded once.
//!
//! Unknown parameters are passed over and empty ones count as absent. A wrong one is refused as
//! `malformed`, with its name and what would be right.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Problem;
use crate::events::{AccountId, Id, ProfileId, SessionId, Timestamp, TitleId};
use crate::projections::{By, Person, When};

/// How many titles one request may ask for.
const TITLES_MAX: usize = 500;
/// What every `limit` is clamped to.
const LIMIT_MAX: i128 = 500;

/// Where ids stand in `/v1/accounts/{account}/profiles/{profile}/titles/{title}`.
const ACCOUNT: usize = 3;
const PROFILE: usize = 5;
const SESSION: usize = 5;
const TITLE: usize = 7;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Parameters {
    path: Vec<String>,
    query: Vec<(String, String)>,
}

impl FromRequest for Parameters {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Where a token was judged by them they are there already.
        let known = request.extensions_mut().remove::<Self>();
        let read = || Self::read(request.uri().path(), request.query_string());
        ready(known.map_or_else(read, Ok))
    }
}

impl Parameters {
    /// Decodes a path and a query.
    ///
    /// The path is taken as it was sent: what routes were matched with has been decoded in part.
    pub(super) fn read(path: &str, query: &str) -> Result<Self, Problem> {
        let path = path.split('/').map(decoded).collect::<Option<_>>();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let [name, value] = [name, value].map(|text| decoded(&text.replace('+', " ")));
            Some((name?, value?))
        });
        let wrong = |what| {
            let detail = format!("the {what} is not percent-encoded UTF-8; write % as %25");
            Problem::malformed(detail)
        };
        let query = query.collect::<Option<_>>().ok_or_else(|| wrong("query"))?;
        Ok(Self { path: path.ok_or_else(|| wrong("path"))?, query })
    }

    /// The account in the path.
    pub(super) fn account(&self) -> Result<AccountId, Problem> {
        id("account", self.segment(ACCOUNT))
    }

    /// The account and profile in the path.
    pub(super) fn person(&self) -> Result<Person, Problem> {
        let profile: ProfileId = id("profile", self.segment(PROFILE))?;
        Ok(Person { account: self.account()?, profile })
    }

    /// The session in the path.
    pub(super) fn session(&self) -> Result<SessionId, Problem> {
        self.session_or("session")
    }

    /// The receipt in the path, which has an id like a session's.
    pub(super) fn receipt(&self) -> Result<SessionId, Problem> {
        self.session_or("receipt")
    }

    fn session_or(&self, name: &str) -> Result<SessionId, Problem> {
        let session = SessionId::parse(self.segment(SESSION));
        session.map_err(|detail| Problem::malformed(format!("{name}: {detail}")))
    }

    /// The title, in the path or as `?title=`.
    pub(super) fn title(&self) -> Result<TitleId, Problem> {
        match self.path.get(TITLE) {
            Some(title) => id("title", title),
            None => self.title_after_path(),
        }
    }

    /// The title that must be given as `?title=`.
    pub(super) fn title_after_path(&self) -> Result<TitleId, Problem> {
        self.title_if_given()?.ok_or_else(|| {
            Problem::malformed("title is missing; put it in the path or after ?title=")
        })
    }

    /// The title given as `?title=`.
    pub(super) fn title_if_given(&self) -> Result<Option<TitleId>, Problem> {
        self.text("title").map(|title| id("title", title)).transpose()
    }

    /// The titles of `?titles=t1,t2`, in the order asked for.
    pub(super) fn titles(&self) -> Result<Vec<TitleId>, Problem> {
        let given = self.query.iter().filter(|(name, _)| name == "titles");
        let each = given.flat_map(|(_, titles)| titles.split(','));
        let titles =
            each.filter(|title| !title.is_empty()).map(|title| id("a title in titles", title));
        let titles = titles.collect::<Result<Vec<_>, _>>()?;
        if titles.is_empty() {
            return Err(Problem::malformed(
                "titles is missing; ask for one with ?title=t1 or for many with ?titles=t1,t2",
            ));
        }
        not_too_many(titles)
    }

    /// `?limit=`, clamped.
    pub(super) fn limit(&self, usual: usize) -> Result<usize, Problem> {
        let limit = self.parsed("limit", |text| {
            i128::from_str(text)
                .map_err(|_| format!("{text:?} is not a whole number from 1 to 500"))
        })?;
        let clamped = limit.map(|limit| limit.clamp(1, LIMIT_MAX));
        Ok(clamped.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usual))
    }

    /// `?as_of=` and `?after=`.
    pub(super) fn when(&self) -> Result<When, Problem> {
        let after = self.parsed("after", |text| {
            let both = text.rsplit_once(':').and_then(|(session, seq)| {
                Some((SessionId::parse(session).ok()?, seq.parse().ok()?))
            });
            both.ok_or_else(|| format!("{text:?} is not SESSION:SEQ, a UUIDv7 and a number"))
        })?;
        Ok(When { as_of: self.instant("as_of")?, after })
    }

    /// An instant.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.parsed(name, |text| {
            // An offset such as +01:00 whose + was not encoded has become a space.
            let offset = text.rsplit_once(' ').map(|(time, offset)| format!("{time}+{offset}"));
            let lenient = offset.and_then(|text| Timestamp::parse(&text).ok());
            lenient.map_or_else(|| Timestamp::parse(text), Ok)
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        let flag = self.parsed(name, |text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(format!("{text:?} is neither true nor false")),
        })?;
        Ok(flag.unwrap_or(false))
    }

    /// `?by=`.
    pub(super) fn by(&self) -> Result<By, Problem> {
        let by = self.parsed("by", |text| match text {
            "day" => Ok(By::Day),
            "week" => Ok(By::Week),
            "month" => Ok(By::Month),
            _ => Err(format!("{text:?} is not day, week or month")),
        })?;
        Ok(by.unwrap_or_default())
    }

    /// `?tz=`; UTC where none is given.
    pub(super) fn time_zone(&self) -> Result<chrono_tz::Tz, Problem> {
        let zone = self.parsed("tz", |text| {
            text.parse().map_err(|_| format!("{text:?} is not a time zone such as Europe/Berlin"))
        })?;
        Ok(zone.unwrap_or(chrono_tz::UTC))
    }

    /// A parameter that `parse` understands; it says what would be right otherwise.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Problem> {
        let parsed = self.text(name).map(parse).transpose();
        parsed.map_err(|detail| Problem::malformed(format!("{name}: {detail}")))
    }

    /// Refuses an empty parameter, where its absence would ask for far more.
    pub(super) fn not_empty(&self, name: &str) -> Result<(), Problem> {
        let is_empty = |(given, value): &(String, String)| given == name && value.is_empty();
        if !self.query.iter().any(is_empty) {
            return Ok(());
        }
        Err(Problem::malformed(format!("{name} is empty; name one, or leave it out for all")))
    }

    /// A parameter as it is.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, value)| given == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// A part of the path, from 1; empty where it ends before.
    pub(super) fn segment(&self, at: usize) -> &str {
        self.path.get(at).map_or("", String::as_str)
    }
}

/// Titles, if one request may ask for so many.
pub(super) fn not_too_many(titles: Vec<TitleId>) -> Result<Vec<TitleId>, Problem> {
    if titles.len() <= TITLES_MAX {
        return Ok(titles);
    }
    let detail = format!("titles has {} entries; at most {TITLES_MAX} a request", titles.len());
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))
}

fn id<K>(name: &str, text: &str) -> Result<Id<K>, Problem> {
    Id::new(text).map_err(|error| Problem::malformed(format!("{name} {error}")))
}

/// Undoes percent-encoding; `None` when it is broken or not UTF-8, so that no two ids become one.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(high? * 16 + low?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
