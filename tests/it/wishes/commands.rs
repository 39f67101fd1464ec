//! Wishes about what a person may say: hide, forget, undo, and whose word it is.

use serde_json::json;

use super::{DAY, HOUR, Home, Viewing, just_now, text};

#[actix_web::test]
async fn wish_13_hidden_is_neither_watched_nor_lost() {
    let home = Home::new().await;
    home.send(Viewing::of("dull", 5 * HOUR).lasting(900)).await;
    home.send(Viewing::of("good", 4 * HOUR).lasting(900)).await;
    home.say("titles/dull/hide", &json!({})).await;
    assert_eq!(home.continued().await, ["good"]);

    let page = home.title("dull").await;
    assert_eq!((&page["hidden"], &page["finished"]), (&json!(true), &json!(false)));
    assert_eq!((&page["times_finished"], &page["position_ms"]), (&json!(0), &json!(900_000)));
    assert_eq!(home.resume("dull").await["position_ms"], 900_000);
    assert_eq!(home.items("history").await.len(), 2);

    home.say("titles/dull/show", &json!({})).await;
    assert_eq!(home.continued().await, ["good", "dull"]);
    home.say("titles/dull/hide", &json!({})).await;
    assert_eq!(home.continued().await, ["good"]);

    // Whoever plays it again wants it back.
    home.send(just_now(Viewing::of("dull", 0).from(900).going_on(120))).await;
    assert_eq!(home.continued().await[0], "dull");
    home.stop().await;
}

#[actix_web::test]
async fn wish_14_a_forgotten_title_was_never_seen() {
    let home = Home::new().await;
    let secret = Viewing::of("secret", 5 * HOUR);
    home.send(secret.lasting(3_590)).await;
    home.send(Viewing::of("secret", 2 * DAY).lasting(300)).await;
    home.say("titles/secret/position", &json!({ "position_ms": 1_000 })).await;
    home.send(Viewing::of("other", 6 * HOUR).lasting(600)).await;

    let receipt = home.say("titles/secret/forget", &json!({})).await;
    assert_eq!((&receipt["status"], &receipt["scope"]), (&json!("done"), &json!("title")));
    let not_found = (404, "not_found".to_owned());
    assert_eq!(home.refusal("/profiles/anna/titles/secret").await, not_found);
    let no_point = (404, "no_resume_point".to_owned());
    assert_eq!(home.refusal("/profiles/anna/resume/secret").await, no_point);
    assert_eq!(home.refusal(&format!("/sessions/{}", secret.session)).await, not_found);
    assert_eq!(home.continued().await, ["other"]);
    assert_eq!(home.items("history").await.len(), 1);
    let url = format!("{}/v1/accounts/home/export", home.site.url);
    let export = home.site.client.get(url).send().await.unwrap().text().await.unwrap();
    assert!(export.contains("\"other\"") && !export.contains("secret"), "{export}");

    // What a device still had of it does not come back.
    let (status, problem) = home.post_events(&json!({ "events": secret.lasting(3_590) })).await;
    assert_eq!((status, text(&problem["code"])), (410, "erased".to_owned()));
    // Seen again, it is seen for the first time.
    home.send(just_now(Viewing::of("secret", 0).going_on(120))).await;
    let page = home.title("secret").await;
    assert_eq!((&page["times_finished"], &page["position_ms"]), (&json!(0), &json!(120_000)));
    home.stop().await;
}

#[actix_web::test]
async fn wish_19_profiles_are_not_merged() {
    let home = Home::new().await;
    let anna = Viewing::of("film", 5 * HOUR);
    let ben = Viewing::of("film", 4 * HOUR).by("ben");
    home.send(anna.lasting(900)).await;
    home.send(ben.lasting(3_590)).await;
    let of_ben = async |path: &str| home.get(&format!("/profiles/ben/{path}")).await;

    assert_eq!(home.resume("film").await["position_ms"], 900_000);
    assert_eq!(home.resume("film").await["alternatives"], json!([]));
    assert_eq!(home.title("film").await["times_finished"], 0);
    assert_eq!(of_ben("resume/film").await["position_ms"], 3_590_000);
    assert_eq!(of_ben("titles/film").await["times_finished"], 1);
    assert_eq!(home.continued().await, ["film"]);
    assert_eq!(of_ben("continue-watching").await["items"], json!([]));
    for (list, session) in [
        (home.items("history").await, anna.session),
        (of_ben("history").await["items"].as_array().unwrap().clone(), ben.session),
    ] {
        assert_eq!(list.len(), 1);
        assert_eq!(list[0]["sessions"], json!([session]));
    }
    let seen = home.get("/profiles").await;
    let seen: Vec<_> = seen["items"].as_array().unwrap().iter().map(|p| &p["profile"]).collect();
    assert_eq!(seen, ["ben", "anna"]);

    // Nor by what one of them says, nor by a player that takes one for the other.
    home.say("titles/film/watched", &json!({})).await;
    home.say("titles/film/hide", &json!({})).await;
    assert_eq!(of_ben("titles/film").await["hidden"], false);
    assert_eq!(of_ben("titles/film").await["times_finished"], 1);
    let mixed = anna.clone().by("ben").fact(99, "progressed", (1_000, 1_000));
    let (status, problem) = home.post_events(&mixed).await;
    assert_eq!((status, text(&problem["code"])), (422, "invalid_event".to_owned()));
    home.stop().await;
}

#[actix_web::test]
async fn wish_20_whoever_fell_asleep_goes_back_to_then() {
    let home = Home::new().await;
    // Awake for twenty minutes of the first, and then it played on and on.
    let asleep = Viewing::of("one", 4 * HOUR);
    let fell_asleep_at = asleep.begun.plus_ms(1_200_000);
    home.send(asleep.ended_after(3_600)).await;
    home.send(Viewing::of("two", 3 * HOUR).ended_after(3_600)).await;
    home.send(Viewing::of("three", 2 * HOUR).lasting(1_800)).await;
    home.send(Viewing::of("untouched", DAY).lasting(600)).await;
    home.send(Viewing::of("two", 2 * DAY).lasting(700)).await;
    assert_eq!(home.continued().await, ["three", "untouched"]);

    home.say("undo", &json!({ "since": fell_asleep_at })).await;
    let one = home.resume("one").await;
    assert_eq!((&one["position_ms"], &one["finished"]), (&json!(1_200_000), &json!(false)));
    assert_eq!(home.title("one").await["times_finished"], 0);
    let two = home.resume("two").await;
    assert_eq!(two["position_ms"], 700_000, "where it had been two days ago");
    assert_eq!(home.title("two").await["times_finished"], 0);
    let no_point = (404, "no_resume_point".to_owned());
    assert_eq!(home.refusal("/profiles/anna/resume/three").await, no_point);
    let mut continued = home.continued().await;
    continued.sort();
    assert_eq!(continued, ["one", "two", "untouched"]);
    assert_eq!(home.resume("untouched").await["position_ms"], 600_000);

    // Going on counts again.
    home.send(just_now(Viewing::of("one", 0).from(1_195).going_on(120))).await;
    assert_eq!(home.resume("one").await["position_ms"], 1_315_000);
    home.stop().await;
}

#[actix_web::test]
async fn wish_20_also_of_one_title_alone_and_what_was_watched_before_stays_watched() {
    let home = Home::new().await;
    home.send(Viewing::of("film", 9 * DAY).ended_after(3_600)).await;
    let asleep = Viewing::of("film", 4 * HOUR);
    home.send(asleep.ended_after(3_600)).await;
    home.send(Viewing::of("other", 2 * HOUR).lasting(900)).await;
    assert_eq!(home.title("film").await["times_finished"], 2);

    let since = asleep.begun.plus_ms(600_000);
    home.say("undo", &json!({ "since": since, "title": "film" })).await;
    let page = home.title("film").await;
    assert_eq!((&page["times_finished"], &page["finished"]), (&json!(1), &json!(true)));
    assert_eq!(home.resume("film").await["position_ms"], 600_000);
    assert_eq!(home.resume("other").await["position_ms"], 900_000);
    assert_eq!(home.continued().await, ["film", "other"]);
    home.stop().await;
}
