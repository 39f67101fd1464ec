//! Alerts, dashboard and runbook belong together: what they ask for is measured, and whoever is
//! woken finds what to do.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use viewlog::events::{Clock, SessionId, SystemClock};
use viewlog::telemetry;

use super::deployed;
use crate::binary::Served;

/// What a node alone never says of itself.
pub(crate) const OF_A_FLEET: [&str; 8] = [
    telemetry::UNSWEPT_SECONDS,
    telemetry::SIGNALS_PUBLISHED,
    telemetry::SIGNALS_ACKNOWLEDGED,
    telemetry::SIGNALS_CLAIMED,
    telemetry::SIGNALS_LOST,
    telemetry::SIGNALS_WAITING,
    telemetry::SIGNALS_LAG_SECONDS,
    telemetry::CLOCK_AHEAD_SECONDS,
];

/// What every page of the runbook has.
const PARTS: [&str; 4] = ["**Means.**", "**Noticed.**", "**Look at.**", "**Do.**"];

#[actix_web::test]
async fn every_metric_of_alerts_and_dashboard_is_measured() {
    let measured = measured().await;
    for file in ["alerts.yml", "grafana/viewlog.json"] {
        let asked = metrics(&deployed(file));
        assert!(asked.len() > 5, "{file} asks for {asked:?}");
        for name in asked.iter().filter(|name| !OF_A_FLEET.contains(&name.as_str())) {
            assert!(measured.contains(name), "{file} asks for {name}; there is {measured:?}");
        }
    }
}

/// The names of what a node says after it did some of everything.
async fn measured() -> BTreeSet<String> {
    let data = tempfile::tempdir().unwrap();
    let node = Served::start(data.path(), &[]);
    let home = format!("{}/v1/accounts/home", node.url);
    let client = crate::support::client();
    let session = SessionId::fresh(SystemClock.now());
    let taken = json!({
        "session": session, "seq": 0, "kind": "started", "position_ms": 0, "profile": "anna",
        "title": "film",
    });
    for fact in [taken, json!({"session": session, "kind": "dreamt"})] {
        client.post(format!("{home}/events")).json(&fact).send().await.unwrap();
    }
    client.get(format!("{home}/now")).send().await.unwrap();
    let live = format!("{home}/live").replace("http://", "ws://");
    let (_socket, _) = connect_async(live).await.unwrap();
    let said = client.get(format!("{}/metrics", node.url)).send().await.unwrap();
    metrics(&said.text().await.unwrap())
}

/// Every name of a metric in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("viewlog_")).map(str::to_owned).collect()
}

#[test]
fn every_alert_has_its_page_in_the_runbook_and_every_page_its_alert() {
    let (alerts, runbook) = (deployed("alerts.yml"), deployed("runbook.md"));
    let named = |text: &str, mark: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.trim().strip_prefix(mark)).map(str::to_owned).collect()
    };
    let alerts = named(&alerts, "- alert: ");
    assert!(alerts.len() > 5, "{alerts:?}");
    assert_eq!(alerts, named(&runbook, "## "), "the same names in the same order");
}

#[test]
fn every_page_of_the_runbook_says_what_it_means_who_notices_where_to_look_and_what_to_do() {
    for page in deployed("runbook.md").split("\n## ").skip(1) {
        let name = page.lines().next().unwrap();
        let places = PARTS.map(|part| page.find(part).unwrap_or_else(|| panic!("{name}: {part}")));
        assert!(places.is_sorted(), "{name} has its parts in another order");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_has_happened() {
    for alert in deployed("alerts.yml").split("- alert: ").skip(1) {
        for part in ["expr:", "for:", "severity:", "summary:"] {
            assert!(alert.contains(part), "no {part} {alert}");
        }
        let summary = alert.lines().find(|line| line.contains("summary:")).unwrap();
        assert_eq!(summary.matches('"').count(), 2, "one text in quotes: {summary}");
    }
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/viewlog.json")).unwrap();
    assert_eq!(dashboard["uid"], "viewlog");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "every panel has a number of its own");
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{panel}");
        assert!(panel["title"].is_string() && panel["description"].is_string(), "{panel}");
    }
}
