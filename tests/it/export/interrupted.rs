//! An import that was cut off goes on where it stopped, by being started again.

use serde_json::json;
use viewlog::events::SessionId;

use super::{Account, Counted, DAY_S, ago, assert_the_same, fact};
use crate::site::Site;
use crate::support::home;

const SESSIONS: i64 = 40;
const FACTS: u32 = 30;

async fn household(account: &Account<'_>) {
    for days in 1..=SESSIONS {
        let session = SessionId::fresh(ago(days * DAY_S));
        let facts = (0..FACTS).map(|seq| {
            let mut fact = fact(session, "progressed", (i64::from(seq) * 30, u64::from(seq) * 30));
            fact["seq"] = json!(seq);
            fact["title"] = json!(if days % 2 == 0 { "film" } else { "series" });
            fact
        });
        account.send(None, &facts.collect::<Vec<_>>()).await;
    }
    account.say("titles/film/hide", &json!({})).await;
}

#[actix_web::test]
async fn an_interrupted_import_adds_the_rest_only() {
    let site = Site::start().await;
    let account = Account { site: &site, id: home() };
    household(&account).await;
    let export = account.export().await;
    let lines: Vec<&str> = export.lines().collect();
    let all = u64::try_from(lines.len()).unwrap();
    assert_eq!(all, 1_201);

    let data = tempfile::tempdir().unwrap();
    let fresh = Site::on(data.path(), &[]).await;
    let copy = Account { site: &fresh, id: home() };
    // In the middle of a session.
    let first = copy.import_at_once(&lines[..617]).await;
    assert_eq!(first, Counted { recorded: 617, duplicates: 0 });
    fresh.stop().await;

    let fresh = Site::on(data.path(), &[]).await;
    let copy = Account { site: &fresh, id: home() };
    let rest = copy.import(&export).await;
    assert_eq!(rest, Counted { recorded: all - 617, duplicates: 617 });
    assert_the_same(&account, &copy, &["film", "series"]).await;
    fresh.stop().await;
    site.stop().await;
}

#[actix_web::test]
async fn whoever_hangs_up_in_the_middle_has_lost_nothing() {
    let site = Site::start().await;
    let account = Account { site: &site, id: home() };
    household(&account).await;
    let export = account.export().await;
    let fresh = Site::start().await;
    let copy = Account { site: &fresh, id: home() };
    let url = format!("{}{}", fresh.url, copy.path("/import"));
    let request = fresh.client.post(url).body(export.clone()).send();
    let hung_up = tokio::time::timeout(std::time::Duration::from_millis(3), request).await;
    drop(hung_up);
    let whole = copy.import(&export).await;
    assert_eq!(whole.recorded + whole.duplicates, 1_201);
    assert_the_same(&account, &copy, &["film", "series"]).await;
    fresh.stop().await;
    site.stop().await;
}
