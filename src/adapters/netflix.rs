//! Reads what Netflix hands out: `ViewingActivity.csv`, one row a session, and the short
//! `NetflixViewingHistory.csv`, one row a title and day. Formats and their oddities as seen in
//! public exports; Netflix documents only the columns, on the cover sheet of an export.
//!
//! A pure stream: the same file gives the same ids, so importing twice adds nothing. A row that
//! cannot be read is told with its line and passed over. It never guesses a date order, a length
//! or a season, and never puts one person's rows under another's name.

mod cell;
mod date;
mod full;
mod header;
mod lines;
mod short;
mod title;

use std::io::Read;
use std::str::FromStr;

use crate::events::{ProfileId, Record, Timestamp};

use full::Full;
use header::Layout;
use lines::{Line, Lines};
use short::{Place, Short};

/// What the file does not say.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose history the short file is, which names nobody; of the full file, the only profile to
    /// read.
    pub profile: Option<ProfileId>,
    /// Where the days of the short file begin; the full file is in UTC.
    pub time_zone: chrono_tz::Tz,
    /// How dates are written, where the file leaves it open.
    pub date_order: Option<DateOrder>,
    /// The present: rows from more than a day later are odd.
    pub now: Timestamp,
}

/// Which number of a date comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// 2020-01-16.
    YearFirst,
    /// 1/16/2020.
    MonthFirst,
    /// 16/1/2020.
    DayFirst,
}

impl FromStr for DateOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "year-first" => Ok(Self::YearFirst),
            "month-first" => Ok(Self::MonthFirst),
            "day-first" => Ok(Self::DayFirst),
            _ => Err(format!("{text:?} is not year-first, month-first or day-first")),
        }
    }
}

/// What one row comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The line it begins on; the header is line 1.
    pub line: u64,
    /// What it says: the facts of one session, or a person's word.
    pub records: Vec<Record>,
}

/// A row that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct OddRow {
    /// The line it begins on.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a file is not read at all.
#[derive(Debug, thiserror::Error)]
pub enum NotNetflix {
    /// Nothing in it.
    #[error("the file is empty; a Netflix export begins with a line of column names")]
    Empty,
    /// Its first line is that of neither file.
    #[error(
        "the first line is {0:?}; ViewingActivity.csv names the columns Profile Name, Start Time, \
         Duration, Title and Bookmark, NetflixViewingHistory.csv Title and Date"
    )]
    Header(String),
    /// The short file names nobody.
    #[error("NetflixViewingHistory.csv does not say who watched; name the profile with --profile")]
    ProfileMissing,
    /// No date of the file tells months from days.
    #[error(
        "{0:?} may begin with the month or with the day, and so may every other date of the file; \
         say which with --date-order month-first or --date-order day-first"
    )]
    Ambiguous(String),
    /// The source failed.
    #[error("the file cannot be read: {0}")]
    Unreadable(OddRow),
}

/// Reads a file of either form, told apart by its header.
///
/// Holds in memory the rows up to the first that shows how dates are written, mostly one, and of
/// the short file a number for each title and day.
///
/// # Errors
/// [`NotNetflix`] when no row can be read; what is wrong with single rows is in the iterator.
pub fn read<R: Read>(source: R, options: &Options) -> Result<Rows<R>, NotNetflix> {
    let mut lines = Lines::new(source);
    let layout = Layout::read(&mut lines)?;
    let order = match options.date_order {
        Some(order) => order,
        None => date::order_of(&mut lines, layout.date_column())?,
    };
    let form = match (layout, options.profile.clone()) {
        (Layout::Full(columns), profile) => {
            Form::Full(Full::new(columns, order, options.now, profile))
        }
        (Layout::Short(_), None) => return Err(NotNetflix::ProfileMissing),
        (Layout::Short(columns), Some(profile)) => {
            let place = Place { profile, time_zone: options.time_zone, now: options.now };
            Form::Short(Short::new(columns, order, place))
        }
    };
    Ok(Rows { lines, form })
}

enum Form {
    Full(Full),
    Short(Short),
}

impl Form {
    fn records(&mut self, line: &Line) -> Result<Option<Vec<Record>>, String> {
        match self {
            Self::Full(full) => full.records(line),
            Self::Short(short) => short.record(line).map(|record| Some(vec![record])),
        }
    }

    fn nothing_found(&mut self) -> Option<OddRow> {
        match self {
            Self::Full(full) => full.nothing_found(),
            Self::Short(_) => None,
        }
    }
}

/// The rows of a file, in its order.
pub struct Rows<R> {
    lines: Lines<R>,
    form: Form,
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Imported, OddRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.next() {
                Some(Ok(line)) => line,
                Some(Err(odd)) => return Some(Err(odd)),
                None => return self.form.nothing_found().map(Err),
            };
            match self.form.records(&line) {
                Ok(Some(records)) => return Some(Ok(Imported { line: line.number, records })),
                Ok(None) => {}
                Err(reason) => return Some(Err(OddRow { line: line.number, reason })),
            }
        }
    }
}
