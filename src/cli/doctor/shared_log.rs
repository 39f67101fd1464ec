//! A log that nodes share: its hosts, its tables and their copies, and each of its nodes.

use std::collections::BTreeMap;

use super::{Findings, clocks};
use crate::cli::failure::Failure;
use crate::cli::seams::{
    self, Acknowledges, CassandraOpenError, Difference, NodeFound, Replication, Schema, Settings,
};
use crate::events::SystemClock;

/// Looks at it; false when there is none.
pub(super) async fn look(settings: &Settings, findings: &mut Findings) -> anyhow::Result<bool> {
    let Some(log) = seams::shared_log(settings).await else { return Ok(false) };
    for (host, why) in &log.away {
        let todo = "start it, let this machine in, or take it out of the log's address";
        findings.wrong(&format!("log: host {host} cannot be reached: {why}"), todo)?;
    }
    let schema = match log.schema {
        Ok(schema) => schema,
        Err(error) => {
            unusable(&error, findings)?;
            return Ok(true);
        }
    };
    if log.away.is_empty() {
        findings.fine(format_args!("log: every host of {} can be reached", log.url))?;
    }
    tables(&schema, &log.url.keyspace, findings).await?;
    for node in schema.nodes(&SystemClock).await {
        look_at(&node, findings)?;
    }
    Ok(true)
}

fn unusable(error: &CassandraOpenError, findings: &mut Findings) -> Result<(), Failure> {
    let todo = match error {
        CassandraOpenError::Datacentre { .. } => "name one of them with ?dc= in the log's address",
        CassandraOpenError::Tls(_) => {
            "tls.ca_file, tls.certificate_file and tls.key_file say whom to believe"
        }
        CassandraOpenError::Unreachable { .. } => {
            findings.is_unreachable = true;
            "see that its nodes run, and let this host and its user in"
        }
        CassandraOpenError::Schema { .. } | CassandraOpenError::Refused(_) => {
            "see that its user may read and write the keyspace"
        }
    };
    findings.wrong(&format!("log: {error}"), todo)
}

async fn tables(schema: &Schema, keyspace: &str, findings: &mut Findings) -> anyhow::Result<()> {
    match schema.check(None).await {
        Ok(differences) if differences.is_empty() => {
            findings.fine("log: its tables are as they should be")?;
        }
        Ok(differences) => {
            for Difference { what, remedy } in differences {
                findings.wrong(&format!("log: {what}"), &remedy)?;
            }
        }
        Err(error) => {
            let todo = "see that its user may read the schema";
            findings.wrong(&format!("log: {error}"), todo)?;
        }
    }
    copies(&schema.copies().await.unwrap_or_default(), keyspace, findings)?;
    Ok(())
}

/// What too few copies lose.
fn copies(
    copies: &BTreeMap<String, String>,
    keyspace: &str,
    findings: &mut Findings,
) -> Result<(), Failure> {
    for (datacentre, count) in copies {
        let loses = match count.parse::<usize>() {
            Ok(1) => {
                "one copy: while its node is away nothing is recorded there, and with its disk \
                 what was recorded is lost"
            }
            Ok(2) => {
                "two copies, and a quorum is both: while a node is away nothing is recorded there"
            }
            _ => continue,
        };
        let usual = Replication::of(datacentre, Replication::USUAL).to_cql();
        let todo = format!(
            "with three nodes there: ALTER KEYSPACE {keyspace} WITH replication = {usual}, with \
             the other datacentres, then nodetool repair --full {keyspace}"
        );
        findings.wrong(&format!("log: datacentre {datacentre} keeps {loses}"), &todo)?;
    }
    Ok(())
}

fn look_at(node: &NodeFound, findings: &mut Findings) -> Result<(), Failure> {
    let address = &node.address;
    if let Some(Difference { what, remedy }) = node.difference() {
        findings.wrong(&format!("log: {what}"), &remedy)?;
    }
    let Ok(answer) = &node.answer else { return Ok(()) };
    clocks::compared(&format!("the log's node {address}"), answer.ahead_ms, findings)?;
    match answer.acknowledges {
        Acknowledges::Synced => findings.fine(format_args!(
            "log: node {address} answers, and acknowledges what is on its disk"
        )),
        Acknowledges::Early(_) => Ok(()),
        Acknowledges::Unknown => findings.note(format_args!(
            "log: node {address} answers; whether it acknowledges writes before they are on disk \
             is not known (commitlog_sync)"
        )),
    }
}
