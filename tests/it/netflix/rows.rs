//! Rows that are odd, hidden, or of trailers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use viewlog::events::{MarkKind, Media, ProfileId, Record, TitleId};

use super::{Export, import, items, sample, subject};
use crate::site::Site;
use crate::support::id;

const HEADER: &str = "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,\
                      Device Type,Bookmark,Latest Bookmark,Country";

fn file(rows: &[&str]) -> Export {
    Export::of("a file", [&[HEADER], rows].concat().join("\r\n").as_bytes())
}

fn titles(items: &[Value]) -> BTreeSet<&str> {
    items.iter().map(|item| item["title"].as_str().unwrap()).collect()
}

fn encoded(title: &TitleId) -> String {
    let bytes = title.as_str().bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}

async fn page(site: &Site, profile: &ProfileId, title: &TitleId) -> Value {
    let title = encoded(title);
    let path = format!("/v1/accounts/home/profiles/{profile}/titles/{title}");
    let (status, page) = site.get(&path).await;
    assert_eq!(status, 200, "{page}");
    page
}

#[actix_web::test]
async fn odd_rows_are_reported_by_line_and_the_rest_is_imported() {
    let export = file(&[
        "anna,2026-06-16 20:00:00,00:30:00,,Harbour,,TV,00:30:00,00:30:00,NL (Netherlands)",
        "anna,yesterday,00:30:00,,Harbour,,TV,00:30:00,00:30:00,NL (Netherlands)",
        "anna,2026-06-15 20:00:00,9:99:99,,Ferry,,TV,00:30:00,00:30:00,NL (Netherlands)",
        "anna,2026-06-15 20:00:00,00:10:00,,,,TV,00:10:00,00:10:00,NL (Netherlands)",
        "anna,2026-06-14",
        "anna,2026-06-13 20:00:00,00:10:00,,Ferry,,TV,00:10:00,00:10:00,NL (Netherlands)",
    ]);
    let odd: Vec<u64> = export.odd.iter().map(|odd| odd.line).collect();
    assert_eq!(odd, [3, 4, 5, 6]);
    assert!(export.odd.iter().all(|odd| !odd.reason.is_empty()));
    let site = Site::start().await;
    assert_eq!(import(&site, &export.records()).await, 4);
    let history = items(&site, &id("anna"), "history").await;
    assert_eq!(titles(&history), BTreeSet::from(["netflix:Ferry", "netflix:Harbour"]));
    site.stop().await;
}

#[actix_web::test]
async fn the_odd_rows_of_the_sample_are_reported_and_the_rest_is_imported() {
    let export = sample();
    assert_eq!((export.rows.len(), export.odd.len()), (649, 9));
    let site = Site::start().await;
    import(&site, &export.records()).await;
    for (profile, titles) in &export.titles() {
        assert_eq!(super::resumes(&site, profile, titles).await.len(), titles.len());
    }
    site.stop().await;
}

#[actix_web::test]
async fn hidden_views_are_out_of_continue_watching_and_not_lost() {
    let site = Site::start().await;
    let export = file(&[
        "anna,2026-06-16 20:00:00,00:30:00,View was hidden; ,Harbour,,TV,00:30:00,00:30:00,NL",
        "anna,2026-06-15 20:00:00,00:30:00,,Ferry,,TV,00:30:00,00:30:00,NL",
        "anna,2026-06-14 20:00:00,00:20:00,,Tide,,TV,00:20:00,00:20:00,NL",
        "anna,2026-06-13 20:00:00,00:10:00,View was hidden; ,Tide,,TV,00:10:00,Not latest view,NL",
    ]);
    import(&site, &export.records()).await;
    let anna = id("anna");
    let continued = items(&site, &anna, "continue-watching").await;
    // What was played again after it was hidden is wanted again.
    assert_eq!(titles(&continued), BTreeSet::from(["netflix:Ferry", "netflix:Tide"]));
    assert_eq!(items(&site, &anna, "history").await.len(), 4);
    let page = page(&site, &anna, &id("netflix:Harbour")).await;
    assert_eq!((&page["hidden"], &page["position_ms"]), (&json!(true), &json!(1_800_000)));
    assert_eq!(page["finished"], false);
    site.stop().await;
}

/// The newest fact of each title must not be later than its newest hiding.
fn hidden(export: &Export) -> BTreeSet<(ProfileId, TitleId)> {
    let mut hidden = BTreeSet::new();
    for (_, records) in &export.rows {
        let subject = subject(records);
        let mark = records.iter().find_map(|record| match record {
            Record::Mark(mark) => Some(mark),
            Record::Fact(_) | Record::Event(_) | Record::Snapshot(_) => None,
        });
        let Some(mark) = mark else { continue };
        assert!(matches!(mark.kind, MarkKind::TitleHidden { .. }));
        let is_later = |record: &Record| match record {
            Record::Fact(fact) => fact.at.unwrap() > mark.at,
            Record::Event(_) | Record::Mark(_) | Record::Snapshot(_) => false,
        };
        let of_title = export.rows.iter().filter(|(_, other)| super::subject(other) == subject);
        if !of_title.flat_map(|(_, records)| records).any(is_later) {
            hidden.insert(subject);
        }
    }
    hidden
}

/// What nobody goes on with.
fn passing(export: &Export) -> BTreeSet<(ProfileId, TitleId)> {
    let is_passing = |records: &[Record]| {
        let about = records.iter().find_map(|record| match record {
            Record::Fact(fact) => fact.about.as_deref(),
            Record::Event(_) | Record::Mark(_) | Record::Snapshot(_) => None,
        });
        matches!(about.unwrap().media, Some(Media::Trailer | Media::Clip))
    };
    let rows = export.rows.iter().filter(|(_, records)| is_passing(records));
    rows.map(|(_, records)| subject(records)).collect()
}

#[actix_web::test]
async fn what_the_sample_hides_and_its_trailers_are_not_continued() {
    let export = sample();
    let (hidden, passing) = (hidden(&export), passing(&export));
    assert!(!hidden.is_empty() && !passing.is_empty());
    let site = Site::start().await;
    import(&site, &export.records()).await;
    for profile in export.titles().keys() {
        let continued = items(&site, profile, "continue-watching").await;
        assert!(!continued.is_empty(), "{profile}");
        let continued = titles(&continued);
        let left_out = hidden.iter().chain(&passing).filter(|(of, _)| of == profile);
        for (_, title) in left_out {
            assert!(!continued.contains(title.as_str()), "{title}");
        }
    }
    for (profile, title) in &hidden {
        assert_eq!(page(&site, profile, title).await["hidden"], true, "{title}");
    }
    for (profile, title) in &passing {
        let page = page(&site, profile, title).await;
        assert_eq!(page["title"], json!(title));
        assert!(matches!(page["media"].as_str(), Some("trailer" | "clip")), "{page}");
    }
    site.stop().await;
}
