//! `resume` and `continue`: where to go on, and why there.

use clap::Args;

use crate::events::{AccountId, Kind, ProfileId, Timestamp, TitleId};

use super::answers::{Explain, Items, Resume as Point};
use super::client::{Client, with};
use super::failure::Found;
use super::output::say;
use super::reach::Reach;
use super::table;
use super::whose::Person;
use super::words;

/// Where one title stopped, or every title that can go on.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The title; without one, everything that can go on
    #[arg(value_parser = TitleId::new)]
    title: Option<TitleId>,
    #[command(flatten)]
    person: Person,
    /// How it was at this time
    #[arg(long, value_name = "T", value_parser = words::instant)]
    as_of: Option<Timestamp>,
    /// Say which play decided, which lost, and why
    #[arg(long, requires = "title")]
    explain: bool,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

/// What to go on with.
#[derive(Debug, Args)]
pub(super) struct Continue {
    #[command(flatten)]
    person: Person,
    /// At most so many titles of each profile
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Resume {
    /// Asks and prints.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.reach
            .ask(async |client| match &self.title {
                Some(title) => self.show_one(client, title).await,
                None => {
                    let list = List { as_of: self.as_of, limit: None, json: self.json };
                    list.show(client, &self.person).await
                }
            })
            .await
    }

    async fn show_one(&self, client: &Client, title: &TitleId) -> anyhow::Result<Found> {
        let (account, profile) = self.person.one(client).await?;
        let path = ["v1", "accounts", account.as_str(), "profiles", profile.as_str(), "resume"];
        let mut url = client.url(&[&path[..], &[title.as_str()]].concat())?;
        url = with(url, "as_of", self.as_of);
        url = with(url, "explain", self.explain.then_some(true));
        let reply = client.get(url).await?;
        if self.json {
            return reply.print();
        }
        show_point(&reply.read()?)?;
        Ok(Found::Nothing)
    }
}

impl Continue {
    /// Asks and prints.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let list = List { as_of: None, limit: Some(self.limit), json: self.json };
        self.reach.ask(async |client| list.show(client, &self.person).await).await
    }
}

/// Everything that can go on.
struct List {
    as_of: Option<Timestamp>,
    limit: Option<u32>,
    json: bool,
}

impl List {
    async fn show(&self, client: &Client, person: &Person) -> anyhow::Result<Found> {
        if self.json {
            let Some((account, profile)) = person.one_to_list(client).await? else {
                return Ok(Found::Nothing);
            };
            return client.get(self.url(client, &account, &profile)?).await?.print();
        }
        let (account, profiles) = person.all(client).await?;
        let mut shown = table::table(["PROFILE", "TITLE", ">GO ON AT", ">OF", "LAST MOVED"]);
        for profile in profiles {
            let reply = client.get(self.url(client, &account, &profile)?).await?;
            let points: Items<Point> = reply.read()?;
            for point in points.items {
                shown.add_row(table::row([
                    profile.to_string(),
                    table::name_and_id(&point.title),
                    table::duration(point.resume_at_ms),
                    table::known(point.duration_ms),
                    table::time(point.moved_at),
                ]));
            }
        }
        if shown.is_empty() {
            say("nothing to go on with")?;
        } else {
            say(table::text(shown))?;
        }
        Ok(Found::Nothing)
    }

    fn url(
        &self,
        client: &Client,
        account: &AccountId,
        profile: &ProfileId,
    ) -> anyhow::Result<reqwest::Url> {
        let (account, profile) = (account.as_str(), profile.as_str());
        let path = ["v1", "accounts", account, "profiles", profile, "continue-watching"];
        let url = with(client.url(&path)?, "limit", self.limit);
        Ok(with(url, "as_of", self.as_of))
    }
}

fn show_point(point: &Point) -> anyhow::Result<()> {
    say(table::facts([
        ("title", table::name_and_id(&point.title)),
        ("go on at", table::duration(point.resume_at_ms)),
        ("stopped at", of(point.position_ms, point.duration_ms)),
        ("finished", finished(point)),
        ("last moved", table::time(point.moved_at)),
        ("device", point.device.clone().unwrap_or_default()),
        ("session", point.session.clone()),
    ]))?;
    if !point.alternatives.is_empty() {
        let mut others = table::table([">OR AT", "LAST MOVED", "DEVICE AND SESSION"]);
        for other in &point.alternatives {
            others.add_row(table::row([
                table::duration(other.position_ms),
                table::time(other.moved_at),
                lines(other.device.as_deref(), &other.session),
            ]));
        }
        say(format_args!("\n{}", table::text(others)))?;
    }
    point.explain.as_ref().map_or(Ok(()), show_reasons)
}

/// One below the other: a session's id is too wide to stand beside much.
fn lines(device: Option<&str>, session: &str) -> String {
    device.map_or_else(|| session.to_owned(), |device| format!("{device}\n{session}"))
}

fn of(position_ms: u64, duration_ms: Option<u64>) -> String {
    let position = table::duration(position_ms);
    match duration_ms {
        Some(duration_ms) => format!("{position} of {}", table::duration(duration_ms)),
        None => position,
    }
}

fn finished(point: &Point) -> String {
    match (point.finished, point.times_finished) {
        (true, times) => format!("this time; {times} in all"),
        (false, 0) => "never".to_owned(),
        (false, times) => format!("not this time; {times} in all"),
    }
}

fn show_reasons(explain: &Explain) -> anyhow::Result<()> {
    let by = &explain.decided_by;
    let (kind, at) = (table::plain(&by.kind), table::time(by.at));
    let session = table::plain(&by.session);
    let is_fact = Kind::ALL.iter().any(|known| known.as_str() == by.kind);
    let which = if is_fact { format!("fact {} of session {session}", by.seq) } else { session };
    say(format_args!("\ndecided by {kind} at {at}\n  {which}"))?;
    if explain.others.is_empty() {
        return Ok(());
    }
    let mut lost = table::table(["LOST BECAUSE", ">AT", "LAST MOVED", "SESSION"]);
    for other in &explain.others {
        lost.add_row(table::row([
            reason(&other.reason).to_owned(),
            table::duration(other.position_ms),
            table::time(other.moved_at),
            other.session.clone(),
        ]));
    }
    say(format_args!("\n{}", table::text(lost)))?;
    Ok(())
}

fn reason(code: &str) -> &str {
    match code {
        "did_not_claim" => "too short",
        "marked" => "overruled",
        other => other,
    }
}
