//! A configuration in the making: takes source after source and remembers all that is wrong.
//!
//! A setting that is wrong is left at what held before, so that the rest can still be checked.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::manual::{Manual, Settled, joined};
use super::value::{checked, from_text};
use super::{Config, ConfigError, LogStore, Place, Problem, Sources};
use super::{named_file, platform_data, platform_file};
use crate::actors::Roles;

const PREFIX: &str = "VIEWLOG_";
/// Variables that others read: which file, which server, where deploy/dev keeps its servers.
const NO_SETTINGS: [&str; 4] = ["VIEWLOG_CONFIG", "VIEWLOG_SERVER", "VIEWLOG_TOKEN", "VIEWLOG_DEV"];

/// What was taken so far.
pub(super) struct Draft<'m> {
    manual: &'m Manual,
    settled: Settled,
    problems: Vec<Problem>,
}

impl<'m> Draft<'m> {
    /// What all sources say.
    pub(super) fn of<E>(manual: &'m Manual, sources: Sources<E>) -> Self
    where
        E: Iterator<Item = (String, String)>,
    {
        let environment: Vec<_> = sources.environment.collect();
        let mut draft = Self { manual, settled: manual.defaults(), problems: Vec::new() };
        match sources.file.or_else(|| named_file(&environment)) {
            Some(file) => draft.take_file(&file),
            None => draft.take_file_if_any(platform_file().as_deref()),
        }
        draft.take_environment(environment);
        draft.take_overrides(sources.overrides);
        draft
    }

    /// Takes a file that somebody named.
    fn take_file(&mut self, path: &Path) {
        match fs::read_to_string(path) {
            Ok(text) => self.take_text(path, &text),
            Err(source) => {
                self.problems.push(Problem::Unreadable { path: path.to_owned(), source });
            }
        }
    }

    /// Takes a file that nobody named, and which need not be there.
    fn take_file_if_any(&mut self, path: Option<&Path>) {
        let Some(path) = path else { return };
        let is_missing =
            fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !is_missing {
            self.take_file(path);
        }
    }

    /// Takes the variables that are meant for us. `RUST_LOG` wins: it is what people reach for when
    /// something is the matter.
    fn take_environment(&mut self, environment: Vec<(String, String)>) {
        let mut rust_log = None;
        for (name, text) in environment {
            if name == "RUST_LOG" && !text.is_empty() {
                rust_log = Some(text);
            } else if !NO_SETTINGS.contains(&name.as_str())
                && let Some(key) = name.strip_prefix(PREFIX)
            {
                let key = key.to_lowercase().replace("__", ".");
                self.take_words(key, &text, Place::Environment(name));
            }
        }
        if let Some(text) = rust_log {
            let place = Place::Environment("RUST_LOG".to_owned());
            self.take_words("log_filter".to_owned(), &text, place);
        }
    }

    /// Takes what the command line says.
    fn take_overrides(&mut self, overrides: Vec<(String, String)>) {
        for (key, text) in overrides {
            self.take_words(key, &text, Place::CommandLine);
        }
    }

    /// The configuration, if nothing is wrong; `check` finds what does not go together.
    pub(super) fn finish(mut self, check: fn(&mut Self, &Config)) -> Result<Config, ConfigError> {
        let read = self.settled.clone().read();
        // Each setting was tried before: only what is compiled in can be wrong now.
        let mut config = read.map_err(|error| Problem::Defaults(error.message().to_owned()))?;
        if !config.settle(platform_data().as_deref()) {
            self.problems.push(Problem::NoDataDirectory);
        }
        check(&mut self, &config);
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems: self.problems })
        }
    }

    /// A node can run with it.
    pub(super) fn check_node(&mut self, config: &Config) {
        self.check_reach(config);
        if let Some(wrong) = config.log.refuses(&config.views) {
            self.refuse("views", wrong);
        }
        self.check_role(config);
        self.check_pairs(config);
        self.check_spool(config);
    }

    /// Nothing is said twice or by half.
    pub(super) fn check_pairs(&mut self, config: &Config) {
        self.check_keys(config);
        self.check_identity(config);
    }

    /// Where nobody has to say who they are, nobody from elsewhere may ask.
    fn check_reach(&mut self, config: &Config) {
        if config.listen.ip().is_loopback() {
            return;
        }
        if !config.asks_for_tokens() {
            let open = "beyond loopback needs access tokens: viewlog token create makes a key and \
                        a first token (or name a key: auth_secret_file, auth_key, auth_jwks_url); \
                        else listen on loopback";
            self.refuse("listen", open);
        }
        if config.chaos {
            self.refuse("chaos", "lets anybody break the server, so it is for loopback alone");
        }
    }

    /// A part of the work is of use where other nodes do the rest.
    fn check_role(&mut self, config: &Config) {
        let is_fleet = config.log.is_shared() && config.views.is_shared();
        if config.role != Roles::ALL && !is_fleet {
            let alone = "a node that does a part of the work needs others that do the rest: a log \
                         on cassandra:// and views in redis://; with stores of its own it does all";
            self.refuse("role", alone);
        }
    }

    /// What is said twice may be said differently.
    fn check_keys(&mut self, config: &Config) {
        if config.auth_secret.is_set() && config.auth_secret_file.is_some() {
            self.refuse("auth_secret_file", "holds a secret beside auth_secret; name one of them");
        }
        if config.auth_jwks_url.is_some() && config.auth_key.is_some() {
            self.refuse("auth_key", "holds keys beside those of auth_jwks_url; name one of them");
        }
    }

    /// Who says who it is proves it.
    fn check_identity(&mut self, config: &Config) {
        let tls = &config.tls;
        if tls.certificate_file.is_some() != tls.key_file.is_some() {
            let lacking = if tls.key_file.is_some() { "certificate_file" } else { "key_file" };
            let wrong = "a certificate and its key go together; name both, or neither";
            self.refuse(&format!("tls.{lacking}"), wrong);
        }
    }

    fn check_spool(&mut self, config: &Config) {
        if config.spool.enabled && !matches!(config.log, LogStore::Cassandra(_)) {
            let none = "is for a log that can be away, cassandra://HOST/KEYSPACE; the others are \
                        where this node is";
            self.refuse("spool.enabled", none);
        }
    }

    fn refuse(&mut self, key: &str, wrong: &str) {
        let place = self.settled.place_of(key);
        self.problems.push(Problem::Value { key: key.to_owned(), place, wrong: wrong.to_owned() });
    }

    fn take_text(&mut self, path: &Path, text: &str) {
        let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(error) => {
                let line = line_of(error.span().map_or(0, |span| span.start));
                let wrong = error.message().to_owned();
                return self.problems.push(Problem::Syntax { path: path.to_owned(), line, wrong });
            }
        };
        let mut found = Vec::new();
        self.flatten("", table.get_ref(), &mut found);
        found.sort_by_key(|(_, at, _)| *at);
        for (key, at, value) in found {
            let place = Place::File { path: path.to_owned(), line: line_of(at) };
            match Value::deserialize(value.clone().into_deserializer()) {
                Ok(value) => self.take(key, value, place),
                Err(error) => {
                    let wrong = error.message().to_owned();
                    self.problems.push(Problem::Value { key, place, wrong });
                }
            }
        }
    }

    /// What is set, and at which byte. A table that is not known is one of them.
    fn flatten<'t, 'i>(
        &self,
        under: &str,
        table: &'t DeTable<'i>,
        into: &mut Vec<(String, usize, &'t Spanned<DeValue<'i>>)>,
    ) {
        for (name, value) in table {
            let key = joined(under, name.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) if self.manual.all_in(&key).next().is_some() => {
                    self.flatten(&key, inner, into);
                }
                _ => into.push((key, name.span().start, value)),
            }
        }
    }

    fn take_words(&mut self, key: String, text: &str, place: Place) {
        let value = match self.manual.default_of(&key) {
            Some(default) => from_text(text, default),
            None => Value::String(text.to_owned()),
        };
        self.take(key, value, place);
    }

    fn take(&mut self, key: String, value: Value, place: Place) {
        let value = match self.manual.default_of(&key) {
            Some(default) => checked(&key, value, default),
            None => return self.problems.push(self.unknown(key, &value, place)),
        };
        match value.and_then(|value| self.tried(&key, value)) {
            Ok(value) => self.settled.set(key, value, place),
            Err(wrong) => self.problems.push(Problem::Value { key, place, wrong }),
        }
    }

    fn unknown(&self, key: String, value: &Value, place: Place) -> Problem {
        let inside: Vec<String> = self.manual.all_in(&key).map(|one| place.spelled(one)).collect();
        if !inside.is_empty() {
            let wrong = format!("is a table of settings: {}", inside.join(", "));
            return Problem::Value { key, place, wrong };
        }
        let nearest = match value {
            Value::Table(_) => self.manual.nearest_table(&key),
            _ => self.manual.nearest(&key),
        };
        let nearest = nearest.map(|nearest| place.spelled(nearest));
        Problem::Unknown { key, place, nearest }
    }

    /// Reads a configuration in which this alone is set: what is wrong then is wrong with this.
    fn tried(&self, key: &str, value: Value) -> Result<Value, String> {
        let mut alone = self.manual.defaults();
        alone.set(key.to_owned(), value.clone(), Place::Default);
        alone.read().map_err(|error| error.message().to_owned())?;
        Ok(value)
    }
}
