//! `watch-time`: how much was watched, by day, week or month.

use clap::{Args, ValueEnum};
use reqwest::Url;

use crate::events::{AccountId, ProfileId, Timestamp};

use super::answers::{Items, WatchTime as Bucket};
use super::client::{Client, with};
use super::failure::{Failure, Found};
use super::output::say;
use super::reach::Reach;
use super::table;
use super::whose::Person;
use super::words;

/// How much was watched.
#[derive(Debug, Args)]
pub(super) struct WatchTime {
    #[command(flatten)]
    person: Person,
    /// From this time on
    #[arg(long, value_name = "T", value_parser = words::instant)]
    from: Option<Timestamp>,
    /// Up to this time
    #[arg(long, value_name = "T", value_parser = words::instant)]
    to: Option<Timestamp>,
    /// How long a line's time is
    #[arg(long, value_enum, default_value_t = By::Day)]
    by: By,
    /// The time zone in which days begin, such as Europe/Berlin
    #[arg(long, value_name = "Z", default_value = "UTC", value_parser = words::time_zone)]
    tz: chrono_tz::Tz,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Day,
    Week,
    Month,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl WatchTime {
    /// Asks and prints.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.reach.ask(async |client| self.show(client).await).await
    }

    async fn show(&self, client: &Client) -> anyhow::Result<Found> {
        if self.json {
            let Some((account, profile)) = self.person.one_to_list(client).await? else {
                return Ok(Found::Nothing);
            };
            return client.get(self.url(client, &account, &profile)?).await?.print();
        }
        let (account, profiles) = self.person.all(client).await?;
        let mut shown = table::table(["PROFILE", "FROM", ">PLAYED"]);
        let mut total_ms: u64 = 0;
        for profile in profiles {
            let reply = client.get(self.url(client, &account, &profile)?).await?;
            let buckets: Items<Bucket> = reply.read()?;
            for bucket in buckets.items {
                total_ms = total_ms.saturating_add(bucket.played_ms);
                let from = bucket.from.to_utc().with_timezone(&self.tz).date_naive();
                shown.add_row(table::row([
                    profile.to_string(),
                    from.to_string(),
                    table::duration(bucket.played_ms),
                ]));
            }
        }
        if shown.is_empty() {
            say("nothing was watched")?;
            return Ok(Found::Nothing);
        }
        shown.add_row(table::row([String::new(), "in all".to_owned(), table::duration(total_ms)]));
        say(table::text(shown))?;
        Ok(Found::Nothing)
    }

    fn url(
        &self,
        client: &Client,
        account: &AccountId,
        profile: &ProfileId,
    ) -> Result<Url, Failure> {
        let (account, profile) = (account.as_str(), profile.as_str());
        let path = ["v1", "accounts", account, "profiles", profile, "watch-time"];
        let mut url = with(client.url(&path)?, "from", self.from);
        url = with(url, "to", self.to);
        url = with(url, "by", Some(self.by.as_str()));
        Ok(with(url, "tz", Some(self.tz.name())))
    }
}
