//! Dates and times as Netflix and spreadsheets write them, and the order of their numbers, which
//! one file keeps throughout.

use std::io::Read;

use chrono::{NaiveDate, NaiveTime};

use super::lines::Lines;
use super::{DateOrder, NotNetflix};
use crate::events::Timestamp;

const MONTHS: u32 = 12;
/// The short file writes the year in two digits in some countries.
const CENTURY: u32 = 2000;
/// Netflix writes the first; spreadsheets cut the seconds, or write the other two.
const TIMES: [&str; 4] = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];

/// How the file writes dates, by its first row that leaves no choice; reads ahead up to there.
///
/// # Errors
/// [`NotNetflix::Ambiguous`] with an example when no row of the whole file does.
pub(super) fn order_of<R: Read>(
    lines: &mut Lines<R>,
    column: usize,
) -> Result<DateOrder, NotNetflix> {
    let mut open = None;
    while let Some(line) = lines.look_ahead() {
        let cell = line.as_ref().ok().and_then(|line| line.cell(column).ok());
        match cell.map_or(Clue::Nothing, clue) {
            Clue::Order(order) => return Ok(order),
            Clue::Open => open = open.or_else(|| cell.map(str::to_owned)),
            Clue::Nothing => {}
        }
    }
    // Then every date is like 5/5/2020, or none is one.
    open.map_or(Ok(DateOrder::MonthFirst), |example| Err(NotNetflix::Ambiguous(example)))
}

/// A day. A year in front speaks for itself, whatever the order.
///
/// # Errors
/// Says what would be right.
pub(super) fn day(cell: &str, order: DateOrder) -> Result<NaiveDate, String> {
    let written = |numbers: Numbers| {
        let Numbers { first, second, third, .. } = numbers;
        let (year, month, day) = match order {
            DateOrder::MonthFirst if !numbers.has_year_in_front => (third, first, second),
            DateOrder::DayFirst if !numbers.has_year_in_front => (third, second, first),
            _ => (first, second, third),
        };
        let year = if year < 100 { CENTURY + year } else { year };
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
    };
    Numbers::of(cell).and_then(written).ok_or_else(|| {
        let right = match order {
            DateOrder::YearFirst => "year first, such as 2020-01-16",
            DateOrder::MonthFirst => "month first, such as 1/16/2020",
            DateOrder::DayFirst => "day first, such as 16/1/2020",
        };
        format!("{cell:?} is not a date as this file writes them, {right}")
    })
}

/// A day and a time in UTC.
///
/// # Errors
/// Says what would be right.
pub(super) fn instant(cell: &str, order: DateOrder) -> Result<Timestamp, String> {
    let bare = cell.strip_suffix('Z').or_else(|| cell.strip_suffix(" UTC")).unwrap_or(cell);
    let (date, time) = bare
        .split_once([' ', 'T'])
        .ok_or_else(|| format!("{cell:?} has no time of day; right is 2020-01-16 14:19:00"))?;
    let time = TIMES
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(time.trim(), format).ok())
        .ok_or_else(|| format!("{time:?} is not a time of day such as 14:19:00"))?;
    let at = day(date, order)?.and_time(time).and_utc().timestamp_millis();
    if (0..=Timestamp::MAX.ms()).contains(&at) {
        Ok(Timestamp::from_ms(at))
    } else {
        Err(format!("{cell:?} is not between the years 1970 and 9999"))
    }
}

/// What one date says of how all are written.
enum Clue {
    Order(DateOrder),
    /// The month may be first, or the day.
    Open,
    Nothing,
}

fn clue(cell: &str) -> Clue {
    let date = cell.split([' ', 'T']).next().unwrap_or_default();
    let Some(Numbers { first, second, has_year_in_front, has_dots, .. }) = Numbers::of(date) else {
        return Clue::Nothing;
    };
    match (first > MONTHS, second > MONTHS) {
        _ if has_year_in_front => Clue::Order(DateOrder::YearFirst),
        // Whoever separates with dots puts the day first.
        _ if has_dots => Clue::Order(DateOrder::DayFirst),
        (true, false) => Clue::Order(DateOrder::DayFirst),
        (false, true) => Clue::Order(DateOrder::MonthFirst),
        (false, false) if first != second => Clue::Open,
        _ => Clue::Nothing,
    }
}

/// The three numbers of a date as they stand.
struct Numbers {
    first: u32,
    second: u32,
    third: u32,
    has_year_in_front: bool,
    has_dots: bool,
}

impl Numbers {
    fn of(date: &str) -> Option<Self> {
        let mut parts = date.split(['-', '/', '.']);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |part: &str| -> Option<u32> {
            let is_plain = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| part.parse().ok())?
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            has_year_in_front: first.len() == 4,
            has_dots: date.contains('.'),
            first: number(first)?,
            second: number(second)?,
            third: number(third)?,
        })
    }
}
