//! What cannot be is told with its line, the other rows are read, and nothing breaks the reader.

use proptest::prelude::*;
use viewlog::adapters::netflix::{DateOrder, Imported, NotNetflix, OddRow, Options, read};
use viewlog::events::Record;

use super::{facts, full, of_row, options, refusal, row, rows, time};
use crate::support::{at, id};

/// What is odd about a plain row with these changes.
fn oddity(changes: &[(&str, &str)]) -> String {
    let mut rows = rows(full(&[&row(&[]), &row(changes)]).as_bytes(), &options());
    let odd = rows.pop().expect("a second row").expect_err("an odd row");
    assert_eq!(odd.line, 3);
    odd.reason
}

/// The line of each row, or what is odd about it.
fn told(rows: &[Result<Imported, OddRow>]) -> Vec<Result<u64, String>> {
    let told = |row: &Result<Imported, OddRow>| {
        row.as_ref().map(|row| row.line).map_err(ToString::to_string)
    };
    rows.iter().map(told).collect()
}

#[test]
fn an_odd_row_is_told_with_its_line_and_the_rest_is_read() {
    let two_lines = row(&[("title", "Salt\nmarsh")]);
    let file =
        full(&[&two_lines, "anna,2026-06-16 14:55:58", &row(&[("bookmark", "x")]), "", &row(&[])]);
    let rows = rows(file.as_bytes(), &options());
    let told = told(&rows);
    assert_eq!(
        told,
        [
            Ok(2),
            Err("line 4: has only 2 of the columns that the first line names".to_owned()),
            Err("line 5: Bookmark \"x\" is not a length of time, H:MM:SS".to_owned()),
            Ok(7),
        ]
    );
}

#[test]
fn a_quote_that_is_not_closed_takes_nothing_but_its_row() {
    let plain = row(&[("title", "Salt, \"marsh\"")]);
    let stray = plain.trim_end_matches('"');
    for follow in [0, 1, 3, 20] {
        let lines = [vec![stray], vec![plain.as_str(); follow]].concat();
        let rows = rows(full(&lines).as_bytes(), &options());
        let odd = rows[0].as_ref().expect_err("the stray quote");
        assert_eq!(odd.to_string(), "line 2: has a quote that is not closed");
        assert_eq!(rows.len(), 1 + follow);
        for (number, row) in rows.iter().enumerate().skip(1) {
            assert_eq!(row.as_ref().unwrap().line, number as u64 + 2);
        }
    }
}

#[test]
fn a_quote_that_is_not_closed_takes_nothing_of_a_list_of_titles_either() {
    let file = "Title,Date\n\"Saltmarsh,16/06/2020\n\"High, Water\",17/06/2020\nTide,18/06/2020\n";
    let (profile, date_order) = (Some(id("anna")), Some(DateOrder::DayFirst));
    let options = Options { profile, date_order, ..options() };
    let rows = rows(file.as_bytes(), &options);
    let told = told(&rows);
    let odd = "line 2: has a quote that is not closed".to_owned();
    assert_eq!(told, [Err(odd), Ok(3), Ok(4)]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for end in ["\n", "\r\n"] {
        let two_lines = row(&[("title", &format!("Salt{end}marsh"))]);
        let odd = row(&[("title", ""), ("country", &format!("N{end}L"))]);
        let file = full(&[&two_lines, "", "", &odd, &odd, &row(&[]), &odd]).replace("\r\n", "\n");
        for (file, last) in [(file.clone(), 11), (format!("{file}\n\n"), 11)] {
            let file = format!("\u{feff}{}", file.replace('\n', end));
            let rows = rows(file.as_bytes(), &options());
            let lines =
                rows.iter().map(|row| row.as_ref().map_or_else(|odd| odd.line, |row| row.line));
            assert_eq!(lines.collect::<Vec<_>>(), [2, 6, 8, 10, last], "{end:?}");
        }
    }
}

#[test]
fn a_quoted_header_after_a_byte_order_mark_is_a_header() {
    let quoted = full(&[&row(&[])]).replacen("Profile Name", "\"Profile Name\"", 1);
    assert!(rows(format!("\u{feff}{quoted}").as_bytes(), &options())[0].is_ok());
}

#[test]
fn what_cannot_be_is_odd() {
    let cases = [
        ("duration", "9:99:99", "Duration \"9:99:99\" is not a length of time, H:MM:SS"),
        ("duration", "44:10", "Duration \"44:10\" is not a length of time"),
        ("duration", "-0:00:10", "Duration \"-0:00:10\" is not a length of time"),
        ("duration", "+0:00:10", "Duration \"+0:00:10\" is not a length of time"),
        ("duration", "", "Duration is empty; right is H:MM:SS"),
        ("duration", "24:00:01", "Duration is more than 24 h"),
        ("duration", "99999:00:00", "Duration \"99999:00:00\" is not a length of time"),
        ("bookmark", "", "Bookmark is empty"),
        ("bookmark", "Not latest view", "Bookmark \"Not latest view\" is not a length of time"),
        ("start", "", "Start Time \"\" has no time of day"),
        ("start", "2026-06-16", "Start Time \"2026-06-16\" has no time of day"),
        ("start", "2026-06-31 10:00:00", "Start Time \"2026-06-31\" is not a date"),
        ("start", "2026-06-16 25:00:00", "Start Time \"25:00:00\" is not a time of day"),
        ("start", "6/16/2026 10:00", "Start Time \"6/16/2026\" is not a date as this file"),
        ("start", "1969-12-31 10:00:00", "Start Time \"1969-12-31 10:00:00\" is not between"),
        ("start", "2026-11-24 05:00:01", "Start Time 2026-11-24T05:00:01.000Z is more than 24 h"),
        ("title", "", "Title is empty"),
        ("title", "\n", "Title is empty"),
        ("profile", " ", "Profile Name is empty"),
    ];
    for (column, cell, expected) in cases {
        let reason = oddity(&[(column, cell)]);
        assert!(reason.starts_with(expected), "{column} {cell:?}: {reason}");
    }
}

#[test]
fn what_only_looks_odd_is_read() {
    let begins = |start| facts(&of_row(&[("start", start)]))[0].at;
    assert_eq!(begins("1970-01-01 00:00:00"), Some(time("1970-01-01T00:00:00Z")));
    assert_eq!(begins("2026-06-16 4:05"), Some(time("2026-06-16T04:05:00Z")));
    assert_eq!(begins("2026-06-16T04:05:06Z"), Some(time("2026-06-16T04:05:06Z")));
    assert_eq!(begins("2026-06-16 04:05:06 UTC"), Some(time("2026-06-16T04:05:06Z")));
    assert_eq!(begins("6/16/2026 4:05 PM"), Some(time("2026-06-16T16:05:00Z")));
    assert_eq!(begins("16/6/2026 16:05"), Some(time("2026-06-16T16:05:00Z")));
    assert_eq!(begins("2026-11-24 05:00:00"), Some(at(86_400)), "a clock may be off by a day");
    assert_eq!(of_row(&[("duration", "24:00:00")]).len(), 2);
    assert_eq!(of_row(&[("duration", "0:00:00"), ("bookmark", "0:00:00")]).len(), 2);
}

#[test]
fn the_time_zone_is_that_of_the_short_file_alone() {
    let file = full(&[&row(&[])]);
    let there = Options { time_zone: chrono_tz::Asia::Tokyo, ..options() };
    assert_eq!(rows(file.as_bytes(), &there), rows(file.as_bytes(), &options()));
}

#[test]
fn a_file_whose_dates_could_be_either_asks() {
    let file = full(&[&row(&[("start", "1/2/2026 14:19")])]);
    assert!(matches!(refusal(file.as_bytes(), &options()), NotNetflix::Ambiguous(_)));
    let told = Options { date_order: Some(DateOrder::DayFirst), ..options() };
    let read = rows(file.as_bytes(), &told);
    let records = &read[0].as_ref().expect("a fine row").records;
    assert_eq!(facts(records)[0].at, Some(time("2026-02-01T14:19:00Z")));
}

#[test]
fn another_file_is_refused_with_what_would_be_right() {
    assert!(matches!(refusal(b"", &options()), NotNetflix::Empty));
    assert!(matches!(refusal(b"\n\n", &options()), NotNetflix::Empty));
    let other = refusal(b"Name,When\nx,y\n", &options());
    assert!(other.to_string().starts_with("the first line is \"Name,When\"; ViewingActivity.csv"));
    let utf_16: Vec<u8> = "\u{feff}Title".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let refused = refusal(&utf_16, &options()).to_string();
    assert!(refused.ends_with("is not in UTF-8; save the file as UTF-8"), "{refused}");
    let only_header = rows(full(&[]).as_bytes(), &options());
    assert!(only_header.is_empty(), "an export of nobody is an export");
}

#[test]
fn a_row_in_another_encoding_is_odd() {
    let mut file = full(&[&row(&[]), ""]).into_bytes();
    file.extend(b"anna,2026-06-16 14:55:58,0:00:10,,Caf\xe9,,TV,0:00:10,0:00:10,NL\n");
    let rows = rows(&file, &options());
    assert!(rows[0].is_ok());
    let odd = rows[1].as_ref().expect_err("Latin-1");
    assert_eq!(odd.to_string(), "line 3: is not in UTF-8; save the file as UTF-8");
}

#[test]
fn a_source_that_fails_ends_the_file_with_a_word() {
    struct Failing(Vec<u8>);
    impl std::io::Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(std::io::Error::other("the cable was pulled"));
            }
            let some = self.0.len().min(into.len());
            into[..some].copy_from_slice(&self.0[..some]);
            self.0.drain(..some);
            Ok(some)
        }
    }
    let file = full(&[&row(&[]), ""]).into_bytes();
    let rows: Vec<_> = read(Failing(file), &options()).expect("a Netflix file").collect();
    assert_eq!(rows.len(), 2);
    let odd = rows[1].as_ref().expect_err("the failure");
    assert!(odd.reason.ends_with("the cable was pulled"), "{odd}");
}

/// Reads everything and holds every record to what a log takes.
fn swallow(file: &[u8], options: &Options) {
    let Ok(rows) = read(file, options) else { return };
    for record in rows.flatten().flat_map(|row| row.records) {
        if let Record::Fact(fact) = record {
            assert_eq!(fact.check(options.now), Ok(()));
        }
    }
}

fn cell() -> impl Strategy<Value = String> {
    let number = || prop_oneof![0..70_u32, any::<u32>()];
    prop_oneof![
        any::<String>(),
        (number(), number(), number()).prop_map(|(h, m, s)| format!("{h}:{m:02}:{s:02}")),
        (number(), number(), number()).prop_map(|(a, b, c)| format!("{a}/{b}/{c} {a}:{b}")),
        (1900..2200_u32, number(), number())
            .prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02} {m:02}:{d:02}:00")),
        "(A|B: |Season |Part |[0-9]{1,12}|: |Episode |\\(|\\)|ü){0,9}",
        "(Autoplayed: user action: |None|View was hidden|; |;){0,5}",
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut headed = b"Title,Date\n".to_vec();
        headed.extend(&bytes);
        for file in [&bytes, &headed] {
            swallow(file, &options());
            swallow(file, &Options { profile: Some(id("anna")), ..options() });
        }
    }

    #[test]
    fn no_cells_break_the_reader(
        cells in prop::collection::vec(prop::collection::vec(cell(), 10), 1..6),
        short in prop::collection::vec(prop::collection::vec(cell(), 2), 1..6),
        order in prop::sample::select(vec![
            None, Some(DateOrder::YearFirst), Some(DateOrder::MonthFirst), Some(DateOrder::DayFirst)
        ]),
    ) {
        let written = |rows: Vec<Vec<String>>, header: &str| {
            let mut writer = csv::Writer::from_writer(header.as_bytes().to_vec());
            rows.iter().for_each(|row| writer.write_record(row).expect("a row"));
            writer.into_inner().expect("a file")
        };
        let told = Options { date_order: order, profile: Some(id("anna")), ..options() };
        let everybody = Options { profile: None, ..told.clone() };
        swallow(&written(cells, &format!("{}\n", full(&[]))), &everybody);
        swallow(&written(short, "Title,Date\n"), &told);
    }
}
