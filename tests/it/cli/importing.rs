//! Files in and out: odd rows by their lines, twice adds nothing, an export comes back exactly.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::Output;

use super::household::{
    ODD_LINES, SAMPLE, evening, household, lines_in_a_file, quiet_household, sorted,
};
use crate::binary::{Running, Served, err, finish, out, run, said, viewlog};
use crate::support::eventually;

fn import_sample(data: &Path, more: &[&str]) -> Output {
    run(data, &[&["import", "netflix", SAMPLE, "--account", "home"], more].concat())
}

fn export(data: &Path, account: &str) -> String {
    let exported = run(data, &["export", "--account", account]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    assert_eq!(err(&exported), "");
    out(&exported)
}

#[test]
fn an_import_tells_odd_rows_by_their_lines_and_a_second_one_adds_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut exports = Vec::new();
    for (is_served, is_first) in [(false, true), (true, false), (false, false)] {
        let _served = is_served.then(|| Served::start(data.path(), &[]));
        let imported = import_sample(data.path(), &[]);
        assert_eq!(imported.status.code(), Some(1), "{}", said(&imported));
        let told = out(&imported);
        let (odd, summary) = told.trim_end().rsplit_once('\n').unwrap();
        let lines = odd.lines().map(|line| line["line ".len()..].split(':').next().unwrap());
        assert_eq!(lines.map(|line| line.parse().unwrap()).collect::<Vec<u32>>(), ODD_LINES);
        assert_eq!(summary.contains(" 0 recorded"), !is_first, "{summary}");
        assert!(summary.contains("9 odd rows"), "{summary}");
        exports.push(export(data.path(), "home"));
    }
    assert!(exports[0].lines().count() > 1_000);
    assert!(exports.iter().all(|export| *export == exports[0]));
}

#[test]
fn a_dry_run_records_nothing() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    for _ in 0..2 {
        let read = import_sample(data.path(), &["--dry-run"]);
        assert_eq!(read.status.code(), Some(1), "{}", said(&read));
        assert!(out(&read).contains("read, and recorded nothing: 639 sessions"), "{}", said(&read));
        assert_eq!(export(data.path(), "home"), "");
    }
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn one_person_s_rows_can_be_imported_alone() {
    let data = tempfile::tempdir().unwrap();
    import_sample(data.path(), &["--profile", "ben"]);
    let seen = run(data.path(), &["profiles", "--account", "home"]);
    assert_eq!(out(&seen).lines().count(), 2, "{}", said(&seen));
    assert!(out(&seen).lines().nth(1).unwrap().starts_with("ben "), "{}", said(&seen));
}

#[test]
fn an_export_comes_back_exactly_and_only_once() {
    let (from, to) = (household(), tempfile::tempdir().unwrap());
    let file = to.path().join("home.ndjson");
    let path = file.to_str().unwrap();
    let written = run(from.path(), &["export", "--account", "home", "--out", path]);
    assert_eq!(written.status.code(), Some(0), "{}", said(&written));
    let lines = std::fs::read_to_string(&file).unwrap();
    assert!(out(&written).ends_with(&format!(" lines in {path}\n")), "{}", said(&written));
    assert_eq!(lines, export(from.path(), "home"));
    let data = to.path().join("data");
    for recorded in ["0 already known; 0 odd rows", " 0 recorded, "] {
        let loaded = run(&data, &["import", "viewlog", path, "--account", "other"]);
        assert_eq!(loaded.status.code(), Some(0), "{}", said(&loaded));
        assert!(out(&loaded).contains(recorded), "{}", said(&loaded));
    }
    let back = export(&data, "other").replace("{\"account\":\"other\"", "{\"account\":\"home\"");
    assert_eq!(sorted(&back), sorted(&lines));
}

#[test]
fn a_file_may_come_through_a_pipe() {
    let data = tempfile::tempdir().unwrap();
    let file = lines_in_a_file(&evening());
    let mut command = viewlog();
    command.args(["import", "viewlog", "-", "--account", "home", "--data"]).arg(data.path());
    let loaded = finish(command.stdin(File::open(file.path()).unwrap()));
    assert_eq!(loaded.status.code(), Some(0), "{}", said(&loaded));
    assert_eq!(export(data.path(), "home"), export(quiet_household().path(), "home"));
}

#[test]
fn what_the_server_refuses_is_an_odd_row_too() {
    let data = tempfile::tempdir().unwrap();
    let good = evening();
    let of_another_title = good.lines().nth(1).unwrap().replace("tt0111161", "tt0068646");
    let of_another_title = of_another_title.replace("\"seq\":1", "\"seq\":7");
    let file = lines_in_a_file(&format!("{good}{of_another_title}\n{{\"kind\":\"rewound\"}}\n"));
    let path = file.path().to_str().unwrap();
    let loaded = run(data.path(), &["import", "viewlog", path, "--account", "home"]);
    assert_eq!(loaded.status.code(), Some(1), "{}", said(&loaded));
    for line in ["line 10: ", "line 11: kind \"rewound\" is not known"] {
        assert!(out(&loaded).contains(line), "{line}: {}", said(&loaded));
    }
    assert_eq!(export(data.path(), "home").lines().count(), 9);
}

#[test]
fn a_table_for_a_spreadsheet_holds_every_watch() {
    let data = quiet_household();
    let table = run(data.path(), &["export", "--account", "home", "--format", "csv"]);
    assert_eq!(table.status.code(), Some(0), "{}", said(&table));
    let mut rows = csv::Reader::from_reader(&table.stdout[..]);
    let head = rows.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|is| is == name).unwrap();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let watched: Vec<_> =
        rows.iter().map(|row| (&row[column("profile")], &row[column("title")])).collect();
    let (episode, film) = (("dora", "tt0944947:s1e3"), ("dora", "tt0111161"));
    assert_eq!(watched, [episode, episode, film]);
    assert_eq!(&rows[2][column("finished")], "true");
    assert_eq!(&rows[0][column("position_ms")], "1500000");
}

#[test]
fn a_reader_who_leaves_ends_an_export_quietly() {
    let data = household();
    let mut command = viewlog();
    command.args(["export", "--account", "home", "--data"]).arg(data.path());
    let mut exporting = Running::start(&mut command);
    exporting.line("the first line", |_| true);
    exporting.hang_up();
    assert_eq!((exporting.ended(), exporting.said().as_str()), (Some(0), ""));
}

#[tokio::test]
async fn an_interrupted_import_goes_on_where_it_stopped() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let mut rows = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,\
                    Device Type,Bookmark,Latest Bookmark,Country\n"
        .to_owned();
    for minute in 0..6_000 {
        let (day, hour, minute) = (1 + minute / 1_440, minute / 60 % 24, minute % 60);
        writeln!(
            rows,
            "anna,2025-03-{day:02} {hour:02}:{minute:02}:00,00:00:30,,Film {minute},,TV,00:00:30,\
             00:00:30,NL"
        )
        .unwrap();
    }
    let file = lines_in_a_file(&rows);
    let arguments = ["import", "netflix", file.path().to_str().unwrap(), "--account", "home"];
    let mut command = viewlog();
    let mut import = Running::start(command.args(arguments).arg("--data").arg(data.path()));
    let seen = format!("{}/v1/accounts/home/profiles", served.url);
    eventually("something is recorded", async || {
        crate::support::get(&seen).await.unwrap().text().await.unwrap().contains("anna")
    })
    .await;
    assert_eq!(import.interrupt(), Some(130), "{}", import.said());
    assert_eq!(import.said(), "viewlog: interrupted; what was acknowledged stays\n");
    let first = export(data.path(), "home");
    assert!((1..12_000).contains(&first.lines().count()), "{}", first.lines().count());
    let rest = run(data.path(), &arguments);
    assert_eq!(rest.status.code(), Some(0), "{}", said(&rest));
    assert!(!out(&rest).contains(" 0 already known"), "{}", said(&rest));
    let all = export(data.path(), "home");
    assert_eq!(all.lines().count(), 12_000);
    let kept = all.lines().collect::<std::collections::BTreeSet<_>>();
    assert!(first.lines().all(|line| kept.contains(line)));
}
