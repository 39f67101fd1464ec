//! A row of the short file is a person's word that a title was watched on a day.

use proptest::prelude::*;
use viewlog::adapters::netflix::{DateOrder, NotNetflix, Options};
use viewlog::events::{MarkKind, Record, Timestamp};

use super::{marks, records, refusal, rows, time};
use crate::support::id;

fn options() -> Options {
    Options { profile: Some(id("anna")), ..super::options() }
}

fn file(dates: &[&str]) -> String {
    let rows = dates.iter().map(|date| format!("\"Harbour\",\"{date}\"\n"));
    format!("Title,Date\n{}", rows.collect::<String>())
}

fn days(dates: &[&str], options: &Options) -> Vec<Timestamp> {
    marks(&records(&file(dates), options)).iter().map(|mark| mark.at).collect()
}

#[test]
fn a_row_marks_its_title_watched_at_noon_of_its_day() {
    let records =
        records("\u{feff}Title,Date\r\n\"Ferry: Season 1: Fog\",12/24/19\r\n", &options());
    let [Record::Mark(mark)] = &records[..] else { panic!("one mark, but: {records:?}") };
    let noon = time("2019-12-24T12:00:00Z");
    let title = id("netflix:Ferry: Season 1: Fog");
    assert_eq!(mark.kind, MarkKind::MarkedWatched { title, watched_at: Some(noon) });
    assert_eq!((mark.at, mark.received_at), (noon, options().now));
    assert_eq!((&mark.profile, mark.command.time()), (&id("anna"), noon));
}

#[test]
fn noon_is_where_the_viewer_lives() {
    let there = Options { time_zone: chrono_tz::Asia::Tokyo, ..options() };
    assert_eq!(days(&["2020-01-16"], &there), [time("2020-01-16T03:00:00Z")]);
    let summer = Options { time_zone: chrono_tz::Europe::Amsterdam, ..options() };
    assert_eq!(days(&["2020-07-16"], &summer), [time("2020-07-16T10:00:00Z")]);
    let left_out = Options { time_zone: chrono_tz::Pacific::Apia, ..options() };
    assert_eq!(days(&["2011-12-30"], &left_out), [time("2011-12-30T12:00:00Z")]);
}

#[test]
fn one_telling_date_tells_how_all_are_written() {
    let first = |dates: &[&str]| days(dates, &options())[0];
    assert_eq!(first(&["1/2/20", "1/16/20"]), time("2020-01-02T12:00:00Z"));
    assert_eq!(first(&["1/2/2020", "5/5/2020", "16/1/2020"]), time("2020-02-01T12:00:00Z"));
    assert_eq!(first(&["01.02.20"]), time("2020-02-01T12:00:00Z"), "dots: the day is first");
    assert_eq!(first(&["2020-02-01"]), time("2020-02-01T12:00:00Z"));
    assert_eq!(first(&["2020/02/01"]), time("2020-02-01T12:00:00Z"));
    assert_eq!(first(&["5/5/20"]), time("2020-05-05T12:00:00Z"), "however it is written");
}

#[test]
fn what_no_date_tells_is_asked_for() {
    let ambiguous = file(&["1/2/2020", "5/5/2020", "11/12/2020"]);
    let refusal = refusal(ambiguous.as_bytes(), &options());
    assert!(matches!(&refusal, NotNetflix::Ambiguous(example) if example == "1/2/2020"));
    assert!(refusal.to_string().contains("--date-order month-first"), "{refusal}");
    let told = |order| Options { date_order: Some(order), ..options() };
    let dates = ["1/2/2020"];
    assert_eq!(days(&dates, &told(DateOrder::MonthFirst)), [time("2020-01-02T12:00:00Z")]);
    assert_eq!(days(&dates, &told(DateOrder::DayFirst)), [time("2020-02-01T12:00:00Z")]);
    assert_eq!(days(&["20-02-01"], &told(DateOrder::YearFirst)), [time("2020-02-01T12:00:00Z")]);
    assert_eq!("day-first".parse(), Ok(DateOrder::DayFirst));
    assert!("dmy".parse::<DateOrder>().unwrap_err().contains("month-first"));
}

#[test]
fn a_profile_has_to_be_named() {
    let refusal = refusal(file(&["2020-01-16"]).as_bytes(), &super::options());
    assert!(matches!(refusal, NotNetflix::ProfileMissing));
    assert!(refusal.to_string().contains("--profile"), "{refusal}");
}

#[test]
fn the_same_title_twice_on_a_day_was_watched_twice_in_every_export() {
    let commands = |dates: &[&str]| -> Vec<String> {
        let records = records(&file(dates), &options());
        marks(&records).iter().map(|mark| mark.command.to_string()).collect()
    };
    let once = commands(&["2020-01-16", "2020-01-16", "2020-01-15"]);
    assert!(once[0] != once[1] && once[1] != once[2]);
    assert_eq!(
        commands(&["2020-01-16", "2020-01-15", "2020-01-16"]),
        [0, 2, 1].map(|n| once[n].clone())
    );
    assert_eq!(once[0], "016fae39-7a00-7837-91fe-aa10ae9c11da");
}

#[test]
fn an_odd_date_is_told_and_the_rest_is_read() {
    let dates = [
        "2020-01-16",
        "2020-02-30",
        "",
        "soon",
        "1969-12-31",
        "2027-01-01",
        "1/2/2020",
        "2020-01-17",
    ];
    let rows = rows(file(&dates).as_bytes(), &options());
    let odd: Vec<String> =
        rows.iter().filter_map(|row| row.as_ref().err()).map(ToString::to_string).collect();
    let right = "is not a date as this file writes them, year first, such as 2020-01-16";
    assert_eq!(
        odd,
        [
            format!("line 3: Date \"2020-02-30\" {right}"),
            format!("line 4: Date \"\" {right}"),
            format!("line 5: Date \"soon\" {right}"),
            "line 6: Date 1969-12-31 is not between the years 1970 and 9999".to_owned(),
            "line 7: Date 2027-01-01 is in the future".to_owned(),
            format!("line 8: Date \"1/2/2020\" {right}"),
        ]
    );
    assert_eq!(rows.len(), dates.len());
}

proptest! {
    #[test]
    fn a_file_with_a_telling_date_gives_back_every_day(
        days in prop::collection::vec((2008..2026_i32, 1..=12_u32, 1..=28_u32), 1..30),
        month_first: bool,
    ) {
        let telling = (2020, 1, 31);
        let days: Vec<_> = days.into_iter().chain([telling]).collect();
        let written = days.iter().map(|(year, month, day)| {
            let (first, second) = if month_first { (month, day) } else { (day, month) };
            format!("{first}/{second}/{year}")
        });
        let written: Vec<String> = written.collect();
        let dates: Vec<&str> = written.iter().map(String::as_str).collect();
        let expected = days.iter().map(|(year, month, day)| {
            time(&format!("{year}-{month:02}-{day:02}T12:00:00Z"))
        });
        prop_assert_eq!(super::short::days(&dates, &options()), expected.collect::<Vec<_>>());
    }
}
