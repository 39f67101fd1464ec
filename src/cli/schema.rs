//! `schema`: the tables of a fleet's log, shown, made, and compared with what they should be.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::failure::{Failure, Found};
use super::output::say;
use super::seams::{
    self, CassandraOpenError, ConfiguredLog, Difference, Given, Replication, Schema as Tables,
    SchemaError,
};

/// What Cassandra calls a datacentre that nobody named.
const DATACENTRE_USUAL: &str = "datacenter1";

/// The tables of a log on Cassandra or ScyllaDB.
#[derive(Debug, Args)]
pub(super) struct Schema {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the CQL that apply would run on Cassandra (for ScyllaDB it leaves out what that has
    /// not); works without a server too
    Print(Store),
    /// Make the keyspace and the tables that are missing; nothing that is there is changed
    Apply(Store),
    /// Say what differs from what it should be, and what puts it right
    Check(Store),
}

/// Which keyspace, where.
#[derive(Debug, Args)]
struct Store {
    /// The log, such as cassandra://h1,h2:9042/viewlog?dc=dc1 [env: VIEWLOG_LOG]
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// The configuration file, which may name the log too [env: VIEWLOG_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Copies by datacentre, such as dc1:3,dc2:3 [default: the URL's datacentre, up to 3]
    #[arg(long, value_name = "DC:COPIES,…")]
    replication: Option<Replication>,
}

impl Store {
    fn find(self) -> Result<(ConfiguredLog, Option<Replication>), Failure> {
        let given = Given { log: self.log, config: self.config, ..Given::default() };
        Ok((seams::log_on_cassandra(given)?, self.replication))
    }
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

/// Needs no server: where none answers it says what it takes for granted.
async fn print(store: Store) -> anyhow::Result<Found> {
    let (log, replication) = store.find()?;
    let url = &log.url;
    let (replication, assumed) = match replication {
        Some(replication) => (replication, None),
        None => match log.connect().await {
            Ok(tables) => (tables.default_replication(), None),
            Err(CassandraOpenError::Unreachable { hosts, .. }) => {
                let datacentre = url.datacentre.as_deref().unwrap_or(DATACENTRE_USUAL);
                let replication = Replication::of(datacentre, Replication::USUAL);
                (replication, Some(hosts))
            }
            Err(error) => return Err(Failure::Wrong(error.to_string()).into()),
        },
    };
    if let Some(hosts) = assumed {
        say(format_args!(
            "-- No node answers at {hosts}: copies {replication} are assumed; --replication says \
             otherwise.\n"
        ))?;
    }
    say(seams::schema_text(&url.keyspace, &replication).trim_end())?;
    Ok(Found::Nothing)
}

async fn apply(store: Store) -> anyhow::Result<Found> {
    let (log, asked) = store.find()?;
    let (url, tables) = (&log.url, connected(&log).await?);
    let replication = asked.clone().unwrap_or_else(|| tables.default_replication());
    tables.apply(&replication).await.map_err(failure)?;
    // What was there before keeps its copies.
    let copies = tables.copies().await.map_err(failure)?;
    let told = copies.iter().map(|(datacentre, copies)| format!("{datacentre}:{copies}"));
    let told = told.collect::<Vec<_>>().join(",");
    say(format_args!("ok    keyspace {} keeps copies {told}", url.keyspace))?;
    if asked.is_none() {
        few_copies(&tables, &url.keyspace, &copies)?;
    }
    say_all(&tables.check(asked.as_ref()).await.map_err(failure)?)
}

/// What was chosen may be too few: nodes that are about to join are not seen yet.
fn few_copies(
    tables: &Tables,
    keyspace: &str,
    copies: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let (datacentre, seen) = tables.nodes_seen();
    let kept = copies.get(datacentre).and_then(|copies| copies.parse::<usize>().ok());
    if kept.is_none_or(|kept| kept >= Replication::USUAL) {
        return Ok(());
    }
    let nodes = if seen == 1 { "node of" } else { "nodes of" };
    let copies = Replication::USUAL;
    let usual = Replication::of(datacentre, copies).to_cql();
    say(format_args!(
        "note  {seen} {nodes} {datacentre} can be seen; once there are {copies} run"
    ))?;
    say(format_args!("      ALTER KEYSPACE {keyspace} WITH replication = {usual}"))?;
    say(format_args!(
        "      with the other datacentres, then nodetool repair --full {keyspace} on each node"
    ))
}

async fn check(store: Store) -> anyhow::Result<Found> {
    let (log, replication) = store.find()?;
    let tables = connected(&log).await?;
    let mut differences = tables.check(replication.as_ref()).await.map_err(failure)?;
    differences.extend(tables.check_nodes().await);
    say_all(&differences)
}

async fn connected(log: &ConfiguredLog) -> Result<Tables, Failure> {
    log.connect().await.map_err(|error| match error {
        CassandraOpenError::Datacentre { .. } => Failure::Wrong(error.to_string()),
        error => Failure::Unavailable(error.to_string()),
    })
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
    match error {
        SchemaError::Datacentre { .. } => Failure::Wrong(error.to_string()),
        error => Failure::Unavailable(error.to_string()),
    }
}
