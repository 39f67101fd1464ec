//! A person's word on a title: `hide`, `show`, `watched`, `unwatched`, `position`, and `undo`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{Clock, SessionId, SystemClock, Timestamp, TitleId};

use super::answers::Recorded;
use super::client::Client;
use super::failure::Found;
use super::output::say;
use super::reach::Reach;
use super::whose::Person;
use super::words;

/// A word that says nothing but itself.
#[derive(Debug, Args)]
pub(super) struct Plain {
    /// The title
    #[arg(value_parser = TitleId::new)]
    title: TitleId,
    #[command(flatten)]
    told: Told,
}

/// Finished, elsewhere.
#[derive(Debug, Args)]
pub(super) struct Watched {
    /// The title
    #[arg(value_parser = TitleId::new)]
    title: TitleId,
    /// When it was watched; now if not said
    #[arg(long, value_name = "T", value_parser = words::instant)]
    at: Option<Timestamp>,
    #[command(flatten)]
    told: Told,
}

/// As if stopped there.
#[derive(Debug, Args)]
pub(super) struct Position {
    /// The title
    #[arg(value_parser = TitleId::new)]
    title: TitleId,
    /// Where: 1:02:03, 62:03, 1h2m3s or 812000ms
    #[arg(value_name = "WHERE", value_parser = words::playhead)]
    position_ms: u64,
    #[command(flatten)]
    told: Told,
}

/// Back to how things were.
#[derive(Debug, Args)]
pub(super) struct Undo {
    /// Everything after this time is undone
    #[arg(long, value_name = "T", value_parser = words::instant)]
    since: Timestamp,
    /// Of this title alone
    #[arg(long, value_name = "TITLE", value_parser = TitleId::new)]
    title: Option<TitleId>,
    #[command(flatten)]
    told: Told,
}

/// Who says it, and to whom.
#[derive(Debug, Args)]
struct Told {
    #[command(flatten)]
    person: Person,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Plain {
    /// Says `word` of the title.
    pub(super) async fn run(&self, word: &str) -> anyhow::Result<Found> {
        self.told.say(&["titles", self.title.as_str(), word], None).await
    }
}

impl Watched {
    /// Says so.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let body = self.at.map(|at| json!({ "at": at }));
        self.told.say(&["titles", self.title.as_str(), "watched"], body).await
    }
}

impl Position {
    /// Says so.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let body = json!({ "position_ms": self.position_ms });
        self.told.say(&["titles", self.title.as_str(), "position"], Some(body)).await
    }
}

impl Undo {
    /// Says so.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let mut body = json!({ "since": self.since });
        if let (Some(title), Some(fields)) = (&self.title, body.as_object_mut()) {
            fields.insert("title".to_owned(), json!(title));
        }
        self.told.say(&["undo"], Some(body)).await
    }
}

impl Told {
    async fn say(&self, what: &[&str], body: Option<Value>) -> anyhow::Result<Found> {
        self.reach.ask_or_make(async |client| self.send(client, what, body).await).await
    }

    async fn send(
        &self,
        client: &Client,
        what: &[&str],
        body: Option<Value>,
    ) -> anyhow::Result<Found> {
        let (account, profile) = self.person.one(client).await?;
        let path = ["v1", "accounts", account.as_str(), "profiles", profile.as_str()];
        let url = client.url(&[&path[..], what].concat())?;
        let command = SessionId::fresh(SystemClock.now());
        let mut request = client.request(Method::POST, url);
        request = request.header("Idempotency-Key", command.to_string());
        if let Some(body) = &body {
            request = request.json(body);
        }
        let reply = client.send(request).await?;
        if self.json {
            return reply.print();
        }
        let done: Recorded = reply.read()?;
        say(if done.recorded > 0 { "done" } else { "nothing to change" })?;
        Ok(Found::Nothing)
    }
}
