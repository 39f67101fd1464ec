//! `token create`: an access token, printed alone.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::events::{AccountId, ProfileId};

use super::failure::Found;
use super::output::{say, warn};
use super::seams::{self, Given, GivenAuth, Scopes, Wanted};
use super::words;

const AFTER_HELP: &str = "\
Scopes: record (facts, hide and watched, erasing a play or a title), read (answers, the feed, the
export), admin (operations, erasing a profile or the account).

The token is signed with the secret that the configuration names. Where it names no key at all, one
is made in the data directory at the first use (auth-secret, for its owner alone), and `viewlog
serve` with the same data directory takes it from there, with no further setting:

  viewlog token create --account home --scope record,read
  viewlog serve --listen 0.0.0.0:7070

A server that runs already has to be started again for it. A token cannot be taken back before it
expires, but by another key: make it good for no longer than it is needed.";

/// Makes access tokens.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print a token for an account, or for all of them
    Create(Create),
}

/// What the token is to say.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["account", "all"]))]
#[command(after_help = AFTER_HELP)]
struct Create {
    /// The household
    #[arg(long, value_name = "A", value_parser = account)]
    account: Option<AccountId>,
    /// All accounts, for a service or an operator
    #[arg(long)]
    all: bool,
    /// What may be done with it: words of record,read,admin
    #[arg(long, value_name = "WORDS", value_parser = scopes)]
    scope: Scopes,
    /// Nothing but this person's
    #[arg(long, value_name = "P", value_parser = ProfileId::new, conflicts_with = "all")]
    profile: Option<ProfileId>,
    /// How long it is good, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = words::length, default_value = "30d")]
    ttl: i64,
    /// How many streams may play at a time: kept in the token, not counted yet
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    streams: Option<u32>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    auth: GivenAuth,
}

impl Token {
    /// Makes it and prints it.
    pub(super) async fn run(self) -> anyhow::Result<Found> {
        let Verb::Create(create) = self.verb;
        create.run()
    }
}

impl Create {
    fn run(self) -> anyhow::Result<Found> {
        let wanted = Wanted {
            account: self.account,
            profile: self.profile,
            scopes: self.scope,
            streams: self.streams,
            good_for_ms: self.ttl,
        };
        let Self { data, config, auth, .. } = self;
        let given = Given { data, config, auth, ..Given::default() };
        let (token, file) = seams::token(&seams::settings_without_node(given)?.config, wanted)?;
        if let Some(file) = file {
            warn(format_args!(
                "made a key in {}; a server that runs already has to be started again to take it",
                file.display()
            ));
        }
        say(token)?;
        Ok(Found::Nothing)
    }
}

fn account(text: &str) -> Result<AccountId, String> {
    if text == "*" {
        return Err("stands for all accounts in a token; say --all".to_owned());
    }
    AccountId::new(text).map_err(|error| error.to_string())
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let mut scopes = Scopes::default();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        match word {
            "record" => scopes.record = true,
            "read" => scopes.read = true,
            "admin" => scopes.admin = true,
            other => return Err(format!("{other:?} is no scope; there are record, read, admin")),
        }
    }
    if scopes == Scopes::default() {
        return Err("names nothing; write words of record,read,admin".to_owned());
    }
    Ok(scopes)
}
