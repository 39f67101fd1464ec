//! `erase`: a single play, a title, a profile, or a whole account, for good.

use clap::Args;

use crate::events::{AccountId, ProfileId, SessionId, TitleId};

use super::answers::Receipt;
use super::client::{Client, Reply};
use super::failure::{Failure, Found};
use super::output::say;
use super::reach::Reach;
use super::table;
use super::whose::Household;

/// What to erase.
#[derive(Debug, Args)]
pub(super) struct Erase {
    #[command(flatten)]
    household: Household,
    /// The person whose history is erased; without one, everyone's in the account that --account
    /// names
    #[arg(long, value_name = "P", value_parser = ProfileId::new)]
    profile: Option<ProfileId>,
    /// This title alone, as if never seen
    #[arg(long, value_name = "TITLE", value_parser = TitleId::new, requires = "profile")]
    title: Option<TitleId>,
    /// This one play, or told watch, alone: its id in the history
    #[arg(long, value_name = "S", value_parser = SessionId::parse,
          requires = "profile", conflicts_with = "title")]
    session: Option<SessionId>,
    /// Yes, for good: it cannot be undone
    #[arg(long)]
    yes: bool,
    /// Print the server's receipt as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Erase {
    /// Erases and prints the receipt.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let what = self.what()?;
        if !self.yes {
            return Err(Failure::Wrong(format!("{what} cannot be undone; say --yes")).into());
        }
        self.reach
            .ask(async |client| {
                let account = self.household.account(client)?;
                let reply = self.send(client, &account).await?;
                if self.json {
                    return reply.print();
                }
                show(&reply.read()?)?;
                Ok(Found::Nothing)
            })
            .await
    }

    fn what(&self) -> Result<String, Failure> {
        let Some(profile) = &self.profile else {
            // Who forgets a profile is not to lose whatever household the environment names.
            let account = self.household.named().ok_or_else(|| {
                let what = "name a person with --profile, or a whole household with --account";
                Failure::Wrong(what.to_owned())
            })?;
            return Ok(format!("erasing account {account} with everyone in it"));
        };
        Ok(match (&self.title, &self.session) {
            (Some(title), _) => format!("erasing {title} from the history of {profile}"),
            (None, Some(session)) => format!("erasing play {session} of {profile}"),
            (None, None) => format!("erasing the whole history of {profile}"),
        })
    }

    async fn send(&self, client: &Client, account: &AccountId) -> Result<Reply, Failure> {
        let mut path = vec!["v1", "accounts", account.as_str()];
        if let Some(profile) = &self.profile {
            path.extend(["profiles", profile.as_str()]);
        }
        let below = |rest: &[&str]| client.url(&[&path[..], rest].concat());
        match (&self.title, &self.session) {
            (Some(title), _) => {
                client.post(below(&["titles", title.as_str(), "forget"])?, None).await
            }
            (None, Some(session)) => {
                client.delete(below(&["history", &session.to_string()])?).await
            }
            (None, None) => client.delete(below(&[])?).await,
        }
    }
}

fn show(receipt: &Receipt) -> anyhow::Result<()> {
    let deleted: Vec<String> = receipt
        .deleted
        .iter()
        .filter_map(|(what, count)| Some((what, count.as_u64().filter(|count| *count > 0)?)))
        .map(|(what, number)| {
            format!("{} {}", table::count(number), singular(&table::plain(what), number))
        })
        .collect();
    let deleted = if deleted.is_empty() { "nothing".to_owned() } else { deleted.join(", ") };
    let fenced_at = table::time(receipt.fenced_at);
    say(format_args!("erased {deleted}; what happened before {fenced_at} is refused from now on"))?;
    say(format_args!("receipt {}", table::plain(&receipt.receipt)))?;
    for left in &receipt.remaining {
        let left = left.as_str().map_or_else(|| left.to_string(), str::to_owned);
        say(format_args!("still to do: {}", table::plain(&left)))?;
    }
    match (&receipt.url, receipt.status.as_str()) {
        (_, "done") | (None, _) => {}
        (Some(url), status) => {
            say(format_args!("{}; ask again at {}", table::plain(status), table::plain(url)))?;
        }
    }
    Ok(())
}

fn singular(what: &str, number: u64) -> &str {
    if number == 1 { what.trim_end_matches('s') } else { what }
}
