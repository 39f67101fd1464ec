//! Netflix's own answer to "where did I stop" is in its export: Latest Bookmark. Real exports,
//! where this machine has any, and the sample that the project ships must agree with it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use viewlog::adapters::netflix::read;
use viewlog::events::{Kind, ProfileId, SessionId, Timestamp, TitleId};

use super::{facts, options};

const NOT_LATEST: &str = "Not latest view";

/// How well an export agrees with itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Agreement {
    rows: usize,
    odd: usize,
    titles: usize,
    agreed: usize,
}

/// Where the newest session of a title stopped, and what Netflix says.
#[derive(Default)]
struct Title {
    newest: Option<(Timestamp, SessionId, u64)>,
    latest: Vec<u64>,
}

fn agreement(file: &[u8]) -> Agreement {
    let mut agreement = Agreement::default();
    let mut titles: HashMap<(ProfileId, TitleId), Title> = HashMap::new();
    let latest = latest_bookmarks(file);
    for row in read(file, &options()).expect("a Netflix file") {
        agreement.rows += 1;
        let Ok(row) = row else {
            agreement.odd += 1;
            continue;
        };
        let stopped = facts(&row.records)[1];
        assert_eq!(stopped.kind, Kind::Stopped);
        let about = stopped.about.clone().expect("what it is about");
        let key = (about.profile.expect("a profile"), about.title.expect("a title"));
        let title = titles.entry(key).or_default();
        let session = (stopped.at.expect("a time"), stopped.session, stopped.position_ms);
        title.newest = title.newest.max(Some(session));
        title.latest.extend(latest.get(&row.line));
    }
    for title in titles.into_values() {
        let [latest] = title.latest[..] else { continue };
        agreement.titles += 1;
        agreement.agreed += usize::from(title.newest.is_some_and(|newest| newest.2 == latest));
    }
    agreement
}

/// The flags of a file by line, read without the adapter.
fn latest_bookmarks(file: &[u8]) -> HashMap<u64, u64> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers().expect("a header").clone();
    let column = header.iter().position(|name| name == "Latest Bookmark").expect("the column");
    let rows = reader.records().filter_map(|row| {
        let row = row.expect("UTF-8");
        let cell = row.get(column).filter(|cell| *cell != NOT_LATEST)?;
        let seconds = cell.split(':').fold(0, |sum, part| sum * 60 + part.parse().unwrap_or(0_u64));
        Some((row.position().expect("a place").line(), seconds * 1000))
    });
    rows.collect()
}

fn assert_agrees(name: &str, agreement: &Agreement) {
    let Agreement { titles, agreed, .. } = *agreement;
    assert!(titles > 0 && agreed * 1000 >= titles * 999, "{name}: {agreement:?}");
}

#[test]
#[expect(clippy::print_stderr, reason = "what was left out, and how well the rest agrees")]
fn the_newest_session_of_a_real_export_stops_where_netflix_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/netflix");
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: there are no real exports in {}", folder.display());
        return;
    };
    let rows_by_name = [
        ("export-a.csv", 3824),
        ("export-b-permuted-columns.csv", 870),
        ("export-c-us-dates.csv", 387),
    ];
    for file in files {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let agreement = agreement(&fs::read(&path).expect("a readable file"));
        eprintln!("{name}: {agreement:?}");
        assert_agrees(&name, &agreement);
        assert_eq!(agreement.odd, 0, "{name}");
        for (_, rows) in rows_by_name.iter().filter(|(of, _)| *of == name) {
            assert_eq!(agreement.rows, *rows, "{name}");
        }
    }
}

#[test]
fn the_shipped_sample_agrees_with_itself_and_has_odd_rows() {
    let agreement = agreement(&super::sample::shipped());
    assert_agrees("the sample", &agreement);
    let expected = Agreement { rows: 658, odd: 9, titles: 345, agreed: 345 };
    assert_eq!(agreement, expected);
}
