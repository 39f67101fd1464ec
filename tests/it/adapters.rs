//! Foreign files in, foreign files out: what every row comes to, and that nothing breaks a reader.

mod netflix;
mod odd_rows;
mod oracle;
mod sample;
mod short;
mod table;
mod viewlog;

use ::viewlog::adapters::netflix::{Imported, NotNetflix, OddRow, Options, read};
use ::viewlog::events::{Fact, Mark, Record, Timestamp};

use super::support::at;

/// What is read without an option.
fn options() -> Options {
    Options { profile: None, time_zone: chrono_tz::UTC, date_order: None, now: at(0) }
}

/// All rows of a file that is read.
fn rows(file: &[u8], options: &Options) -> Vec<Result<Imported, OddRow>> {
    read(file, options).expect("a Netflix file").collect()
}

/// Why a file is not read.
fn refusal(file: &[u8], options: &Options) -> NotNetflix {
    read(file, options).err().expect("no Netflix file")
}

/// The records of rows that are all fine.
fn records(file: &str, options: &Options) -> Vec<Record> {
    let rows = rows(file.as_bytes(), options);
    rows.into_iter().flat_map(|row| row.expect("a fine row").records).collect()
}

fn facts(records: &[Record]) -> Vec<&Fact> {
    let facts = records.iter().filter_map(|record| match record {
        Record::Fact(fact) => Some(fact),
        Record::Event(_) | Record::Mark(_) | Record::Snapshot(_) => None,
    });
    facts.collect()
}

fn marks(records: &[Record]) -> Vec<&Mark> {
    let marks = records.iter().filter_map(|record| match record {
        Record::Mark(mark) => Some(mark),
        Record::Fact(_) | Record::Event(_) | Record::Snapshot(_) => None,
    });
    marks.collect()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

/// A file of the full form with these rows, its columns in Netflix's order.
fn full(rows: &[&str]) -> String {
    let header = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,\
                  Device Type,Bookmark,Latest Bookmark,Country";
    [&[header], rows].concat().join("\n")
}

/// A row of the full form that differs from a plain one in these columns.
fn row(changes: &[(&str, &str)]) -> String {
    let plain = [
        ("profile", "anna"),
        ("start", "2026-06-16 14:55:58"),
        ("duration", "00:44:10"),
        ("attributes", ""),
        ("title", "Saltmarsh: Season 3: High Water (Episode 8)"),
        ("supplemental", ""),
        ("device", "Kitchen TV"),
        ("bookmark", "01:10:42"),
        ("latest", "01:10:42"),
        ("country", "NL (Netherlands)"),
    ];
    let cell = |(column, text): (&str, &str)| {
        let changed = changes.iter().find(|(of, _)| *of == column);
        format!("\"{}\"", changed.map_or(text, |(_, to)| to).replace('"', "\"\""))
    };
    plain.map(cell).join(",")
}

/// The records of a plain row with these changes.
fn of_row(changes: &[(&str, &str)]) -> Vec<Record> {
    records(&full(&[&row(changes)]), &options())
}
