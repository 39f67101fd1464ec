//! Wishes about what was watched.

use serde_json::{Value, json};

use super::{DAY, HOUR, Home, Viewing, ago, instant};

#[actix_web::test]
async fn wish_07_one_watch_is_counted_once() {
    let home = Home::new().await;
    // An evening: a pause, the wifi drops twice, the player is reloaded in the credits.
    let first = Viewing::of("film", 3 * HOUR);
    let mut facts = first.going_on(1_200);
    facts.push(first.fact(facts.len(), "paused", (1_200, 1_200)));
    facts.push(first.fact(facts.len(), "paused", (1_260, 1_200)));
    facts.push(first.fact(facts.len(), "resumed", (1_500, 1_200)));
    facts.push(first.fact(facts.len(), "progressed", (1_560, 1_260)));
    home.send(facts).await;
    let second = Viewing::of("film", 150).from(1_260);
    home.send(second.going_on(1_200)).await;
    let third = Viewing::of("film", 125).on("phone").from(2_460);
    home.send(third.lasting(960)).await;
    let credits = Viewing::of("film", 105).on("phone").from(3_420);
    home.send(credits.ended_after(180)).await;

    let history = home.items("history").await;
    assert_eq!(history.len(), 1, "{history:#?}");
    let watch = &history[0];
    let sessions: Vec<Value> =
        [&first, &second, &third, &credits].map(|one| json!(one.session)).to_vec();
    assert_eq!(watch["sessions"], json!(sessions));
    assert_eq!(watch["played_ms"], 3_600_000);
    assert_eq!((&watch["finished"], &watch["device"]), (&json!(true), &json!("phone")));
    let page = home.title("film").await;
    assert_eq!(page["times_finished"], 1, "although two of its sessions reached the credits");
    assert_eq!(page["watches"].as_array().unwrap().len(), 1);
    assert_eq!(page["share_seen"], 1.0);
    let time = home.items("watch-time").await;
    let played: u64 = time.iter().map(|day| day["played_ms"].as_u64().unwrap()).sum();
    assert_eq!(played, 3_600_000);
    home.stop().await;
}

#[actix_web::test]
async fn wish_12_every_watch_is_kept_with_its_time() {
    let home = Home::new().await;
    let days = [30, 9, 2];
    let viewings = days.map(|days| Viewing::of("film", days * DAY));
    for viewing in &viewings {
        home.send(viewing.ended_after(3_600)).await;
    }
    let long_ago = ago(400 * DAY);
    home.say("titles/film/watched", &json!({ "at": long_ago })).await;

    let page = home.title("film").await;
    assert_eq!(page["times_finished"], 4);
    let expected: Vec<_> = viewings.iter().rev().map(|one| one.begun).chain([long_ago]).collect();
    for watches in [page["watches"].as_array().unwrap().clone(), home.items("history").await] {
        let begun: Vec<_> = watches.iter().map(|watch| instant(&watch["started_at"])).collect();
        assert_eq!(begun, expected, "newest first");
        let ended = instant(&watches[0]["last_at"]);
        assert_eq!(ended, viewings[2].begun.plus_ms(3_600_000));
        assert!(watches.iter().all(|watch| watch["finished"] == true));
    }
    let span = format!("history?from={}&to={}", ago(10 * DAY), ago(DAY));
    assert_eq!(home.items(&span).await.len(), 2);
    home.stop().await;
}
