//! What Netflix hands out, through the whole product: its own answer to "where did I stop" is in
//! its export, and must be ours. Real exports, where this machine has any, and the sample that the
//! project ships.

mod answers;
mod rough;
mod rows;
mod short;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use viewlog::adapters::netflix::{OddRow, Options, read};
use viewlog::adapters::viewlog::{write_event, write_mark};
use viewlog::events::{Clock, Event, ProfileId, Record, SystemClock, TitleId};

use super::site::Site;
use super::support::home;

const NOT_LATEST: &str = "Not latest view";
/// What the command line sends at once.
const LINES_MAX: usize = 2_000;
/// What one request may ask for.
const TITLES_MAX: usize = 500;

/// A file, and what is read of it.
struct Export {
    name: String,
    /// The records of each fine row, and its line.
    rows: Vec<(u64, Vec<Record>)>,
    odd: Vec<OddRow>,
    latest: BTreeMap<u64, u64>,
}

impl Export {
    fn of(name: &str, file: &[u8]) -> Self {
        Self::read(name, file, None)
    }

    fn read(name: &str, file: &[u8], profile: Option<ProfileId>) -> Self {
        let now = SystemClock.now();
        let options = Options { profile, time_zone: chrono_tz::UTC, date_order: None, now };
        let (mut rows, mut odd) = (Vec::new(), Vec::new());
        for row in read(file, &options).unwrap() {
            match row {
                Ok(row) => rows.push((row.line, row.records)),
                Err(row) => odd.push(row),
            }
        }
        Self { name: name.to_owned(), rows, odd, latest: latest_bookmarks(file) }
    }

    fn records(&self) -> Vec<Record> {
        self.rows.iter().flat_map(|(_, records)| records.clone()).collect()
    }

    /// How often each is told, as the log counts them: a row told twice is one.
    fn distinct(&self) -> usize {
        let ids = self.records().into_iter().map(|record| match record {
            Record::Fact(fact) => (fact.session, fact.seq),
            Record::Mark(mark) => (mark.command, None),
            Record::Event(_) | Record::Snapshot(_) => panic!("not of netflix"),
        });
        ids.collect::<BTreeSet<_>>().len()
    }

    /// Every title of every profile.
    fn titles(&self) -> BTreeMap<ProfileId, BTreeSet<TitleId>> {
        let mut titles: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (_, records) in &self.rows {
            let (profile, title) = subject(records);
            titles.entry(profile).or_default().insert(title);
        }
        titles
    }

    /// Where Netflix says that a title stopped, of those of which it says so once.
    fn oracle(&self) -> BTreeMap<(ProfileId, TitleId), u64> {
        let mut said: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (line, records) in &self.rows {
            said.entry(subject(records)).or_default().extend(self.latest.get(line));
        }
        let once = said.into_iter().filter(|(_, flags)| flags.len() == 1);
        once.map(|(subject, flags)| (subject, flags[0])).collect()
    }
}

/// Whose row it is, and of what.
fn subject(records: &[Record]) -> (ProfileId, TitleId) {
    let about = records.iter().find_map(|record| match record {
        Record::Fact(fact) => fact.about.clone(),
        Record::Event(_) | Record::Mark(_) | Record::Snapshot(_) => None,
    });
    let about = about.unwrap();
    (about.profile.unwrap(), about.title.unwrap())
}

/// The flags of a file by line, read without the adapter.
fn latest_bookmarks(file: &[u8]) -> BTreeMap<u64, u64> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers().unwrap().clone();
    let Some(column) = header.iter().position(|name| name == "Latest Bookmark") else {
        return BTreeMap::new();
    };
    let flags = reader.records().filter_map(|row| {
        let row = row.unwrap();
        let cell = row.get(column).filter(|cell| *cell != NOT_LATEST)?;
        let seconds = cell.split(':').fold(0, |sum, part| sum * 60 + part.parse().unwrap_or(0_u64));
        Some((row.position().unwrap().line(), seconds * 1_000))
    });
    flags.collect()
}

/// The sample that the project ships.
fn sample() -> Export {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/ViewingActivity.csv");
    Export::of("the sample", &fs::read(path).unwrap())
}

/// The sample, and the real exports of this machine.
#[expect(clippy::print_stderr, reason = "nobody should believe that real exports were read")]
fn exports() -> Vec<Export> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/netflix");
    let mut exports = vec![sample()];
    let Ok(files) = fs::read_dir(&folder) else {
        eprintln!("SKIPPED: there are no real exports in {}", folder.display());
        return exports;
    };
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        exports.push(Export::of(&name, &fs::read(&path).unwrap()));
    }
    exports
}

/// The lines that an import sends of these records.
fn lines(records: &[Record]) -> Vec<String> {
    let now = SystemClock.now();
    let lines = records.iter().map(|record| match record {
        Record::Fact(fact) => write_event(&home(), &Event::new(fact.clone(), now, None)),
        Record::Mark(mark) => write_mark(&home(), mark),
        Record::Event(_) | Record::Snapshot(_) => panic!("not of netflix"),
    });
    lines.collect()
}

/// Imports records over HTTP as the command line does; how many were new.
async fn import(site: &Site, records: &[Record]) -> usize {
    let url = format!("{}/v1/accounts/home/import", site.url);
    let mut recorded = 0;
    for some in lines(records).chunks(LINES_MAX) {
        let answer = site.client.post(&url).body(some.join("\n")).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["refused"], json!([]));
        recorded += usize::try_from(answer["recorded"].as_u64().unwrap()).unwrap();
    }
    recorded
}

/// The items of a list of a profile, all pages of it.
async fn items(site: &Site, profile: &ProfileId, list: &str) -> Vec<Value> {
    let path = format!("/v1/accounts/home/profiles/{profile}/{list}?limit=500");
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, answer) = site.get(&format!("{path}&cursor={cursor}")).await;
        assert_eq!((status, &answer["complete"]), (200, &json!(true)), "{list}: {answer}");
        items.extend(answer["items"].as_array().unwrap().iter().cloned());
        match answer["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return items,
        }
    }
}

/// The resume points of a profile, by title.
async fn resumes(
    site: &Site,
    profile: &ProfileId,
    titles: &BTreeSet<TitleId>,
) -> BTreeMap<String, Value> {
    let path = format!("/v1/accounts/home/profiles/{profile}/resume");
    let titles: Vec<&TitleId> = titles.iter().collect();
    let mut found = BTreeMap::new();
    for some in titles.chunks(TITLES_MAX) {
        let (status, answer) = site.post(&path, &json!({ "titles": some })).await;
        assert_eq!(status, 200, "{answer}");
        for item in answer["items"].as_array().unwrap() {
            found.insert(item["title"].as_str().unwrap().to_owned(), item.clone());
        }
    }
    found
}

/// Everything that an export's household may be told.
async fn answers(site: &Site, export: &Export) -> Vec<Value> {
    let mut answers = Vec::new();
    for (profile, titles) in &export.titles() {
        answers.push(json!(resumes(site, profile, titles).await));
        for list in ["history", "continue-watching"] {
            answers.push(json!(items(site, profile, list).await));
        }
    }
    answers
}

/// Whether we say what Netflix says, of at least 999 of 1,000 titles.
#[expect(clippy::print_stderr, reason = "how well it agrees")]
async fn assert_agrees(site: &Site, export: &Export) {
    let titles = export.titles();
    let mut ours = BTreeMap::new();
    for (profile, titles) in &titles {
        ours.insert(profile.clone(), resumes(site, profile, titles).await);
    }
    let oracle = export.oracle();
    let agrees = |((profile, title), latest): &(&(ProfileId, TitleId), &u64)| {
        let ours = ours[profile].get(title.as_str());
        ours.is_some_and(|resume| resume["position_ms"] == json!(latest))
    };
    let agreed = oracle.iter().filter(agrees).count();
    eprintln!("{}: {agreed} of {} titles stop where Netflix says", export.name, oracle.len());
    assert!(!oracle.is_empty() && agreed * 1_000 >= oracle.len() * 999, "{}", export.name);
}
