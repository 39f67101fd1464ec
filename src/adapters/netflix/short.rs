//! A row of `NetflixViewingHistory.csv`: that a title was watched on a day, and nothing else. It
//! becomes a person's word, since there is no session to tell of.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use super::header::ShortColumns;
use super::lines::Line;
use super::{DateOrder, cell, date};
use crate::events::{AHEAD_MS_MAX, Mark, MarkKind, ProfileId, Record, SessionId, Timestamp};

/// Whose history it is, and where and when it is read.
pub(super) struct Place {
    pub(super) profile: ProfileId,
    pub(super) time_zone: chrono_tz::Tz,
    pub(super) now: Timestamp,
}

/// Reads rows of the short file.
pub(super) struct Short {
    columns: ShortColumns,
    order: DateOrder,
    place: Place,
    /// How often a title stood on a day so far, by a hash of both.
    seen: HashMap<u128, u64>,
}

impl Short {
    pub(super) fn new(columns: ShortColumns, order: DateOrder, place: Place) -> Self {
        Self { columns, order, place, seen: HashMap::new() }
    }

    /// What a row comes to.
    ///
    /// # Errors
    /// Says what is odd about the row.
    pub(super) fn record(&mut self, line: &Line) -> Result<Record, String> {
        let text = cell::text(line.cell(self.columns.title)?);
        let title = cell::title_id(&text).ok_or("Title is empty")?;
        let day = date::day(line.cell(self.columns.date)?, self.order)
            .map_err(|why| format!("Date {why}"))?;
        let at = self.noon(day)?;
        let command = self.command(day, &text);
        Ok(Record::Mark(Mark {
            command,
            profile: self.place.profile.clone(),
            at,
            received_at: self.place.now,
            kind: MarkKind::MarkedWatched { title, watched_at: Some(at) },
        }))
    }

    /// The middle of a day, of which nothing nearer is known.
    fn noon(&self, day: NaiveDate) -> Result<Timestamp, String> {
        let noon = noon_of(day);
        let there = self.place.time_zone.from_local_datetime(&noon).earliest();
        // A day that a country left out when it changed sides of the date line has no noon.
        let at_ms = there.map_or(noon.and_utc().timestamp_millis(), |at| at.timestamp_millis());
        let at = Timestamp::from_ms(at_ms);
        if at.ms() != at_ms {
            return Err(format!("Date {day} is not between the years 1970 and 9999"));
        }
        if at.since_ms(self.place.now) > AHEAD_MS_MAX {
            return Err(format!("Date {day} is in the future"));
        }
        Ok(at)
    }

    /// The n-th row of a title and day is the n-th time it was watched, in every export anew and
    /// wherever it is read: the time in its id is that of the day in UTC.
    fn command(&mut self, day: NaiveDate, title: &str) -> SessionId {
        let profile = self.place.profile.as_str().as_bytes();
        let row = cell::hash(&[b"watched", profile, day.to_string().as_bytes(), title.as_bytes()]);
        let times = self.seen.entry(row).or_default();
        *times += 1;
        let hash = cell::hash(&[&row.to_le_bytes(), &times.to_le_bytes()]);
        SessionId::derived(Timestamp::from_ms(noon_of(day).and_utc().timestamp_millis()), hash)
    }
}

fn noon_of(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::hours(12)
}
