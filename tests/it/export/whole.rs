//! One household with everything that a log may hold, thing by thing.

use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{Account, DAY_S, ago, assert_the_same_elsewhere, fact};
use crate::site::Site;
use crate::support::home;

/// A session of a title begun so many seconds ago, watched on end for so many facts.
pub(super) fn watched(seconds_ago: i64, title: &str, count: u32) -> (SessionId, Vec<Value>) {
    let session = SessionId::fresh(ago(seconds_ago));
    let facts = (0..count).map(|seq| {
        let kind = match seq {
            0 => "started",
            seq if seq + 1 == count => "stopped",
            _ => "progressed",
        };
        let after_s = i64::from(seq) * 30;
        let mut fact = fact(session, kind, (after_s, u64::from(seq) * 30));
        fact["seq"] = json!(seq);
        fact["title"] = json!(title);
        fact["device"] = json!("tv");
        fact
    });
    (session, facts.collect())
}

pub(super) async fn with_home(test: impl AsyncFnOnce(&Account<'_>)) {
    let site = Site::start().await;
    test(&Account { site: &site, id: home() }).await;
    site.stop().await;
}

#[actix_web::test]
async fn what_persons_said_comes_back() {
    with_home(async |account| {
        let (_, facts) = watched(DAY_S, "film", 10);
        account.send(None, &facts).await;
        let (session, facts) = watched(3_600, "series", 10);
        account.send(None, &facts).await;
        account.say("titles/film/hide", &json!({})).await;
        account.say("titles/series/watched", &json!({})).await;
        account.say("titles/other/watched", &json!({ "at": ago(40 * DAY_S) })).await;
        account.say("titles/other/position", &json!({ "position_ms": 5_000 })).await;
        account.say("titles/third/unwatched", &json!({})).await;
        account.say("undo", &json!({ "since": session.time().plus_ms(61_000) })).await;
        account.say("titles/film/show", &json!({})).await;
        let export =
            assert_the_same_elsewhere(account, &["film", "series", "other", "third"]).await;
        assert_eq!(export.lines().count(), 27);
    })
    .await;
}

#[actix_web::test]
async fn gaps_late_facts_offsets_and_odd_rates_come_back() {
    with_home(async |account| {
        let (_, mut facts) = watched(5 * DAY_S, "gapped", 20);
        facts.drain(5..9);
        account.send(None, &facts).await;

        let (_, facts) = watched(4 * DAY_S, "late", 20);
        for fact in facts.iter().rev() {
            account.send(None, std::slice::from_ref(fact)).await;
        }
        let (_, facts) = watched(3 * DAY_S, "clock", 20);
        account.send(Some(ago(-7_000)), &facts[4..]).await;
        account.send(Some(ago(86_000)), &facts[..4]).await;

        let (session, mut facts) = watched(2 * DAY_S, "rates", 8);
        let rates = [1.25, 0.1 + 0.2, 1e-3, 99.999_999_999, 1.0 / 3.0, 0.0, 2.0, 1.0];
        for (fact, rate) in facts.iter_mut().zip(rates) {
            fact["rate"] = json!(rate);
        }
        facts[3]["kind"] = json!("seeked");
        facts[3]["from_ms"] = json!(75_000);
        account.send(None, &facts).await;
        let others = ["\"x\" \\ ünïcødé 🎬", "b"].map(|name| {
            let mut fact = fact(session, "progressed", (600, 600));
            fact["name"] = json!(name);
            fact
        });
        let [mut named, mut again] = others;
        (named["seq"], again["seq"]) = (json!(8), json!(9));
        again["season"] = json!(0);
        account.send(None, &[named, again]).await;

        // One that plays at this moment.
        let (_, facts) = watched(20, "now", 2);
        account.send(None, &facts[..1]).await;
        let titles = ["gapped", "late", "clock", "rates", "now"];
        assert_the_same_elsewhere(account, &titles).await;
    })
    .await;
}

#[actix_web::test]
async fn sessions_without_numbers_come_back() {
    with_home(async |account| {
        let (_, mut facts) = watched(DAY_S, "unnumbered", 30);
        for fact in &mut facts {
            fact.as_object_mut().unwrap().remove("seq");
        }
        account.send(None, &facts[10..]).await;
        account.send(None, &facts[..10]).await;
        // Two of one millisecond, and some of a player that has no clock either.
        let mut other = facts[29].clone();
        other["position_ms"] = json!(1);
        account.send(None, &[other]).await;
        let (_, mut facts) = watched(2 * DAY_S, "clockless", 5);
        for fact in &mut facts {
            let fields = fact.as_object_mut().unwrap();
            fields.remove("seq");
            fields.remove("at");
        }
        account.send(None, &facts).await;
        assert_the_same_elsewhere(account, &["unnumbered", "clockless"]).await;
    })
    .await;
}

#[actix_web::test]
async fn many_profiles_and_strange_names_come_back() {
    with_home(async |account| {
        for (n, title) in ["a,b", "a/b", "100%", "ünïcødé 🎬", "\"quoted\\\""].iter().enumerate()
        {
            let days = i64::try_from(n).unwrap() * 30;
            let (_, mut facts) = watched((days + 1) * DAY_S, title, 12);
            if n % 2 == 0 {
                facts.iter_mut().for_each(|fact| fact["profile"] = json!("ben"));
            }
            account.send(None, &facts).await;
        }
        let titles = ["a%2Cb", "a%2Fb", "100%25", "%C3%BCn%C3%AFc%C3%B8d%C3%A9%20%F0%9F%8E%AC"];
        assert_the_same_elsewhere(account, &titles).await;
    })
    .await;
}

#[actix_web::test]
async fn compacted_sessions_come_back() {
    with_home(async |account| {
        for (days, title) in [(100, "film"), (60, "series"), (59, "film")] {
            let (_, facts) = watched(days * DAY_S, title, 40);
            account.send(None, &facts).await;
        }
        let (_, mut facts) = watched(58 * DAY_S, "gapped", 20);
        facts.remove(7);
        account.send(None, &facts).await;
        assert_eq!(account.compact().await, 3);
        let (_, facts) = watched(DAY_S, "film", 40);
        account.send(None, &facts).await;
        let export = assert_the_same_elsewhere(account, &["film", "series", "gapped"]).await;
        assert_eq!(export.matches("\"kind\":\"session\"").count(), 3);
        assert_eq!(export.lines().count(), 3 + 19 + 40);
    })
    .await;
}

#[actix_web::test]
async fn what_came_after_a_compaction_comes_back_on_top_of_it() {
    with_home(async |account| {
        let (_, facts) = watched(60 * DAY_S, "film", 12);
        account.send(None, &facts[..6]).await;
        assert_eq!(account.compact().await, 1);
        account.send(None, &facts[6..]).await;
        assert_the_same_elsewhere(account, &["film"]).await;
    })
    .await;
}
