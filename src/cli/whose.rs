//! Whose history a command is about.

use clap::Args;
use reqwest::Url;

use crate::events::{AccountId, ProfileId};

use super::answers::{Items, Profile};
use super::client::Client;
use super::failure::Failure;

/// The household.
#[derive(Debug, Args)]
pub(super) struct Household {
    /// The household [env: VIEWLOG_ACCOUNT]
    #[arg(long, value_name = "A", value_parser = AccountId::new)]
    account: Option<AccountId>,
}

impl Household {
    /// The account that is meant.
    pub(super) fn account(&self, client: &Client) -> Result<AccountId, Failure> {
        client.account(self.account.as_ref())
    }

    /// The account that was named in this very command.
    pub(super) fn named(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }
}

/// A person in a household; may be left out where there is but one.
#[derive(Debug, Args)]
pub(super) struct Person {
    #[command(flatten)]
    household: Household,
    /// The person in it; may be left out where there is but one
    #[arg(long, value_name = "P", value_parser = ProfileId::new)]
    profile: Option<ProfileId>,
}

impl Person {
    /// The account and the one profile that is meant.
    pub(super) async fn one(&self, client: &Client) -> Result<(AccountId, ProfileId), Failure> {
        let (account, profiles) = self.all(client).await?;
        Self::only(account, &profiles)
    }

    /// The same, of whom a list is asked as JSON. Where the account has nobody yet, its empty list
    /// of profiles is printed, which has the shape of any other, and there is none.
    pub(super) async fn one_to_list(
        &self,
        client: &Client,
    ) -> anyhow::Result<Option<(AccountId, ProfileId)>> {
        let (account, profiles) = self.all(client).await?;
        if profiles.is_empty() {
            client.get(url_of_profiles(client, &account)?).await?.print()?;
            return Ok(None);
        }
        Ok(Some(Self::only(account, &profiles)?))
    }

    fn only(account: AccountId, profiles: &[ProfileId]) -> Result<(AccountId, ProfileId), Failure> {
        match profiles {
            [profile] => Ok((account, profile.clone())),
            [] => Err(Failure::Refused(format!("account {account} has no profile yet"))),
            several => {
                let names: Vec<&str> = several.iter().map(ProfileId::as_str).collect();
                Err(Failure::Wrong(format!(
                    "account {account} has several profiles; name one with --profile: {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// The account and the profile that is named, or else all of them.
    pub(super) async fn all(
        &self,
        client: &Client,
    ) -> Result<(AccountId, Vec<ProfileId>), Failure> {
        let account = self.household.account(client)?;
        let profiles = match &self.profile {
            Some(profile) => vec![profile.clone()],
            None => profiles(client, &account).await?,
        };
        Ok((account, profiles))
    }
}

fn url_of_profiles(client: &Client, account: &AccountId) -> Result<Url, Failure> {
    client.url(&["v1", "accounts", account.as_str(), "profiles"])
}

/// Every profile that an account has seen.
pub(super) async fn profiles(
    client: &Client,
    account: &AccountId,
) -> Result<Vec<ProfileId>, Failure> {
    let url = url_of_profiles(client, account)?;
    let seen: Items<Profile> = client.get(url).await?.read()?;
    let profiles = seen.items.iter().map(|seen| ProfileId::new(&seen.profile));
    profiles
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Unavailable(format!("the server named a profile that {error}")))
}
