//! What people write on a command line: instants, playheads, spans of days.

use chrono::{Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

use crate::events::{Clock, SystemClock, Timestamp};

use super::table;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;

/// An instant: RFC 3339, this machine's time, a date (its first moment here), or how long ago.
///
/// # Errors
/// Says what would be right.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let told = Timestamp::parse(text).ok().or_else(|| here(text));
    let told = told.or_else(|| first_moment(text)).or_else(|| ago(text));
    told.ok_or_else(|| {
        "not a time; write 2026-11-23T05:00:30Z, \"2026-11-23 05:00\", 2026-11-23, or how long \
         ago: 90m, 2h, 3d"
            .to_owned()
    })
}

/// A playhead, in milliseconds: `1:02:03`, `62:03`, `1h2m3s` or `812000ms`.
///
/// # Errors
/// Says what would be right.
pub(super) fn playhead(text: &str) -> Result<u64, String> {
    let told = clock_face(text).or_else(|| span(text, UNITS));
    told.and_then(|ms| u64::try_from(ms).ok())
        .ok_or_else(|| "not a playhead; write 1:02:03, 62:03, 1h2m3s or 812000ms".to_owned())
}

/// Whole days: `14d` or `2w`.
///
/// # Errors
/// Says what would be right.
pub(super) fn days(text: &str) -> Result<u32, String> {
    let told = span(text, &[("d", 1), ("w", 7)]);
    told.and_then(|days| u32::try_from(days).ok())
        .ok_or_else(|| "not a number of days; write 14d or 2w".to_owned())
}

/// A length of time in milliseconds: `30d`, `12h`, `90m`; from a second to ten years.
///
/// # Errors
/// Says what would be right.
pub(super) fn length(text: &str) -> Result<i64, String> {
    let told = span(text, UNITS).filter(|ms| (SECOND_MS..=3_653 * DAY_MS).contains(ms));
    told.ok_or_else(|| "not a time from a second to ten years; write 30d, 12h or 90m".to_owned())
}

/// A time zone by its IANA name.
///
/// # Errors
/// Says what would be right.
pub(super) fn time_zone(text: &str) -> Result<chrono_tz::Tz, String> {
    text.parse().map_err(|_| "not a time zone; write a name such as Europe/Berlin".to_owned())
}

const UNITS: &[(&str, i64)] =
    &[("ms", 1), ("s", SECOND_MS), ("m", MINUTE_MS), ("h", HOUR_MS), ("d", DAY_MS), ("w", WEEK_MS)];

/// As tables show it, or without seconds.
fn here(text: &str) -> Option<Timestamp> {
    let read = |form| NaiveDateTime::parse_from_str(text, form).ok();
    let time = read(table::TIME).or_else(|| read("%Y-%m-%d %H:%M"))?;
    // What the clocks pass over twice is meant the first time.
    not_before_1970(Local.from_local_datetime(&time).earliest()?.timestamp_millis())
}

fn first_moment(text: &str) -> Option<Timestamp> {
    let date: NaiveDate = text.parse().ok()?;
    // Where the clocks change at midnight the day begins a little later.
    let moments = (0..4).map(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
    let moment = moments
        .flatten()
        .find_map(|time| Local.from_local_datetime(&date.and_time(time)).earliest())?;
    not_before_1970(moment.timestamp_millis())
}

fn not_before_1970(ms: i64) -> Option<Timestamp> {
    (ms >= 0).then(|| Timestamp::from_ms(ms))
}

fn ago(text: &str) -> Option<Timestamp> {
    let length = text.strip_suffix("ago").unwrap_or(text).trim();
    let ms = span(length, UNITS)?;
    Some(SystemClock.now().plus_ms(ms.checked_neg()?))
}

/// Numbers each with its unit, such as `1h2m3s`.
fn span(text: &str, units: &[(&str, i64)]) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let (_, ms) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*ms)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// `H:MM:SS` or `M:SS`.
fn clock_face(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let mut seconds: i64 = 0;
    for (at, part) in parts.iter().enumerate() {
        let number: u32 = part.parse().ok()?;
        let is_plain = part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || (at > 0 && (part.len() != 2 || number >= 60)) {
            return None;
        }
        seconds = seconds * 60 + i64::from(number);
    }
    Some(seconds * SECOND_MS)
}
