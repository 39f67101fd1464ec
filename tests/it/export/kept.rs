//! An export is recorded as it is, in whatever order it once came about.

use std::sync::Arc;

use serde_json::json;
use viewlog::events::codec::encode_event;
use viewlog::events::{Append, Event, EventRow, Fact, Kind};

use super::whole::{watched, with_home};
use super::{Account, DAY_S, ago, assert_the_same, assert_the_same_elsewhere};
use crate::site::Site;
use crate::support::{home, id};

#[actix_web::test]
async fn two_facts_of_one_number_come_back() {
    with_home(async |account| {
        let (session, facts) = watched(DAY_S, "film", 5);
        account.send(None, &facts[..2]).await;
        account.send(None, &facts[2..4]).await;
        // As another node would have let it in.
        let fact = Fact {
            seq: Some(2),
            at: Some(session.time().plus_ms(60_000)),
            ..Fact::new(session, Kind::Progressed, 7)
        };
        let event = Event::new(fact, ago(0), None);
        let mut append = Append::new(id("home"));
        let body = encode_event(&event);
        append.events.push(EventRow { session, order: event.order, body });
        Arc::clone(&account.site.app.node().log).append(&append).await.unwrap();
        account.site.app.node().views.forget(&account.id).await.unwrap();
        let export = assert_the_same_elsewhere(account, &["film"]).await;
        assert_eq!(export.lines().count(), 5);
    })
    .await;
}

#[actix_web::test]
async fn what_late_facts_say_of_the_title_comes_back() {
    with_home(async |account| {
        let (_, mut facts) = watched(DAY_S, "film", 3);
        account.send(None, &facts[2..]).await;
        facts[0]["name"] = json!("Film");
        facts[1]["name"] = json!("Film");
        account.send(None, &facts[..2]).await;
        assert_the_same_elsewhere(account, &["film"]).await;
    })
    .await;
}

#[actix_web::test]
async fn a_session_that_begins_without_its_title_comes_back_in_two_requests() {
    with_home(async |account| {
        let (_, facts) = watched(DAY_S, "film", 3);
        account.send(None, &facts[1..]).await;
        account.send(None, &facts[..1]).await;
        let export = account.export().await;
        let lines: Vec<&str> = export.lines().collect();
        let fresh = Site::start().await;
        let copy = Account { site: &fresh, id: home() };
        assert_eq!(copy.import_at_once(&lines[..1]).await.recorded, 1);
        assert_eq!(copy.import_at_once(&lines[1..]).await.recorded, 2);
        assert_the_same(account, &copy, &["film"]).await;
        fresh.stop().await;
    })
    .await;
}

#[actix_web::test]
async fn a_gap_after_a_compaction_comes_back() {
    with_home(async |account| {
        let (_, facts) = watched(60 * DAY_S, "film", 12);
        account.send(None, &facts[..6]).await;
        assert_eq!(account.compact().await, 1);
        account.send(None, &facts[8..]).await;
        assert_the_same_elsewhere(account, &["film"]).await;
    })
    .await;
}

#[actix_web::test]
async fn a_clock_that_jumped_comes_back() {
    with_home(async |account| {
        let (session, mut facts) = watched(3 * DAY_S, "film", 3);
        for (fact, hour) in facts.iter_mut().zip([10, 33, 8]) {
            fact["at"] = json!(session.time().plus_ms(hour * 3_600_000));
        }
        for place in [0, 2, 1] {
            account.send(None, &facts[place..=place]).await;
        }
        assert_the_same_elsewhere(account, &["film"]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_export_of_before_a_compaction_and_one_of_after_it_are_one() {
    with_home(async |account| {
        let (_, facts) = watched(60 * DAY_S, "film", 12);
        account.send(None, &facts[..6]).await;
        let before = account.export().await;
        account.send(None, &facts[6..8]).await;
        assert_eq!(account.compact().await, 1);
        account.send(None, &facts[8..]).await;
        let after = account.export().await;
        for both in [format!("{before}{after}"), format!("{after}{before}")] {
            let fresh = Site::start().await;
            let copy = Account { site: &fresh, id: home() };
            copy.import(&both).await;
            assert_the_same(account, &copy, &["film"]).await;
            fresh.stop().await;
        }
    })
    .await;
}
