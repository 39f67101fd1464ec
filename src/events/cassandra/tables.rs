//! What `deploy/schema.cql` says, read from its own text, so that there is one place that says it.

use std::collections::BTreeMap;

/// The file, compiled in. Its keyspace is called `viewlog` and is given another name on the way.
const TEXT: &str = include_str!("../../../deploy/schema.cql");
const KEYSPACE: &str = "CREATE KEYSPACE IF NOT EXISTS viewlog";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS viewlog.";

/// A table as it should be, or as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Table {
    pub(super) name: String,
    /// Names and types.
    pub(super) columns: BTreeMap<String, String>,
    /// As CQL writes it, with every clustering order: `((account, week), session DESC)`.
    pub(super) key: String,
    /// Options that matter, as CQL writes them.
    pub(super) options: BTreeMap<String, String>,
}

/// The whole file for a keyspace and its replication, comments and all.
pub(super) fn text(keyspace: &str, replication: &str) -> String {
    let mut text = TEXT.replace(TABLE, &format!("CREATE TABLE IF NOT EXISTS {keyspace}."));
    let own = create_keyspace(keyspace, replication);
    if let Some((before, rest)) = text.split_once(KEYSPACE)
        && let Some((_, after)) = rest.split_once(';')
    {
        text = format!("{before}{own};{after}");
    }
    text
}

/// The statement that makes the keyspace.
pub(super) fn create_keyspace(keyspace: &str, replication: &str) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace}\n    WITH replication = {replication}\n    \
         AND durable_writes = true"
    )
}

/// The statements that make the tables.
pub(super) fn create_tables(keyspace: &str) -> impl Iterator<Item = String> {
    let own = format!("CREATE TABLE IF NOT EXISTS {keyspace}.");
    statements().map(move |statement| statement.replace(TABLE, &own))
}

/// The tables as they should be.
pub(super) fn tables() -> impl Iterator<Item = Table> {
    statements().filter_map(|statement| Table::parse(&statement))
}

/// The table statements of the file, each on one line.
fn statements() -> impl Iterator<Item = String> {
    let lines = TEXT.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let statements: Vec<String> = text.split(';').map(|part| part.trim().to_owned()).collect();
    statements.into_iter().filter(|statement| statement.starts_with(TABLE))
}

impl Table {
    /// Reads one of our own statements; they are all laid out alike.
    fn parse(statement: &str) -> Option<Self> {
        let (name, rest) = statement.strip_prefix(TABLE)?.split_once(" (")?;
        let (inside, after) = rest.split_once(" )")?;
        let (columns, key) = inside.split_once(", PRIMARY KEY (")?;
        let (order, options) = options(after);
        let columns = columns.trim().split(", ").filter_map(|column| column.split_once(' '));
        let owned = |(name, what): (&str, &str)| (name.to_owned(), what.to_owned());
        Some(Self {
            name: name.to_owned(),
            columns: columns.map(owned).collect(),
            key: full_key(key.strip_suffix(')')?, &order),
            options,
        })
    }
}

/// The clustering order, and the other options.
fn options(after: &str) -> (BTreeMap<&str, &str>, BTreeMap<String, String>) {
    let (mut order, mut options) = (BTreeMap::new(), BTreeMap::new());
    for option in after.trim().trim_start_matches("WITH ").split(" AND ") {
        if let Some(columns) = option.strip_prefix("CLUSTERING ORDER BY (") {
            let columns = columns.trim_end_matches(')').split(", ");
            order.extend(columns.filter_map(|column| column.split_once(' ')));
        } else if let Some((name, value)) = option.split_once(" = ") {
            options.insert(name.to_owned(), value.to_owned());
        }
    }
    (order, options)
}

/// `(account, week), session` with the order of each clustering column.
fn full_key(key: &str, order: &BTreeMap<&str, &str>) -> String {
    let (partition, clustering) = match key.strip_prefix('(').and_then(|key| key.split_once(')')) {
        Some((partition, clustering)) => (partition, clustering.trim_start_matches(", ")),
        None => key.split_once(", ").unwrap_or((key, "")),
    };
    let clustering = clustering.split(", ").filter(|column| !column.is_empty());
    let ordered = clustering.map(|column| (column, *order.get(column).unwrap_or(&"ASC")));
    describe_key(partition.split(", "), ordered)
}

/// A key as CQL writes it.
pub(super) fn describe_key<'k>(
    partition: impl Iterator<Item = &'k str>,
    clustering: impl Iterator<Item = (&'k str, &'k str)>,
) -> String {
    let partition = partition.collect::<Vec<_>>().join(", ");
    let clustering: Vec<String> =
        clustering.map(|(column, order)| format!(", {column} {order}")).collect();
    format!("(({partition}){})", clustering.concat())
}
