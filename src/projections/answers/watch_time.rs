//! How much was watched in each day, week or month of a person's own calendar.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::watches;
use crate::events::{State, Timestamp, TitleId};
use crate::projections::{By, Policy, WatchTime, WatchTimeQuery};

/// A stretch of wall time in which so much was played.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    played_ms: u64,
}

/// Content time by bucket; buckets without any are left out. What a play played is spread evenly
/// over the time it took; what two sources saw counts once.
pub(super) fn watch_time(
    plays: Vec<State>,
    query: &WatchTimeQuery,
    policy: &Policy,
) -> Vec<WatchTime> {
    let mut buckets: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for stretch in stretches(plays, policy) {
        spread(&stretch, query, &mut buckets);
    }
    let filled = buckets.into_iter().filter(|(_, played_ms)| *played_ms > 0);
    filled.map(|(from, played_ms)| WatchTime { from, played_ms }).collect()
}

fn stretches(plays: Vec<State>, policy: &Policy) -> Vec<Stretch> {
    let mut by_title: BTreeMap<Option<TitleId>, Vec<State>> = BTreeMap::new();
    for play in plays {
        by_title.entry(play.about.title.clone()).or_default().push(play);
    }
    let mut stretches = Vec::new();
    for plays in by_title.values() {
        for watch in watches::group(plays, policy) {
            stretches.extend(watches::fullest(&watch).into_iter().map(|play| Stretch {
                from: play.started_at(),
                to: play.last_at(),
                played_ms: play.played_ms,
            }));
        }
    }
    stretches
}

/// Adds a stretch to the buckets it lies in, and leaves out what lies outside the question.
fn spread(stretch: &Stretch, query: &WatchTimeQuery, buckets: &mut BTreeMap<Timestamp, u64>) {
    let begin = query.from.map_or(stretch.from, |from| stretch.from.max(from));
    let end = query.to.map_or(stretch.to, |to| stretch.to.min(to));
    let whole_ms = stretch.to.since_ms(stretch.from);
    if whole_ms <= 0 {
        let inside = query.from.is_none_or(|from| stretch.from >= from)
            && query.to.is_none_or(|to| stretch.from < to);
        if inside {
            *buckets.entry(bucket(stretch.from, query).0).or_default() += stretch.played_ms;
        }
        return;
    }
    let mut at = begin;
    while at < end {
        let (from, next) = bucket(at, query);
        let until = next.min(end);
        let played = until_share(stretch, until, whole_ms) - until_share(stretch, at, whole_ms);
        *buckets.entry(from).or_default() += played;
        at = until;
    }
}

/// What was played by an instant. Differences of it add up to the whole, to the millisecond.
fn until_share(stretch: &Stretch, until: Timestamp, whole_ms: i64) -> u64 {
    let passed = until.since_ms(stretch.from).clamp(0, whole_ms);
    let share = i128::from(stretch.played_ms) * i128::from(passed) / i128::from(whole_ms.max(1));
    u64::try_from(share).unwrap_or(0)
}

/// The bucket of an instant: from when, and when the next begins.
fn bucket(at: Timestamp, query: &WatchTimeQuery) -> (Timestamp, Timestamp) {
    let date = at.to_utc().with_timezone(&query.time_zone).date_naive();
    let (first, next) = match query.by {
        By::Day => (Some(date), date.checked_add_days(Days::new(1))),
        By::Week => {
            let monday = u64::from(date.weekday().num_days_from_monday());
            let monday = date.checked_sub_days(Days::new(monday));
            (monday, monday.and_then(|monday| monday.checked_add_days(Days::new(7))))
        }
        By::Month => {
            let first = date.with_day(1);
            (first, first.and_then(|first| first.checked_add_months(Months::new(1))))
        }
    };
    let from = first.and_then(|date| midnight(date, query.time_zone)).unwrap_or(at);
    let next = next.and_then(|date| midnight(date, query.time_zone));
    // Where a calendar has no next day, everything left is in this one.
    (from.min(at), next.filter(|next| *next > at).unwrap_or(Timestamp::MAX.max(at.plus_ms(1))))
}

/// The first instant of a day. Some days begin an hour late, when clocks go forward at midnight.
fn midnight(date: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let hours = 0..3;
    let begins: Option<DateTime<Tz>> = hours.into_iter().find_map(|hour| {
        let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
        zone.from_local_datetime(&date.and_time(time)).earliest()
    });
    begins.map(|begins| Timestamp::from_ms(begins.timestamp_millis()))
}
