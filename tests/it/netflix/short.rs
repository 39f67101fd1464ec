//! The short file, which knows days alone, through the whole product.

use std::fmt::Write;

use serde_json::{Value, json};
use viewlog::events::{Record, Timestamp};

use super::{Export, import, items, resumes};
use crate::site::Site;
use crate::support::id;

/// So many episodes, one a day from 2026-01-01 on, and a film that was seen again.
fn file(episodes: u32) -> String {
    let mut file = "Title,Date\r\n".to_owned();
    for episode in (1..=episodes).rev() {
        let (month, day) = (1 + (episode - 1) / 28, 1 + (episode - 1) % 28);
        let title = format!("Ferry: Season 1: Episode {episode}");
        writeln!(file, "\"{title}\",\"{month}/{day}/26\"\r").unwrap();
    }
    for day in ["2/14/26", "2/14/26", "12/24/25"] {
        writeln!(file, "\"Harbour, and \"\"Home\"\"\",\"{day}\"\r").unwrap();
    }
    file
}

fn noon(day: &str) -> Value {
    json!(Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap())
}

#[actix_web::test]
async fn every_row_is_history_on_its_day_and_counts_as_finished() {
    let export = Export::read("a short file", file(40).as_bytes(), Some(id("anna")));
    let records = export.records();
    assert_eq!((export.odd.len(), records.len()), (0, 43));
    assert!(records.iter().all(|record| matches!(record, Record::Mark(_))));
    let site = Site::start().await;
    assert_eq!(import(&site, &records).await, 43);

    let anna = id("anna");
    let history = items(&site, &anna, "history").await;
    assert_eq!(history.len(), 43);
    let film = json!("netflix:Harbour, and \"Home\"");
    let of_film: Vec<_> = history.iter().filter(|watch| watch["title"] == film).collect();
    let days: Vec<_> = of_film.iter().map(|watch| watch["started_at"].clone()).collect();
    assert_eq!(days, ["2026-02-14", "2026-02-14", "2025-12-24"].map(noon));
    assert!(history.iter().all(|watch| watch["finished"] == true));
    assert!(history.is_sorted_by(|a, b| a["last_at"].as_str() >= b["last_at"].as_str()));

    for (title, times) in [
        ("netflix%3AHarbour%2C%20and%20%22Home%22", 3),
        ("netflix%3AFerry%3A%20Season%201%3A%20Episode%207", 1),
    ] {
        let (_, page) = site.get(&format!("/v1/accounts/home/profiles/anna/titles/{title}")).await;
        assert_eq!((&page["times_finished"], &page["finished"]), (&json!(times), &json!(true)));
        assert_eq!(page["watches"].as_array().unwrap().len(), times);
    }
    // Nobody knows where anything stopped, so there is nothing to go on with.
    assert!(items(&site, &anna, "continue-watching").await.is_empty());
    let titles = [id("netflix:Ferry: Season 1: Episode 7")].into();
    assert!(resumes(&site, &anna, &titles).await.is_empty());
    assert_eq!(import(&site, &records).await, 0, "again");
    assert_eq!(items(&site, &anna, "history").await, history);
    site.stop().await;
}

#[actix_web::test]
async fn a_longer_file_of_later_adds_what_is_new() {
    let site = Site::start().await;
    let [first, later] = [20, 40].map(|episodes| {
        Export::read("a short file", file(episodes).as_bytes(), Some(id("anna"))).records()
    });
    assert_eq!(import(&site, &first).await, 23);
    assert_eq!(import(&site, &later).await, 20);
    assert_eq!(items(&site, &id("anna"), "history").await.len(), 43);
    site.stop().await;
}
