//! `now` and `profiles`: the questions about a household.

use clap::Args;

use super::answers::{Items, Now, Profile};
use super::client::Client;
use super::failure::Found;
use super::output::say;
use super::reach::Reach;
use super::table;
use super::whose::Household;

/// A question about a household.
#[derive(Debug, Args)]
pub(super) struct AboutHousehold {
    #[command(flatten)]
    household: Household,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

/// What is playing.
pub(super) async fn now(asked: &AboutHousehold) -> anyhow::Result<Found> {
    asked.reach.ask(async |client| show_now(asked, client).await).await
}

/// Who has watched.
pub(super) async fn profiles(asked: &AboutHousehold) -> anyhow::Result<Found> {
    asked.reach.ask(async |client| show_profiles(asked, client).await).await
}

async fn show_now(asked: &AboutHousehold, client: &Client) -> anyhow::Result<Found> {
    let account = asked.household.account(client)?;
    let reply = client.get(client.url(&["v1", "accounts", account.as_str(), "now"])?).await?;
    if asked.json {
        return reply.print();
    }
    let now: Now = reply.read()?;
    if now.playing.is_empty() {
        say("nothing is playing")?;
        return Ok(Found::Nothing);
    }
    let mut shown = table::table(["PROFILE", "TITLE", "PHASE", ">AT", ">OF", "DEVICE"]);
    for playing in now.playing {
        shown.add_row(table::row([
            playing.profile,
            table::name_and_id(&playing.title),
            playing.phase,
            table::duration(playing.position_ms),
            table::known(playing.duration_ms),
            playing.device.unwrap_or_default(),
        ]));
    }
    say(table::text(shown))?;
    Ok(Found::Nothing)
}

async fn show_profiles(asked: &AboutHousehold, client: &Client) -> anyhow::Result<Found> {
    let account = asked.household.account(client)?;
    let reply = client.get(client.url(&["v1", "accounts", account.as_str(), "profiles"])?).await?;
    if asked.json {
        return reply.print();
    }
    let seen: Items<Profile> = reply.read()?;
    if seen.items.is_empty() {
        say(format_args!("nobody has watched anything on account {account}"))?;
        return Ok(Found::Nothing);
    }
    let mut shown = table::table(["PROFILE", "LAST SEEN"]);
    for profile in seen.items {
        shown.add_row(table::row([profile.profile, table::time(profile.last_at)]));
    }
    say(table::text(shown))?;
    Ok(Found::Nothing)
}
