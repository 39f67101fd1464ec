//! The compiled-in file: which settings there are, of which type, and their defaults.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::policy::MEDIA;
use super::{Config, Place, Problem};

/// Every setting with its unit, default and reason.
const TEXT: &str = include_str!("../../deploy/viewlog.toml");
/// How alike a slip of the pen and what was meant are at least, from 0 to 1.
const LIKENESS_MIN: f64 = 0.8;

/// What the compiled-in file says.
pub(super) struct Manual {
    defaults: BTreeMap<String, Value>,
    known: BTreeMap<String, Value>,
}

/// The settings that hold, and where each stands.
#[derive(Clone)]
pub(super) struct Settled(BTreeMap<String, (Value, Place)>);

impl Manual {
    /// Reads the compiled-in file.
    pub(super) fn compiled_in() -> Result<Self, Problem> {
        let table: Table = toml::from_str(&uncommented())
            .map_err(|error| Problem::Defaults(error.message().to_owned()))?;
        let mut defaults = BTreeMap::new();
        flatten("", table, &mut defaults);
        let mut known = inherited(&defaults);
        known.extend(defaults.clone());
        Ok(Self { defaults, known })
    }

    /// The value of a setting that nobody sets; none when there is no such setting.
    pub(super) fn default_of(&self, key: &str) -> Option<&Value> {
        self.known.get(key)
    }

    /// The settings that stand under this name.
    pub(super) fn all_in(&self, table: &str) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str).filter(move |key| is_in(key, table))
    }

    /// The setting that may have been meant by a name that is none.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.known.keys().map(String::as_str))
    }

    /// The table that may have been meant by a name that is none.
    pub(super) fn nearest_table(&self, name: &str) -> Option<&str> {
        let tables = self.known.keys().filter_map(|key| key.rsplit_once('.'));
        nearest(name, tables.map(|(table, _)| table))
    }

    /// Every default.
    pub(super) fn defaults(&self) -> Settled {
        let placed =
            |(key, value): (&String, &Value)| (key.clone(), (value.clone(), Place::Default));
        Settled(self.defaults.iter().map(placed).collect())
    }
}

impl Settled {
    /// Sets one, over what was before.
    pub(super) fn set(&mut self, key: String, value: Value, place: Place) {
        self.0.insert(key, (value, place));
    }

    /// Where the setting in force stands.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.0.get(key).map_or(Place::Default, |(_, place)| place.clone())
    }

    /// All of them as a configuration, with places still to be settled.
    pub(super) fn read(self) -> Result<Config, toml::de::Error> {
        let mut all = Table::new();
        for (key, (value, _)) in self.0 {
            put(&mut all, &key, value);
        }
        all.try_into()
    }
}

/// The compiled-in file with every setting in force: `#name = …` without its `#`.
fn uncommented() -> String {
    let setting = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let lines = TEXT.lines().map(|line| line.strip_prefix('#').filter(setting).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn flatten(under: &str, table: Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = joined(under, &name);
        if let Value::Table(inner) = value {
            flatten(&key, inner, into);
        } else {
            into.insert(key, value);
        }
    }
}

/// A name inside a table.
pub(super) fn joined(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

/// What each media may set of its own, with what holds if it does not.
fn inherited(defaults: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let thresholds = defaults
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("policy.")?, value)))
        .filter(|(name, _)| !name.contains('.'));
    thresholds
        .flat_map(|(name, value)| {
            MEDIA.map(|media| (format!("policy.{media}.{name}"), value.clone()))
        })
        .collect()
}

fn is_in(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let liked = known.map(|known| (likeness(name, known), known));
    let liked = liked.filter(|((best, _), _)| *best >= LIKENESS_MIN);
    let nearest =
        liked.max_by(|((a, b), _), ((c, d), _)| a.total_cmp(c).then_with(|| b.total_cmp(d)));
    nearest.map(|(_, known)| known)
}

/// How alike two names are: at best, if need be by their last words alone, since a table is soon
/// forgotten; and as a whole.
fn likeness(one: &str, other: &str) -> (f64, f64) {
    let whole = strsim::jaro_winkler(one, other);
    (whole.max(strsim::jaro_winkler(last(one), last(other))), whole)
}

fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn put(into: &mut Table, key: &str, value: Value) {
    let Some((table, name)) = key.split_once('.') else {
        into.insert(key.to_owned(), value);
        return;
    };
    let inner = into.entry(table).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        put(inner, name, value);
    }
}
