//! Out and in again: an export loaded into another account is the same in all but the account.

use serde_json::{Value, json};

use super::{ANNA, EVENTS, Play, Reply, ago, asked, now, posted, record, site, watched};
use crate::site::Site;
use crate::support::eventually;

const COPY: &str = "/v1/accounts/copy/import";

async fn exported(site: &Site, account: &str) -> String {
    let reply = asked(site, &format!("/v1/accounts/{account}/export"), &[]).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-ndjson"));
    reply.text().to_owned()
}

async fn imported(site: &Site, lines: &str) -> Reply {
    posted(site, COPY, "application/x-ndjson", lines.to_owned()).await
}

/// A household with everything that an export can hold, but for compacted sessions.
async fn household(site: &Site) {
    watched(site, Play::of("film", 3_600)).await;
    watched(site, Play::by("\u{1f3ac} ben", "a/b", 90_000)).await;
    let gapped = Play::of("gapped", 7_200);
    record(site, vec![gapped.fact(0, "started"), gapped.fact(9, "progressed")]).await;
    let bare = Play::of("bare", 7_200);
    let facts = bare.facts(5).into_iter().map(|fact| super::with(fact, json!({ "seq": null })));
    record(site, facts.collect()).await;
    let old = Play::of("old", 40 * 86_400);
    let odd = json!({
        "rate": 1.1, "name": "The \"Old\" One\u{2014}", "series": "S", "season": 0, "episode": 1,
        "media": "episode", "autoplay": true, "source": "jellyfin", "source_session": "7",
        "bookmark": true,
    });
    let mut facts = vec![old.fact_with(0, "started", odd)];
    facts.push(old.fact_with(1, "seeked", json!({ "from_ms": 5_000, "position_ms": 77_000 })));
    facts.push(old.fact_with(2, "stopped", json!({ "reason": "ended" })));
    record(site, facts).await;
    let slow = Play::of("slow", 7_200 + 300);
    let envelope = json!({ "sent_at": ago(7_200), "events": slow.facts(30) });
    assert_eq!(site.post(EVENTS, &envelope).await.1["recorded"], json!(30));
    for (path, body) in [
        ("titles/film/hide", json!({})),
        ("titles/film/show", json!({})),
        ("titles/gapped/watched", json!({ "at": ago(5_000) })),
        ("titles/gapped/watched", json!({})),
        ("titles/old/unwatched", json!({})),
        ("titles/never-played/position", json!({ "position_ms": 5 })),
        ("undo", json!({ "since": ago(5_400) })),
    ] {
        let (status, answer) = site.post(&format!("{ANNA}/{path}"), &body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

#[actix_web::test]
async fn an_export_loaded_into_another_account_comes_out_the_same() {
    let site = site().await;
    household(&site).await;
    let export = exported(&site, "home").await;
    let count = export.lines().count();
    assert_eq!(count, 30 + 30 + 2 + 5 + 3 + 30 + 7);
    let answer = imported(&site, &export).await.ok();
    assert_eq!((&answer["recorded"], &answer["refused"]), (&json!(count), &json!([])));
    let copy = exported(&site, "copy").await;
    assert_eq!(copy.replace("\"account\":\"copy\"", "\"account\":\"home\""), export);
}

#[actix_web::test]
async fn both_accounts_give_the_same_answers() {
    let site = site().await;
    household(&site).await;
    imported(&site, &exported(&site, "home").await).await.ok();
    let timeless = |answer: Value| super::with(answer, json!({ "as_of": null, "source": null }));
    for path in [
        "now",
        "profiles",
        "profiles/anna/history?limit=500",
        "profiles/anna/continue-watching",
        "profiles/anna/watch-time?by=month",
        "profiles/anna/titles/film",
        "profiles/anna/titles/old",
        "profiles/anna/titles/gapped",
        "profiles/anna/resume?titles=film,old,gapped,bare,slow,never-played&explain=true",
        "profiles/%F0%9F%8E%AC%20ben/history",
    ] {
        let (status, home) = site.get(&format!("/v1/accounts/home/{path}")).await;
        let (_, copy) = site.get(&format!("/v1/accounts/copy/{path}")).await;
        assert_eq!((status, timeless(home)), (200, timeless(copy)), "{path}");
    }
    for account in ["home", "copy"] {
        let path = format!("/v1/accounts/{account}/profiles/anna/titles/never-played");
        assert_eq!(site.get(&path).await.0, 404, "it was only spoken of");
    }
}

#[actix_web::test]
async fn loading_again_adds_nothing() {
    let site = site().await;
    household(&site).await;
    let export = exported(&site, "home").await;
    let count = export.lines().count();
    for path in [COPY, COPY, "/v1/accounts/home/import"] {
        posted(&site, path, "application/x-ndjson", export.clone()).await.ok();
        let answer = posted(&site, path, "application/x-ndjson", export.clone()).await.ok();
        assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(0), &json!(count)));
    }
    assert_eq!(exported(&site, "home").await, export);
}

#[actix_web::test]
async fn the_order_of_lines_does_not_matter() {
    let site = site().await;
    household(&site).await;
    let export = exported(&site, "home").await;
    let mut lines: Vec<&str> = export.lines().collect();
    lines.reverse();
    assert_eq!(imported(&site, &lines.join("\n")).await.ok()["refused"], json!([]));
    let copy =
        exported(&site, "copy").await.replace("\"account\":\"copy\"", "\"account\":\"home\"");
    let sorted = |text: &str| {
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| {
            [&line["session"], &line["command"], &line["seq"], &line["at"]].map(ToString::to_string)
        });
        lines
    };
    let (mine, theirs) = (sorted(&export), sorted(&copy));
    // Who and what stand with the first fact that was recorded; the rest is each fact's own.
    let moving = |line: &Value| {
        ["session", "command", "seq", "kind", "at", "position_ms", "received_at", "rate"]
            .map(|field| line[field].clone())
    };
    assert_eq!(mine.len(), theirs.len());
    for (mine, theirs) in mine.iter().zip(&theirs) {
        assert_eq!(moving(mine), moving(theirs));
    }
}

#[actix_web::test]
async fn compacted_sessions_come_out_and_in_as_they_are() {
    let site = site().await;
    household(&site).await;
    let (status, _) = site.post("/v1/system/compact?older_than_days=0", &json!({})).await;
    assert_eq!(status, 202);
    eventually("the compaction is done", async || {
        site.get("/v1/system/jobs/compact").await.1["state"] == json!("done")
    })
    .await;
    let export = exported(&site, "home").await;
    assert!(export.contains("\"kind\":\"session\""), "{export}");
    imported(&site, &export).await.ok();
    let copy = exported(&site, "copy").await;
    assert_eq!(copy.replace("\"account\":\"copy\"", "\"account\":\"home\""), export);
    let answer = imported(&site, &export).await.ok();
    assert_eq!(answer["recorded"], json!(0), "{answer}");
    let (_, home) = site.get(&format!("{ANNA}/titles/old")).await;
    let (_, copy) = site.get("/v1/accounts/copy/profiles/anna/titles/old").await;
    assert_eq!(home["watches"], copy["watches"]);
}

#[actix_web::test]
async fn an_account_without_events_has_an_empty_export() {
    assert_eq!(exported(&site().await, "nobody").await, "");
}

#[actix_web::test]
async fn bad_lines_are_refused_by_their_place_and_the_rest_is_loaded() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let export = exported(&site, "home").await;
    let good: Vec<&str> = export.lines().take(3).collect();
    let no_position = good[1].replace("\"position_ms\"", "\"position\"");
    let lines = [
        good[0],
        "not json",
        good[1],
        "{\"kind\":\"exploded\"}",
        "[]",
        &no_position,
        "{\"kind\":\"title_hidden\",\"title\":\"film\"}",
        good[2],
        "{\"kind\":\"session\"}",
        "{",
    ];
    let answer = imported(&site, &lines.join("\n")).await.ok();
    assert_eq!(answer["recorded"], json!(3), "{answer}");
    let refused = answer["refused"].as_array().unwrap();
    let short: Vec<_> = refused
        .iter()
        .map(|line| (line["index"].as_u64().unwrap(), line["code"].as_str().unwrap()))
        .collect();
    let (malformed, invalid) = ("malformed", "invalid_event");
    let expected = [
        (1, malformed),
        (3, invalid),
        (4, invalid),
        (5, invalid),
        (6, invalid),
        (8, invalid),
        (9, malformed),
    ];
    assert_eq!(short, expected);
}

#[actix_web::test]
async fn nothing_but_bad_lines_is_a_problem_with_each_of_them() {
    let site = site().await;
    let problem = imported(&site, "not json\n{}").await.problem(400, "malformed");
    assert_eq!(problem["refused"].as_array().unwrap().len(), 2);
    imported(&site, "{}\nnot json").await.problem(422, "invalid_event");
    imported(&site, "").await.problem(400, "malformed");
    imported(&site, " \n\r\n").await.problem(400, "malformed");
    let bytes = posted(&site, COPY, "application/x-ndjson", vec![b'{', 0xff, b'}']).await;
    bytes.problem(400, "malformed");
}

#[actix_web::test]
async fn a_receipt_of_the_future_is_refused() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    site.post(&format!("{ANNA}/titles/film/hide"), &json!({})).await;
    let ahead = |line: &str, hours: i64| {
        let line: Value = serde_json::from_str(line).unwrap();
        let received_at = now().plus_ms(hours * 3_600_000);
        super::with(line, json!({ "received_at": received_at })).to_string()
    };
    let export = exported(&site, "home").await;
    let (mark, event) = (export.lines().next().unwrap(), export.lines().nth(1).unwrap());
    for line in [mark, event] {
        imported(&site, &ahead(line, 25)).await.problem(422, "invalid_event");
    }
    for line in [mark, event] {
        assert_eq!(imported(&site, &ahead(line, 23)).await.ok()["recorded"], json!(1));
    }
}

#[actix_web::test]
async fn a_state_or_a_word_that_cannot_be_is_refused_and_answers_stay() {
    let site = site().await;
    household(&site).await;
    site.post("/v1/system/compact?older_than_days=0", &json!({})).await;
    eventually("the compaction is done", async || {
        site.get("/v1/system/jobs/compact").await.1["state"] == json!("done")
    })
    .await;
    let export = exported(&site, "home").await;
    let of_kind = |kind: &str| -> Value {
        let kind = format!("\"kind\":\"{kind}\"");
        serde_json::from_str(export.lines().find(|line| line.contains(&kind)).unwrap()).unwrap()
    };
    let (state, word) = (of_kind("session"), of_kind("position_set"));
    for (line, field, value) in [
        (&state, "furthest_ms", json!(u64::MAX)),
        (&state, "played_ms", json!(u64::MAX)),
        (&state, "played_ms", json!(1_u64 << 53)),
        (&state, "watched", json!([[0, u64::MAX]])),
        (&state, "last_seq", json!(u64::MAX)),
        (&state, "facts", json!(u32::MAX)),
        (&state, "position_ms", json!(u64::MAX)),
        (&word, "position_ms", json!(u64::MAX)),
        (&word, "at", json!("9999-01-01T00:00:00Z")),
    ] {
        let line = super::with(line.clone(), json!({ field: value }));
        imported(&site, &line.to_string()).await.problem(422, "invalid_event");
    }
    let mut endless = state.clone();
    endless["started"]["at"] = json!("1970-01-01T00:00:00Z");
    imported(&site, &endless.to_string()).await.problem(422, "session_too_long");
    assert_eq!(exported(&site, "copy").await, "");
}

#[actix_web::test]
async fn a_line_without_a_receipt_says_so() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact(0, "started").to_string();
    let problem = imported(&site, &fact).await.problem(422, "invalid_event");
    assert!(problem["detail"].as_str().unwrap().contains("received_at"), "{problem}");
}

#[actix_web::test]
async fn what_is_imported_survives_a_restart() {
    let site = site().await;
    household(&site).await;
    let export = exported(&site, "home").await;
    let data = tempfile::tempdir().unwrap();
    let kept = Site::on(data.path(), &[]).await;
    imported(&kept, &export).await.ok();
    kept.stop().await;
    let kept = Site::on(data.path(), &[]).await;
    let copy = exported(&kept, "copy").await;
    assert_eq!(copy.replace("\"account\":\"copy\"", "\"account\":\"home\""), export);
    kept.stop().await;
}
