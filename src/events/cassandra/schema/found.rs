//! The tables as they are, from the store's own description of them.

use std::collections::{BTreeMap, HashMap};

use scylla::client::session::Session;
use scylla::response::query_result::QueryRowsResult;

use crate::events::cassandra::tables::{Table, describe_key};

/// A keyspace as it is.
pub(super) struct Keyspace {
    pub(super) is_durable: bool,
    /// By datacentre.
    pub(super) copies: BTreeMap<String, String>,
}

pub(super) async fn found_keyspace(
    session: &Session,
    keyspace: &str,
) -> Result<Option<Keyspace>, String> {
    let query = "SELECT durable_writes, replication FROM system_schema.keyspaces \
         WHERE keyspace_name = ?";
    let rows = ask(session, query, keyspace).await?;
    let row = rows.maybe_first_row::<(bool, HashMap<String, String>)>().map_err(words)?;
    Ok(row.map(|(is_durable, replication)| Keyspace {
        is_durable,
        copies: replication.into_iter().filter(|(name, _)| name != "class").collect(),
    }))
}

/// How many nodes a datacentre has, by what the driver or any node's own list of its peers knows.
pub(super) async fn count_nodes(session: &Session, datacentre: &str) -> usize {
    let state = session.get_cluster_state();
    let here = |of: Option<&str>| of == Some(datacentre);
    let known = state.get_nodes_info().iter().filter(|node| here(node.datacenter.as_deref()));
    let mut listed = 0;
    for table in ["local", "peers"] {
        let query = format!("SELECT data_center FROM system.{table}");
        let answer = session.query_unpaged(query, ()).await.ok();
        let rows = answer.and_then(|answer| answer.into_rows_result().ok());
        let Some(rows) = rows else { continue };
        let Ok(rows) = rows.rows::<(Option<String>,)>() else { continue };
        listed += rows.flatten().filter(|(of,)| here(of.as_deref())).count();
    }
    known.count().max(listed)
}

pub(super) async fn found_tables(
    session: &Session,
    keyspace: &str,
) -> Result<BTreeMap<String, Table>, String> {
    let query = "SELECT table_name, compaction, default_time_to_live, gc_grace_seconds \
         FROM system_schema.tables WHERE keyspace_name = ?";
    let rows = ask(session, query, keyspace).await?;
    let mut tables = BTreeMap::new();
    for row in rows.rows::<(String, HashMap<String, String>, i32, i32)>().map_err(words)? {
        let (name, compaction, kept_s, grace_s) = row.map_err(words)?;
        let class = compaction.get("class").map_or("", String::as_str);
        let class = class.rsplit('.').next().unwrap_or(class);
        let options = [
            ("compaction", format!("{{'class': '{class}'}}")),
            ("default_time_to_live", kept_s.to_string()),
            ("gc_grace_seconds", grace_s.to_string()),
        ];
        let options = options.map(|(name, value)| (name.to_owned(), value)).into();
        tables.insert(name.clone(), Table { name, options, ..Table::default() });
    }
    add_columns(session, keyspace, &mut tables).await?;
    Ok(tables)
}

async fn add_columns(
    session: &Session,
    keyspace: &str,
    tables: &mut BTreeMap<String, Table>,
) -> Result<(), String> {
    let query = "SELECT table_name, column_name, type, kind, position, clustering_order \
         FROM system_schema.columns WHERE keyspace_name = ?";
    let rows = ask(session, query, keyspace).await?;
    let mut keys: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    let found = rows.rows::<(String, String, String, String, i32, String)>().map_err(words)?;
    for row in found {
        let (table, column, kind, role, position, order) = row.map_err(words)?;
        if role != "regular" {
            let is_clustering = role == "clustering";
            let part = Part {
                is_clustering,
                position,
                column: column.clone(),
                order: order.to_uppercase(),
            };
            keys.entry(table.clone()).or_default().push(part);
        }
        if let Some(table) = tables.get_mut(&table) {
            table.columns.insert(column, kind);
        }
    }
    for (table, mut parts) in keys {
        parts.sort();
        if let Some(table) = tables.get_mut(&table) {
            table.key = key_of(&parts);
        }
    }
    Ok(())
}

/// A column of a key; the partition's come first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    is_clustering: bool,
    position: i32,
    column: String,
    order: String,
}

fn key_of(parts: &[Part]) -> String {
    let of =
        |is_clustering: bool| parts.iter().filter(move |part| part.is_clustering == is_clustering);
    let clustering = of(true).map(|part| (part.column.as_str(), part.order.as_str()));
    describe_key(of(false).map(|part| part.column.as_str()), clustering)
}

async fn ask(session: &Session, query: &str, keyspace: &str) -> Result<QueryRowsResult, String> {
    let answer = session.query_unpaged(query, (keyspace,)).await.map_err(words)?;
    answer.into_rows_result().map_err(words)
}

/// The driver's words, for operators.
fn words(error: impl ToString) -> String {
    error.to_string()
}
