//! Sends records to a server in requests of a bounded size, again until they are answered.
//!
//! Sending again is safe: a record that is known already counts as such and is not written twice.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;

use crate::cli::client::{self, Client};
use crate::cli::failure::Failure;
use crate::cli::seams::OddRow;
use crate::events::AccountId;

/// Well below the 5,000 facts and 4 MiB that a server takes in a request.
const LINES_MAX: usize = 2_000;
const BYTES_MAX: usize = 3 * 1024 * 1024;
/// With the waits between them more than a minute: a server that restarts is back by then.
const ATTEMPTS_MAX: u32 = 12;
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A server that asks for more patience than this is not believed.
const RETRY_AFTER_MAX_S: u64 = 60;

/// A record, and the line of the file it came from.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) json: String,
}

/// What came of some lines.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) recorded: u64,
    pub(super) duplicates: u64,
    pub(super) refused: Vec<OddRow>,
}

/// The next request, while it grows.
pub(super) struct Sender<'a> {
    client: &'a Client,
    url: Url,
    lines: Vec<Line>,
    bytes: usize,
}

/// How an attempt ended.
enum Attempt {
    Answered(Answer),
    /// Nothing is known; the same again after the wait that the server asks for, if it does.
    Again(Option<Duration>, String),
}

/// The answer of section 2 of the API contract.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    recorded: u64,
    #[serde(default)]
    duplicates: u64,
    #[serde(default)]
    refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    index: usize,
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Refused {
    fn may_be_sent_again(&self) -> bool {
        matches!(self.code.as_str(), "too_many_requests" | "store_unavailable")
    }
}

impl<'a> Sender<'a> {
    pub(super) fn new(client: &'a Client, account: &AccountId) -> Result<Self, Failure> {
        let url = client.url(&["v1", "accounts", account.as_str(), "import"])?;
        Ok(Self { client, url, lines: Vec::new(), bytes: 0 })
    }

    /// True when a record still fits into this request. One alone always does.
    pub(super) fn has_room_for(&self, json: &str) -> bool {
        let bytes = self.bytes + json.len() + 1;
        self.lines.is_empty() || (self.lines.len() < LINES_MAX && bytes <= BYTES_MAX)
    }

    pub(super) fn push(&mut self, line: Line) {
        self.bytes += line.json.len() + 1;
        self.lines.push(line);
    }

    /// Sends what has been gathered, with patience; `notice` is told once what it waits for.
    pub(super) async fn flush(&mut self, notice: impl Fn(&str)) -> Result<Sent, Failure> {
        let mut waiting = std::mem::take(&mut self.lines);
        self.bytes = 0;
        let mut sent = Sent::default();
        let mut attempts = 0;
        while !waiting.is_empty() {
            let (asked, why) = match self.attempt(&waiting).await? {
                Attempt::Answered(answer) => {
                    if answer.recorded > 0 {
                        attempts = 0;
                    }
                    match sent.take(answer, &mut waiting) {
                        Some(why) => (None, why),
                        None => break,
                    }
                }
                Attempt::Again(asked, why) => (asked, why),
            };
            attempts += 1;
            if attempts >= ATTEMPTS_MAX {
                return Err(Failure::Unavailable(format!(
                    "{why}; gave up after {attempts} attempts, and the same command goes on"
                )));
            }
            if attempts == 2 {
                notice(&format!("{why}; trying again"));
            }
            tokio::time::sleep(asked.unwrap_or_else(|| backoff(attempts))).await;
        }
        Ok(sent)
    }

    async fn attempt(&self, lines: &[Line]) -> Result<Attempt, Failure> {
        let mut body = String::with_capacity(BYTES_MAX.min(lines.len() * 512));
        for line in lines {
            body.push_str(&line.json);
            body.push('\n');
        }
        let request = self.client.request(Method::POST, self.url.clone());
        let request = request.header(CONTENT_TYPE, "application/x-ndjson").body(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return self.broken(&error),
        };
        let (status, asked) = (response.status(), retry_after(&response));
        let head = response.headers().clone();
        let text = match response.text().await {
            Ok(text) => text,
            Err(error) => return self.broken(&error),
        };
        if status.is_success() {
            let answer = serde_json::from_str(&text).map_err(|error| {
                let what = format!("the server's answer is not what it should be: {error}");
                Failure::Unavailable(what)
            })?;
            return Ok(Attempt::Answered(answer));
        }
        let problem = client::problem(status, &head, &text);
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Ok(Attempt::Again(asked, problem.to_string()));
        }
        match serde_json::from_str::<Answer>(&text) {
            // Every line was refused, each for its own reason.
            Ok(answer) if !answer.refused.is_empty() => Ok(Attempt::Answered(answer)),
            _ => Err(problem),
        }
    }

    fn broken(&self, error: &reqwest::Error) -> Result<Attempt, Failure> {
        match self.client.broken(error) {
            Failure::Unavailable(why) => Ok(Attempt::Again(None, why)),
            other => Err(other),
        }
    }
}

impl Sent {
    /// Counts an answer; leaves in `waiting` what may be sent again, and says why it was refused.
    fn take(&mut self, answer: Answer, waiting: &mut Vec<Line>) -> Option<String> {
        self.recorded += answer.recorded;
        self.duplicates += answer.duplicates;
        let (again, refused): (Vec<Refused>, Vec<Refused>) =
            answer.refused.into_iter().partition(Refused::may_be_sent_again);
        for refused in refused {
            let Some(line) = waiting.get(refused.index) else { continue };
            let said = [refused.detail, refused.code].into_iter().find(|said| !said.is_empty());
            let reason = said.unwrap_or_else(|| "refused".to_owned());
            self.refused.push(OddRow { line: line.number, reason });
        }
        let why = again.first().map(|refused| refused.detail.clone());
        let again: HashSet<usize> = again.iter().map(|refused| refused.index).collect();
        let mut index = 0..;
        waiting.retain(|_| index.next().is_some_and(|index| again.contains(&index)));
        why
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.clamp(1, RETRY_AFTER_MAX_S)))
}

/// Twice as long each time, and not in step with others who wait.
fn backoff(attempts: u32) -> Duration {
    let longest = WAIT_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(WAIT_MAX);
    longest.mul_f64(rand::random_range(0.5..=1.0))
}
