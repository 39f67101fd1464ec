//! Wishes about where to go on.

use serde_json::json;

use super::{DAY, HOUR, Home, Viewing, ago, instant, just_now, text};

/// An audiobook of ten hours.
const BOOK_S: u64 = 36_000;

#[actix_web::test]
async fn wish_01_a_stale_offline_session_does_not_win() {
    let home = Home::new().await;
    let heard = Viewing::of("book", 2 * HOUR).on("phone").from(26_399).long(BOOK_S);
    home.send(heard.lasting(1_200)).await;
    assert_eq!(home.resume("book").await["position_ms"], 27_599_000);

    // The tablet was offline since yesterday, and sends only now.
    let offline = Viewing::of("book", DAY).on("tablet").from(100).long(BOOK_S);
    home.send(offline.lasting(600)).await;
    let after = home.resume("book").await;
    assert_eq!(after["position_ms"], 27_599_000, "{after}");
    assert_eq!(after["device"], "phone");

    // The very figures of the complaint: twelve seconds later a slip of 1.6 seconds.
    let mut slip = Viewing::of("book", 2 * HOUR).on("tablet").long(BOOK_S);
    slip.begun = heard.begun.plus_ms(1_212_000);
    let mut facts = slip.lasting(2);
    facts[1]["position_ms"] = json!(1_600);
    facts[2]["position_ms"] = json!(1_600);
    home.send(facts).await;
    let after = home.resume("book").await;
    assert_eq!((&after["position_ms"], &after["device"]), (&json!(27_599_000), &json!("phone")));
    home.stop().await;
}

#[actix_web::test]
async fn wish_01_nor_does_one_whose_clock_runs_ahead() {
    let home = Home::new().await;
    let heard = Viewing::of("book", 2 * HOUR).on("phone").from(9_000).long(BOOK_S);
    home.send(heard.lasting(600)).await;
    // It was four hours ago, but the tablet believes that it is five hours from now.
    let mut offline = Viewing::of("book", 4 * HOUR).on("tablet").from(100).long(BOOK_S);
    offline.begun = ago(-HOUR);
    let body = json!({ "sent_at": ago(-5 * HOUR), "events": offline.lasting(600) });
    let (status, answer) = home.post_events(&body).await;
    assert_eq!(status, 200, "{answer}");
    home.include(&answer).await;
    let after = home.resume("book").await;
    assert_eq!((&after["position_ms"], &after["device"]), (&json!(9_600_000), &json!("phone")));
    home.stop().await;
}

#[actix_web::test]
async fn wish_02_on_a_conflict_both_positions_are_offered() {
    let home = Home::new().await;
    let phone = Viewing::of("book", 5 * HOUR).on("phone").from(1_000).long(BOOK_S);
    let car = Viewing::of("book", 3 * HOUR).on("car").from(5_000).long(BOOK_S);
    home.send(car.lasting(600)).await;
    home.send(phone.lasting(300)).await;
    let resume = home.resume("book").await;
    assert_eq!((&resume["position_ms"], &resume["device"]), (&json!(5_600_000), &json!("car")));
    let other = &resume["alternatives"][0];
    assert_eq!((&other["position_ms"], &other["device"]), (&json!(1_300_000), &json!("phone")));
    assert_eq!(other["session"], json!(phone.session));
    assert_eq!(instant(&other["moved_at"]), phone.begun.plus_ms(300_000));
    assert_eq!(resume["alternatives"].as_array().unwrap().len(), 1);

    // Whoever prefers the other one says so, and that is where it goes on from.
    home.say("titles/book/position", &json!({ "position_ms": other["position_ms"] })).await;
    let chosen = home.resume("book").await;
    assert_eq!(chosen["position_ms"], 1_300_000);
    assert_eq!(chosen["alternatives"][0]["position_ms"], 5_600_000, "{chosen}");
    home.stop().await;
}

#[actix_web::test]
async fn wish_03_rewatching_does_not_unwatch() {
    let home = Home::new().await;
    home.send(Viewing::of("film", 9 * DAY).lasting(3_590)).await;
    let once = home.title("film").await;
    assert_eq!((&once["finished"], &once["times_finished"]), (&json!(true), &json!(1)));

    home.send(Viewing::of("film", 2 * DAY).lasting(300)).await;
    let again = home.title("film").await;
    assert_eq!((&again["finished"], &again["times_finished"]), (&json!(true), &json!(1)));
    let resume = home.resume("film").await;
    assert_eq!((&resume["position_ms"], &resume["finished"]), (&json!(300_000), &json!(false)));
    assert_eq!(resume["times_finished"], 1);
    assert_eq!(home.continued().await, ["film"], "and the second time may be gone on with");

    home.send(Viewing::of("film", DAY).from(300).ended_after(3_300)).await;
    assert_eq!(home.title("film").await["times_finished"], 2);
    assert_eq!(home.continued().await, Vec::<String>::new());
    home.stop().await;
}

#[actix_web::test]
async fn wish_04_what_is_finished_leaves_continue_watching() {
    let home = Home::new().await;
    home.send(Viewing::of("credits-skipped", 9 * HOUR).lasting(3_300)).await;
    home.send(Viewing::of("to-the-end", 8 * HOUR).long(0).ended_after(1_000)).await;
    home.send(Viewing::of("begun", 7 * HOUR).lasting(600)).await;
    home.send(Viewing::of("said-so", 6 * HOUR).lasting(600)).await;
    home.send(Viewing::of("elsewhere", 5 * HOUR).lasting(600)).await;
    assert_eq!(home.continued().await, ["elsewhere", "said-so", "begun"]);

    home.say("titles/said-so/watched", &json!({})).await;
    home.send(Viewing::of("elsewhere", HOUR).on("phone").from(600).lasting(2_900)).await;
    assert_eq!(home.continued().await, ["begun"]);
    for title in ["credits-skipped", "to-the-end", "said-so", "elsewhere"] {
        let page = home.title(title).await;
        assert_eq!((&page["finished"], &page["times_finished"]), (&json!(true), &json!(1)));
    }
    // What never stood there before the last beat does not come back with it.
    let last = Viewing::of("credits-skipped", HOUR).from(3_590).lasting(8);
    home.send(last).await;
    assert_eq!(home.continued().await, ["begun"]);
    home.stop().await;
}

#[actix_web::test]
async fn wish_06_progress_that_arrives_before_the_start_is_kept() {
    let home = Home::new().await;
    let viewing = Viewing::of("film", HOUR);
    let mut facts = viewing.lasting(600);
    facts.reverse();
    for fact in facts.clone() {
        let answer = home.send(vec![fact]).await;
        assert_eq!(answer["recorded"], 1, "{answer}");
    }
    let session = home.get(&format!("/sessions/{}", viewing.session)).await;
    assert_eq!(session["missing"], json!([]));
    assert_eq!((&session["facts"], &session["played_ms"]), (&json!(12), &json!(600_000)));
    assert_eq!(instant(&session["started_at"]), viewing.begun);
    assert_eq!(home.resume("film").await["position_ms"], 600_000);

    // A player that names its title at the start alone is told what to send again.
    let second = Viewing::of("series", HOUR);
    let mut beat = second.fact(1, "progressed", (60, 60));
    for field in ["title", "profile"] {
        beat.as_object_mut().unwrap().remove(field);
    }
    let (status, problem) = home.post_events(&beat).await;
    assert_eq!((status, text(&problem["code"])), (422, "unknown_session".to_owned()));
    home.send(vec![second.fact(0, "started", (0, 0))]).await;
    home.send(vec![beat]).await;
    assert_eq!(home.resume("series").await["position_ms"], 60_000);
    home.stop().await;
}

#[actix_web::test]
async fn wish_21_resuming_goes_back_a_few_seconds() {
    let home = Home::new().await;
    home.send(Viewing::of("film", 5 * HOUR).lasting(600)).await;
    let resume = home.resume("film").await;
    assert_eq!(
        (&resume["position_ms"], &resume["resume_at_ms"]),
        (&json!(600_000), &json!(595_000))
    );
    let list = home.items("continue-watching").await;
    assert_eq!(list[0]["resume_at_ms"], 595_000);

    home.say("titles/film/position", &json!({ "position_ms": 3_000 })).await;
    let early = home.resume("film").await;
    assert_eq!((&early["position_ms"], &early["resume_at_ms"]), (&json!(3_000), &json!(0)));

    home.send(just_now(Viewing::of("film", 0).from(3_000).ended_after(590))).await;
    let finished = home.resume("film").await;
    assert_eq!((&finished["finished"], &finished["resume_at_ms"]), (&json!(true), &json!(0)));
    home.stop().await;
}

#[actix_web::test]
async fn wish_21_how_far_is_a_matter_of_taste() {
    let home = Home { site: crate::site::Site::with(&[("policy.rewind_ms", "15000")]).await };
    home.send(Viewing::of("film", HOUR).lasting(600)).await;
    assert_eq!(home.resume("film").await["resume_at_ms"], 585_000);
    home.stop().await;
}
