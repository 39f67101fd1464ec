//! The tables: made where they are missing, and compared with what they should be. Nothing that is
//! there is ever changed: what differs is said, with the command that puts it right.

mod found;
mod nodes;
mod replication;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::Statement;

use self::found::{Keyspace, count_nodes, found_keyspace, found_tables};
use super::connect::connect;
use super::tables::{self, Table};
use super::{CassandraOptions, OpenError};

pub use self::nodes::{Acknowledges, NodeAnswer, NodeFound, hosts_away};
pub use self::replication::Replication;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub what: String,
    /// What puts it right: a command, or CQL.
    pub remedy: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

/// Why the schema could not be looked at or made.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The store cannot be used at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Copies were asked for where there is nobody.
    #[error("there is no datacentre {named}; this cluster has {known}")]
    Datacentre {
        /// The name that was given.
        named: String,
        /// Those there are.
        known: String,
    },
    /// It does not answer to this; the driver's words are in here, for operators.
    #[error("the store refused: {0}")]
    Refused(String),
}

fn refused(error: impl ToString) -> SchemaError {
    SchemaError::Refused(error.to_string())
}

/// All nodes take part when a table is made, and a busy one takes its time.
const MADE_WITHIN: Duration = Duration::from_secs(60);
const APPLY: &str = "viewlog schema apply --log URL";
/// The compaction that ScyllaDB does not have.
const UNIFIED: &str = "UnifiedCompactionStrategy";

/// A keyspace and its tables, on a store that answers.
pub struct Schema {
    session: Session,
    keyspace: String,
    datacentre: String,
    /// Of this datacentre, as far as they are seen.
    nodes: usize,
}

impl Schema {
    /// Connects.
    ///
    /// # Errors
    /// [`OpenError`], though never because of the tables.
    pub async fn connect(options: &CassandraOptions) -> Result<Self, OpenError> {
        let (session, datacentre) = connect(options).await?;
        let nodes = count_nodes(&session, &datacentre).await;
        Ok(Self { session, keyspace: options.keyspace.clone(), datacentre, nodes })
    }

    /// Up to three copies in this datacentre, as its nodes allow.
    pub fn default_replication(&self) -> Replication {
        Replication::of(&self.datacentre, self.nodes.clamp(1, Replication::USUAL))
    }

    /// The datacentre, and how many nodes of it are seen: right after a start not all may be.
    pub fn nodes_seen(&self) -> (&str, usize) {
        (&self.datacentre, self.nodes)
    }

    /// How many copies each datacentre keeps; nothing while there is no keyspace.
    ///
    /// # Errors
    /// [`SchemaError`] when that cannot be read.
    pub async fn copies(&self) -> Result<BTreeMap<String, String>, SchemaError> {
        let found = found_keyspace(&self.session, &self.keyspace).await.map_err(refused)?;
        Ok(found.map(|is| is.copies).unwrap_or_default())
    }

    /// Makes the keyspace and the tables that are missing; leaves what is there as it is.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub async fn apply(&self, replication: &Replication) -> Result<(), SchemaError> {
        let keyspace = tables::create_keyspace(&self.keyspace, &replication.to_cql());
        let made = self.make(keyspace).await;
        made.map_err(|error| self.unknown(replication).unwrap_or_else(|| refused(error)))?;
        for table in tables::create_tables(&self.keyspace) {
            self.make(self.spoken(table)).await.map_err(refused)?;
        }
        Ok(())
    }

    async fn make(&self, cql: String) -> Result<(), ExecutionError> {
        let mut statement = Statement::new(cql);
        statement.set_request_timeout(Some(MADE_WITHIN));
        self.session.query_unpaged(statement, ()).await.map(drop)
    }

    /// Why copies are refused, if it is that a datacentre has another name.
    fn unknown(&self, replication: &Replication) -> Option<SchemaError> {
        let cluster = self.session.get_cluster_state();
        let known: BTreeSet<&str> =
            cluster.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
        let named =
            replication.copies().into_keys().find(|named| !known.contains(named.as_str()))?;
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        Some(SchemaError::Datacentre { named, known })
    }

    /// ScyllaDB has a compaction of its own in place of the unified one, and takes it by itself.
    fn spoken(&self, table: String) -> String {
        if !is_scylla(&self.session) {
            return table;
        }
        table.replace(&format!(" AND compaction = {{'class': '{UNIFIED}'}}"), "")
    }

    /// What the keyspace and its tables are not but should be. Its copies should be those of
    /// `replication`, or at least as many as apply would make here.
    ///
    /// # Errors
    /// [`SchemaError`] when that cannot be read.
    pub async fn check(
        &self,
        replication: Option<&Replication>,
    ) -> Result<Vec<Difference>, SchemaError> {
        if let Some(unknown) = replication.and_then(|asked| self.unknown(asked)) {
            return Err(unknown);
        }
        let keyspace = &self.keyspace;
        let place = (keyspace.as_str(), self.datacentre.as_str());
        let (is, mut differences) = found(&self.session, place).await.map_err(refused)?;
        let Some(is) = is else { return Ok(differences) };
        let least = self.default_replication();
        let (should, is_right) = match replication {
            Some(should) => (should, is.copies == should.copies()),
            None => (&least, self.has_copies(&is, &least)),
        };
        if !is_right {
            let cql = should.to_cql();
            differences.push(Difference {
                what: format!("the copies of keyspace {keyspace} are {:?}, not {cql}", is.copies),
                remedy: format!(
                    "ALTER KEYSPACE {keyspace} WITH replication = {cql}, with the other \
                     datacentres, then nodetool repair"
                ),
            });
        }
        Ok(differences)
    }

    /// Whether a keyspace that is here at all, which is another matter, has enough copies.
    fn has_copies(&self, is: &Keyspace, least: &Replication) -> bool {
        let copies =
            |copies: Option<&String>| copies.and_then(|copies| copies.parse::<usize>().ok());
        let is = copies(is.copies.get(&self.datacentre));
        is.is_none() || is >= copies(least.copies().get(&self.datacentre))
    }
}

fn is_scylla(session: &Session) -> bool {
    session.get_cluster_state().get_nodes_info().iter().any(|node| node.sharder().is_some())
}

/// `deploy/schema.cql` for a keyspace.
pub fn schema_text(keyspace: &str, replication: &Replication) -> String {
    tables::text(keyspace, &replication.to_cql())
}

/// Lets a log open only on tables that are as they should be.
pub(super) async fn require(
    session: &Session,
    (keyspace, datacentre): (&str, &str),
) -> Result<(), OpenError> {
    let (_, differences) =
        found(session, (keyspace, datacentre)).await.map_err(OpenError::Refused)?;
    if differences.is_empty() {
        return Ok(());
    }
    Err(OpenError::Schema {
        keyspace: keyspace.to_owned(),
        differences: differences.iter().map(ToString::to_string).collect(),
    })
}

/// The keyspace, if it is there, and what it and its tables are not but should be; or the driver's
/// words for why that cannot be read.
async fn found(
    session: &Session,
    (keyspace, datacentre): (&str, &str),
) -> Result<(Option<Keyspace>, Vec<Difference>), String> {
    let Some(is) = found_keyspace(session, keyspace).await? else {
        let what = format!("there is no keyspace {keyspace}");
        return Ok((None, vec![Difference { what, remedy: APPLY.to_owned() }]));
    };
    let mut differences = Vec::new();
    if !is.is_durable {
        differences.push(Difference {
            what: format!("keyspace {keyspace} bypasses the commit log"),
            remedy: format!("ALTER KEYSPACE {keyspace} WITH durable_writes = true"),
        });
    }
    if !is.copies.contains_key(datacentre) {
        let copies = Replication::of(datacentre, 3).to_cql();
        differences.push(Difference {
            what: format!("keyspace {keyspace} has no copies in datacentre {datacentre}"),
            remedy: format!(
                "ALTER KEYSPACE {keyspace} WITH replication = {copies}, with the other \
                 datacentres, then nodetool rebuild"
            ),
        });
    }
    let mut found = found_tables(session, keyspace).await?;
    let is_scylla = is_scylla(session);
    for table in tables::tables() {
        match found.remove(&table.name) {
            Some(is) => compare(&table, &is, (keyspace, is_scylla), &mut differences),
            None => differences.push(Difference {
                what: format!("table {} is missing", table.name),
                remedy: APPLY.to_owned(),
            }),
        }
    }
    Ok((Some(is), differences))
}

fn compare(
    should: &Table,
    is: &Table,
    (keyspace, is_scylla): (&str, bool),
    differences: &mut Vec<Difference>,
) {
    let name = &should.name;
    let anew = || {
        format!(
            "a key cannot be changed: DROP TABLE {keyspace}.{name} if it is empty, then {APPLY}"
        )
    };
    if is.key != should.key {
        let what = format!("the key of {name} is {} and must be {}", is.key, should.key);
        return differences.push(Difference { what, remedy: anew() });
    }
    for (column, kind) in &should.columns {
        match is.columns.get(column) {
            Some(is) if is == kind => {}
            Some(is) => differences.push(Difference {
                what: format!("{name}.{column} is {is} and must be {kind}"),
                remedy: anew(),
            }),
            None => differences.push(Difference {
                what: format!("{name}.{column} is missing"),
                remedy: format!("ALTER TABLE {keyspace}.{name} ADD {column} {kind}"),
            }),
        }
    }
    for (option, value) in &should.options {
        let is = is.options.get(option).map_or("", String::as_str);
        let is_own = is_scylla && value.contains(UNIFIED);
        if !is_own && class_of(is) != class_of(value) {
            differences.push(Difference {
                what: format!("{option} of {name} is {is} and should be {value}"),
                remedy: format!("ALTER TABLE {keyspace}.{name} WITH {option} = {value}"),
            });
        }
    }
}

/// Of a compaction only its class matters; the rest may be tuned.
fn class_of(value: &str) -> &str {
    match value.split_once("'class': '") {
        Some((_, rest)) => rest.split('\'').next().unwrap_or(rest),
        None => value,
    }
}
