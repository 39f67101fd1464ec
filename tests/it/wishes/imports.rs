//! Wishes about importing: twice is once, wherever the computer believes to be.

use serde_json::Value;
use viewlog::adapters::netflix::{Options, read};
use viewlog::adapters::viewlog::{write_event, write_mark};
use viewlog::events::{Event, Record};

use super::{Home, ago};
use crate::support::{home as account, id};

const FULL: &str = "\
Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark
anna,2026-06-16 22:55:58,00:44:10,,Saltmarsh: Season 3: High Water (Episode 8),,TV,00:44:10
anna,2026-06-15 23:30:00,01:10:00,View was hidden; ,The Harbour Pilot,,TV,01:10:00
anna,2026-06-14 00:15:00,00:00:30,Autoplayed: user action: None; ,Saltmarsh_hook,HOOK,TV,00:00:30
anna,2026-06-14 00:15:00,00:00:30,Autoplayed: user action: None; ,Saltmarsh_hook,HOOK,TV,00:00:30
";
const SHORT: &str = "Title,Date\n\"The Harbour Pilot\",\"2026-06-15\"\n\"Ferry: Season 1: Fog\",\
                     \"2026-06-14\"\n\"Ferry: Season 1: Fog\",\"2026-06-14\"\n";

/// The lines that an import of a file sends.
fn lines(file: &str, zone: chrono_tz::Tz) -> String {
    let now = ago(0);
    let profile = file.starts_with("Title").then(|| id("anna"));
    let options = Options { profile, time_zone: zone, date_order: None, now };
    let rows = read(file.as_bytes(), &options).unwrap();
    let records = rows.flat_map(|row| row.unwrap().records);
    let lines = records.map(|record| match record {
        Record::Fact(fact) => write_event(&account(), &Event::new(fact, now, None)),
        Record::Mark(mark) => write_mark(&account(), &mark),
        Record::Event(_) | Record::Snapshot(_) => panic!("not of netflix"),
    });
    lines.map(|line| line + "\n").collect()
}

impl Home {
    async fn import(&self, lines: String) -> (u64, u64) {
        let url = format!("{}/v1/accounts/home/import", self.site.url);
        let answer = self.site.client.post(url).body(lines).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["refused"].as_array().map(Vec::len), Some(0), "{answer}");
        (answer["recorded"].as_u64().unwrap(), answer["duplicates"].as_u64().unwrap())
    }

    /// All that Anna is told of the past.
    async fn told(&self) -> (Vec<Value>, Vec<Value>) {
        (self.items("history?limit=500").await, self.items("continue-watching").await)
    }
}

#[actix_web::test]
async fn wish_10_importing_again_adds_nothing() {
    let home = Home::new().await;
    // Three sessions of two facts, one of them told twice, and a hidden view.
    assert_eq!(home.import(lines(FULL, chrono_tz::UTC)).await, (7, 2));
    assert_eq!(home.import(lines(SHORT, chrono_tz::UTC)).await, (3, 0));
    let told = home.told().await;
    assert_eq!(told.0.len(), 5, "{told:#?}");
    assert_eq!(home.import(lines(FULL, chrono_tz::UTC)).await, (0, 9));
    assert_eq!(home.import(lines(SHORT, chrono_tz::UTC)).await, (0, 3));
    assert_eq!(home.told().await, told);
    assert_eq!(home.title("netflix:Ferry:%20Season%201:%20Fog").await["times_finished"], 2);
    home.stop().await;
}

#[actix_web::test]
async fn wish_11_another_time_zone_makes_no_duplicates() {
    let home = Home::new().await;
    home.import(lines(FULL, chrono_tz::UTC)).await;
    let told = home.told().await;
    for zone in [chrono_tz::Asia::Tokyo, chrono_tz::America::Los_Angeles] {
        assert_eq!(home.import(lines(FULL, zone)).await, (0, 9), "{zone}");
        assert_eq!(home.told().await, told, "{zone}");
    }
    home.stop().await;
}

#[actix_web::test]
async fn wish_11_nor_of_a_file_that_knows_days_alone() {
    let home = Home::new().await;
    home.import(lines(SHORT, chrono_tz::Europe::Amsterdam)).await;
    let told = home.told().await;
    for zone in [chrono_tz::UTC, chrono_tz::Asia::Tokyo, chrono_tz::America::Los_Angeles] {
        assert_eq!(home.import(lines(SHORT, zone)).await, (0, 3), "{zone}");
        assert_eq!(home.told().await, told, "{zone}");
    }
    home.stop().await;
}
