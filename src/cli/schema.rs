//! `schema`: the tables of a fleet's log, shown, made, and compared with what they should be.

use clap::{Args, Subcommand};

use super::failure::{Failure, Found};
use super::output::say;
use super::seams::{self, Difference, Replication, SchemaError};

/// The tables of a log on Cassandra or ScyllaDB.
#[derive(Debug, Args)]
pub(super) struct Schema {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the CQL that apply would run
    Print(Store),
    /// Make the keyspace and the tables that are missing; nothing that is there is changed
    Apply(Store),
    /// Say what differs from what it should be, and what puts it right
    Check(Store),
}

/// Which keyspace, where.
#[derive(Debug, Args)]
struct Store {
    /// The log, such as cassandra://h1,h2:9042/viewlog?dc=dc1 [default: VIEWLOG_LOG]
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Copies by datacentre, such as dc1:3,dc2:3 [default: the URL's datacentre, up to 3]
    #[arg(long, value_name = "DC:COPIES,…")]
    replication: Option<Replication>,
}

impl Schema {
    /// Does it; a check tells by the exit status how it is.
    pub(super) async fn run(self) -> anyhow::Result<Found> {
        match self.what {
            What::Print(store) => print(store).await,
            What::Apply(store) => apply(store).await,
            What::Check(store) => check(store).await,
        }
    }
}

async fn print(store: Store) -> anyhow::Result<Found> {
    let tables = seams::schema(store.log).await?;
    let replication = store.replication.unwrap_or_else(|| tables.default_replication());
    say(tables.text(&replication).trim_end())?;
    Ok(Found::Nothing)
}

async fn apply(store: Store) -> anyhow::Result<Found> {
    let tables = seams::schema(store.log).await?;
    let asked = store.replication;
    let replication = asked.clone().unwrap_or_else(|| tables.default_replication());
    tables.apply(&replication).await.map_err(failure)?;
    // What was there before keeps its copies, unless some were asked for.
    say(format_args!("ok    copies of what was made: {replication}"))?;
    say_all(&tables.check(asked.as_ref()).await.map_err(failure)?)
}

async fn check(store: Store) -> anyhow::Result<Found> {
    let tables = seams::schema(store.log).await?;
    let mut differences = tables.check(store.replication.as_ref()).await.map_err(failure)?;
    differences.extend(tables.check_nodes().await);
    say_all(&differences)
}

fn say_all(differences: &[Difference]) -> anyhow::Result<Found> {
    for Difference { what, remedy } in differences {
        say(format_args!("wrong {what}\n      {remedy}"))?;
    }
    if differences.is_empty() {
        say("ok    every table is as it should be")?;
        return Ok(Found::Nothing);
    }
    Ok(Found::Something)
}

fn failure(error: SchemaError) -> Failure {
    Failure::Unavailable(error.to_string())
}
