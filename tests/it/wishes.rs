//! What users of such systems ask their trackers for, one test a wish, each through the whole
//! product over HTTP. The wishes, with the threads they come from, are numbered as in the project's
//! notes; a test says what the author of its wish would want to see.

mod commands;
mod history;
mod imports;
mod resuming;

use serde_json::{Value, json};
use viewlog::events::{SessionId, SystemClock, Timestamp};

use super::site::Site;

/// How often a player of these tests reports.
const BEAT_S: u64 = 60;
const MINUTE_MS: i64 = 60_000;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// So many minutes before the present.
fn ago(minutes: i64) -> Timestamp {
    use viewlog::events::Clock;
    SystemClock.now().plus_ms(-minutes * MINUTE_MS)
}

/// A playback to be reported: who, what, where and when.
#[derive(Clone)]
struct Viewing {
    session: SessionId,
    begun: Timestamp,
    profile: &'static str,
    title: &'static str,
    device: &'static str,
    from_s: u64,
    duration_s: u64,
}

impl Viewing {
    /// Anna's, on the television, of a title of an hour, from its beginning.
    fn of(title: &'static str, minutes_ago: i64) -> Self {
        let begun = ago(minutes_ago);
        Self {
            session: SessionId::fresh(begun),
            begun,
            profile: "anna",
            title,
            device: "tv",
            from_s: 0,
            duration_s: 3_600,
        }
    }

    fn by(self, profile: &'static str) -> Self {
        Self { profile, ..self }
    }

    fn on(self, device: &'static str) -> Self {
        Self { device, ..self }
    }

    fn from(self, from_s: u64) -> Self {
        Self { from_s, ..self }
    }

    fn long(self, duration_s: u64) -> Self {
        Self { duration_s, ..self }
    }

    /// A fact of it, so many seconds after it began.
    fn fact(&self, seq: usize, kind: &str, (after_s, position_s): (u64, u64)) -> Value {
        let after_ms = i64::try_from(after_s * 1_000).unwrap();
        json!({
            "session": self.session, "seq": seq, "kind": kind,
            "at": self.begun.plus_ms(after_ms), "position_ms": position_s * 1_000,
            "profile": self.profile, "title": self.title, "device": self.device,
            "duration_ms": self.duration_s * 1_000,
        })
    }

    /// Watching on end for so long, without an end yet.
    fn going_on(&self, seconds: u64) -> Vec<Value> {
        let mut facts = vec![self.fact(0, "started", (0, self.from_s))];
        let beats = (BEAT_S..seconds).step_by(usize::try_from(BEAT_S).unwrap());
        for after_s in beats.chain([seconds]) {
            facts.push(self.fact(facts.len(), "progressed", (after_s, self.from_s + after_s)));
        }
        facts
    }

    /// Watching on end for so long, and leaving.
    fn lasting(&self, seconds: u64) -> Vec<Value> {
        let mut facts = self.going_on(seconds);
        let last = (seconds, self.from_s + seconds);
        facts.push(self.fact(facts.len(), "stopped", last));
        facts
    }

    /// The same, to the very end, as the player says.
    fn ended_after(&self, seconds: u64) -> Vec<Value> {
        let mut facts = self.lasting(seconds);
        facts.last_mut().unwrap()["reason"] = json!("ended");
        facts
    }
}

/// As a player without a clock sends them: they happen as they arrive.
fn just_now(mut facts: Vec<Value>) -> Vec<Value> {
    for fact in &mut facts {
        fact.as_object_mut().unwrap().remove("at");
    }
    facts
}

/// An account on an application of its own.
struct Home {
    site: Site,
}

impl Home {
    async fn new() -> Self {
        Self { site: Site::start().await }
    }

    /// Records facts; every one is taken.
    async fn send(&self, facts: Vec<Value>) -> Value {
        let (status, answer) = self.post_events(&json!({ "events": facts })).await;
        assert_eq!((status, &answer["refused"]), (200, &json!([])), "{answer}");
        self.include(&answer).await;
        answer
    }

    async fn post_events(&self, body: &Value) -> (u16, Value) {
        self.site.post("/v1/accounts/home/events", body).await
    }

    /// Makes sure that the next read knows of what was recorded.
    async fn include(&self, answer: &Value) {
        for recorded in answer["sessions"].as_array().unwrap() {
            let after = format!("{}:{}", text(&recorded["session"]), recorded["seq"]);
            self.get(&format!("/now?after={after}")).await;
        }
    }

    /// What a path under the account is answered with.
    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.site.get(&format!("/v1/accounts/home{path}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// What a path under the account is refused with.
    async fn refusal(&self, path: &str) -> (u16, String) {
        let (status, problem) = self.site.get(&format!("/v1/accounts/home{path}")).await;
        (status, text(&problem["code"]))
    }

    /// A command of Anna's.
    async fn say(&self, command: &str, body: &Value) -> Value {
        let path = format!("/v1/accounts/home/profiles/anna/{command}");
        let (status, answer) = self.site.post(&path, body).await;
        assert!(matches!(status, 200 | 202), "{command}: {status} {answer}");
        answer
    }

    /// Anna's resume point of a title.
    async fn resume(&self, title: &str) -> Value {
        self.get(&format!("/profiles/anna/resume/{title}")).await
    }

    /// Anna's page of a title.
    async fn title(&self, title: &str) -> Value {
        self.get(&format!("/profiles/anna/titles/{title}")).await
    }

    /// A list of Anna's.
    async fn items(&self, list: &str) -> Vec<Value> {
        let answer = self.get(&format!("/profiles/anna/{list}")).await;
        answer["items"].as_array().unwrap().clone()
    }

    /// What Anna may want to go on with.
    async fn continued(&self) -> Vec<String> {
        self.items("continue-watching").await.iter().map(|item| text(&item["title"])).collect()
    }

    async fn stop(self) {
        self.site.stop().await;
    }
}

/// A JSON text.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// An instant as answers write it.
fn instant(value: &Value) -> Timestamp {
    Timestamp::parse(&text(value)).unwrap()
}
