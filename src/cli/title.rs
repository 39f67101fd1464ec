//! `title`: everything about one title of one profile.

use clap::Args;

use crate::events::TitleId;

use super::answers::{TitlePage, Watch};
use super::client::Client;
use super::failure::Found;
use super::output::say;
use super::reach::Reach;
use super::table;
use super::whose::Person;

/// One title of one profile.
#[derive(Debug, Args)]
pub(super) struct Title {
    /// The title
    #[arg(value_parser = TitleId::new)]
    title: TitleId,
    #[command(flatten)]
    person: Person,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Title {
    /// Asks and prints.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.reach.ask(async |client| self.show(client).await).await
    }

    async fn show(&self, client: &Client) -> anyhow::Result<Found> {
        let (account, profile) = self.person.one(client).await?;
        let path = ["v1", "accounts", account.as_str(), "profiles", profile.as_str(), "titles"];
        let url = client.url(&[&path[..], &[self.title.as_str()]].concat())?;
        let reply = client.get(url).await?;
        if self.json {
            return reply.print();
        }
        let page: TitlePage = reply.read()?;
        say(table::facts(facts(&page)))?;
        if !page.watches.is_empty() {
            say(format_args!("\n{}", table::text(watched(&page.watches))))?;
        }
        Ok(Found::Nothing)
    }
}

fn watched(watches: &[Watch]) -> comfy_table::Table {
    let mut shown = table::table(["LAST PLAYED", ">PLAYED", ">AT", ">OF", "FINISHED", "DEVICE"]);
    for watch in watches {
        shown.add_row(table::row([
            table::time(watch.last_at),
            table::duration(watch.played_ms),
            table::duration(watch.position_ms),
            table::known(watch.duration_ms),
            table::mark(watch.finished),
            watch.device.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]));
    }
    shown
}

fn facts(page: &TitlePage) -> [(&'static str, String); 7] {
    let times = match page.times_finished {
        0 => "no".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let seen = page.share_seen.map(|share| format!("{:.0} %", share * 100.0));
    let position = match page.duration_ms {
        Some(ms) => format!("{} of {}", table::duration(page.position_ms), table::duration(ms)),
        None => table::duration(page.position_ms),
    };
    let about = if page.approximate { "about " } else { "" };
    let watched = Some(stretches(&page.watched)).filter(|watched| !watched.is_empty());
    [
        ("title", table::name_and_id(&page.title)),
        ("finished", if page.finished { times } else { "no".to_owned() }),
        ("position", position),
        ("seen", seen.unwrap_or_default()),
        ("watched", watched.map(|watched| format!("{about}{watched}")).unwrap_or_default()),
        ("skipped", stretches(&page.skipped)),
        ("hidden", if page.hidden { "yes" } else { "no" }.to_owned()),
    ]
}

fn stretches(of: &[(u64, u64)]) -> String {
    let each =
        of.iter().map(|(from, to)| format!("{}-{}", table::duration(*from), table::duration(*to)));
    each.collect::<Vec<_>>().join(", ")
}
