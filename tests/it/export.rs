//! Out and in again: an export, imported into a fresh application, is exported as the same bytes
//! and answers the same.

mod interrupted;
mod kept;
mod random;
mod whole;

use serde_json::{Value, json};
use viewlog::events::{AccountId, Clock, SessionId, SystemClock, Timestamp};

use super::site::Site;

const SECOND_MS: i64 = 1_000;
const DAY_S: i64 = 86_400;
/// What the command line sends at once.
const LINES_MAX: usize = 2_000;

/// So many seconds before the present.
fn ago(seconds: i64) -> Timestamp {
    SystemClock.now().plus_ms(-seconds * SECOND_MS)
}

/// A fact of Anna's session of a title, so many seconds after the session began.
fn fact(session: SessionId, kind: &str, (after_s, position_s): (i64, u64)) -> Value {
    json!({
        "session": session, "kind": kind, "at": session.time().plus_ms(after_s * SECOND_MS),
        "position_ms": position_s * 1_000, "profile": "anna", "duration_ms": 3_600_000,
    })
}

/// What was counted of a request.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    recorded: u64,
    duplicates: u64,
}

/// One account of an application.
struct Account<'s> {
    site: &'s Site,
    id: AccountId,
}

impl Account<'_> {
    fn path(&self, path: &str) -> String {
        format!("/v1/accounts/{}{path}", self.id)
    }

    /// Records facts of one attempt; every one is taken, and the next read knows of it.
    async fn send(&self, sent_at: Option<Timestamp>, facts: &[Value]) -> Counted {
        let body = json!({ "sent_at": sent_at, "events": facts });
        let (status, answer) = self.site.post(&self.path("/events"), &body).await;
        for recorded in answer["sessions"].as_array().unwrap() {
            let (session, seq) = (recorded["session"].as_str().unwrap(), &recorded["seq"]);
            let after = self.path(&format!("/now?after={session}:{seq}"));
            assert_eq!(self.site.get(&after).await.0, 200);
        }
        counted(status, &answer)
    }

    async fn say(&self, command: &str, body: &Value) {
        let path = self.path(&format!("/profiles/anna/{command}"));
        let (status, answer) = self.site.post(&path, body).await;
        assert_eq!(status, 200, "{command}: {answer}");
    }

    /// Leaves of every session that may be compacted its state alone.
    async fn compact(&self) -> usize {
        let accounts = self.site.app.node().system.accounts();
        let mut sessions = 0;
        // The first time only writes the snapshots that are behind.
        for _ in 0..2 {
            let compacted = accounts.compact(self.id.clone(), SystemClock.now()).await;
            sessions += usize::try_from(compacted.unwrap().sessions).unwrap();
        }
        sessions
    }

    async fn export(&self) -> String {
        let url = format!("{}{}", self.site.url, self.path("/export"));
        let answer = self.site.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let export = answer.text().await.unwrap();
        assert!(!export.contains("\"incomplete\""), "{export}");
        export
    }

    /// Imports lines as the command line does; none is refused.
    async fn import(&self, export: &str) -> Counted {
        let lines: Vec<&str> = export.lines().collect();
        let mut all = Counted { recorded: 0, duplicates: 0 };
        for some in lines.chunks(LINES_MAX) {
            let Counted { recorded, duplicates } = self.import_at_once(some).await;
            all.recorded += recorded;
            all.duplicates += duplicates;
        }
        all
    }

    async fn import_at_once(&self, lines: &[&str]) -> Counted {
        let url = format!("{}{}", self.site.url, self.path("/import"));
        let answer = self.site.client.post(url).body(lines.join("\n")).send().await.unwrap();
        counted(answer.status().as_u16(), &answer.json().await.unwrap())
    }

    /// Everything that can be asked about these titles, less when and where it was read.
    async fn answers(&self, titles: &[&str]) -> Vec<Value> {
        let mut paths = vec!["/now".to_owned(), "/profiles".to_owned()];
        for profile in ["anna", "ben"] {
            let lists = ["history?limit=500", "continue-watching?limit=500", "watch-time"];
            paths.extend(lists.map(|list| format!("/profiles/{profile}/{list}")));
            for title in titles {
                paths.push(format!("/profiles/{profile}/titles/{title}"));
                paths.push(format!("/profiles/{profile}/resume/{title}"));
            }
        }
        let mut answers = Vec::new();
        for path in paths {
            let (_, mut answer) = self.site.get(&self.path(&path)).await;
            let fields = answer.as_object_mut().unwrap();
            fields.retain(|field, _| !["as_of", "stale", "source"].contains(&field.as_str()));
            answers.push(json!([path, answer]));
        }
        answers
    }
}

fn counted(status: u16, answer: &Value) -> Counted {
    assert_eq!((status, &answer["refused"]), (200, &json!([])), "{answer:#}");
    Counted {
        recorded: answer["recorded"].as_u64().unwrap(),
        duplicates: answer["duplicates"].as_u64().unwrap(),
    }
}

/// Exports, imports into a fresh application, and compares.
async fn assert_the_same_elsewhere(account: &Account<'_>, titles: &[&str]) -> String {
    let fresh = Site::start().await;
    let export = assert_the_same_on(&fresh, account, titles).await;
    fresh.stop().await;
    export
}

async fn assert_the_same_on(fresh: &Site, account: &Account<'_>, titles: &[&str]) -> String {
    let export = account.export().await;
    let copy = Account { site: fresh, id: account.id.clone() };
    let lines = u64::try_from(export.lines().count()).unwrap();
    assert_eq!(copy.import(&export).await, Counted { recorded: lines, duplicates: 0 });
    assert_the_same(account, &copy, titles).await;
    assert_eq!(copy.import(&export).await, Counted { recorded: 0, duplicates: lines });
    assert_the_same(account, &copy, titles).await;
    export
}

async fn assert_the_same(account: &Account<'_>, copy: &Account<'_>, titles: &[&str]) {
    let (here, there) = (account.export().await, copy.export().await);
    for (here, there) in here.lines().zip(there.lines()) {
        assert_eq!(here, there);
    }
    assert!(here == there, "{} and {} bytes", here.len(), there.len());
    for (here, there) in account.answers(titles).await.iter().zip(copy.answers(titles).await) {
        assert_eq!(*here, there);
    }
}
