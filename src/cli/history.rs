//! `history`: what was watched, last played first.

use clap::Args;
use reqwest::Url;

use crate::events::{AccountId, ProfileId, Timestamp, TitleId};

use super::answers::{Items, Watch};
use super::client::{Client, with};
use super::failure::{Failure, Found};
use super::output::{say, warn};
use super::reach::Reach;
use super::table;
use super::whose::Person;
use super::words;

/// The most that a server puts on one page.
pub(super) const PAGE_MAX: usize = 500;

/// What was watched.
#[derive(Debug, Args)]
pub(super) struct History {
    #[command(flatten)]
    person: Person,
    /// At most so many watches of each profile
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Watched at or after this time
    #[arg(long, value_name = "T", value_parser = words::instant)]
    from: Option<Timestamp>,
    /// Begun before this time
    #[arg(long, value_name = "T", value_parser = words::instant)]
    to: Option<Timestamp>,
    /// Of this title alone
    #[arg(long, value_name = "TITLE", value_parser = TitleId::new)]
    title: Option<TitleId>,
    /// With --json: go on where this `next` of an earlier answer says
    #[arg(long, value_name = "NEXT", requires = "json")]
    cursor: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl History {
    /// Asks and prints.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.reach.ask(async |client| self.show(client).await).await
    }

    async fn show(&self, client: &Client) -> anyhow::Result<Found> {
        if self.json {
            let Some((account, profile)) = self.person.one_to_list(client).await? else {
                return Ok(Found::Nothing);
            };
            let url = with(self.url(client, &account, &profile)?, "limit", Some(self.limit));
            return client.get(with(url, "cursor", self.cursor.as_ref())).await?.print();
        }
        let (account, profiles) = self.person.all(client).await?;
        let is_alone = profiles.len() == 1;
        let mut is_first = true;
        for profile in profiles {
            let mut pages = Pages::new(self.url(client, &account, &profile)?);
            let mut watches = Vec::new();
            let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
            while let Some(page) = pages.next(client, most - watches.len()).await? {
                watches.extend(page);
                watches.truncate(most);
            }
            if watches.is_empty() {
                continue;
            }
            if !is_alone {
                say(format_args!("{}{profile}:", if is_first { "" } else { "\n" }))?;
            }
            is_first = false;
            say(table::text(watched(&watches)))?;
            if pages.has_more() {
                warn(format_args!("{profile} has watched more; --limit shows it"));
            }
        }
        if is_first {
            say("nothing was watched")?;
        }
        Ok(Found::Nothing)
    }

    fn url(
        &self,
        client: &Client,
        account: &AccountId,
        profile: &ProfileId,
    ) -> Result<Url, Failure> {
        let url = with(url(client, account, profile)?, "from", self.from);
        Ok(with(with(url, "to", self.to), "title", self.title.as_ref()))
    }
}

/// Where a profile's history is.
pub(super) fn url(
    client: &Client,
    account: &AccountId,
    profile: &ProfileId,
) -> Result<Url, Failure> {
    let (account, profile) = (account.as_str(), profile.as_str());
    client.url(&["v1", "accounts", account, "profiles", profile, "history"])
}

/// A history, page by page.
pub(super) struct Pages {
    url: Url,
    cursor: Option<String>,
    is_begun: bool,
}

impl Pages {
    pub(super) fn new(url: Url) -> Self {
        Self { url, cursor: None, is_begun: false }
    }

    /// At most so many further watches; none when there are no more.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        most: usize,
    ) -> Result<Option<Vec<Watch>>, Failure> {
        if most == 0 || (self.is_begun && self.cursor.is_none()) {
            return Ok(None);
        }
        let url = with(self.url.clone(), "limit", Some(most.min(PAGE_MAX)));
        let url = with(url, "cursor", self.cursor.as_ref());
        let page: Items<Watch> = client.get(url).await?.read()?;
        // A server that gave the same cursor again would be asked for ever.
        self.cursor = page.next.filter(|next| self.cursor.as_ref() != Some(next));
        self.is_begun = true;
        Ok(Some(page.items))
    }

    fn has_more(&self) -> bool {
        self.cursor.is_some()
    }
}

fn watched(watches: &[Watch]) -> comfy_table::Table {
    let mut shown = table::table(["LAST PLAYED", "TITLE", ">PLAYED", ">AT", ">OF", "DONE"]);
    for watch in watches {
        shown.add_row(table::row([
            table::time(watch.last_at),
            table::name_and_id(&watch.title),
            table::duration(watch.played_ms),
            table::duration(watch.position_ms),
            table::known(watch.duration_ms),
            table::mark(watch.finished),
        ]));
    }
    shown
}
