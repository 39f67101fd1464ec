//! What can be wrong with a configuration, said so that it can be put right at once.

use std::fmt::{self, Display};
use std::io;
use std::path::PathBuf;

/// Why there is no configuration: everything that is wrong with it, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct ConfigError {
    /// In the order of the sources; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing has this name.
    #[error("{place}: there is no setting {key}{}", suggested(nearest.as_deref()))]
    Unknown {
        /// As it is written, dots between tables.
        key: String,
        /// Where it stands.
        place: Place,
        /// What may have been meant, as it would be written there.
        nearest: Option<String>,
    },
    /// A setting cannot have this value.
    #[error("{place}: {key}: {wrong}")]
    Value {
        /// The setting.
        key: String,
        /// Where it stands.
        place: Place,
        /// What is wrong with it, and what would be right.
        wrong: String,
    },
    /// The file is not there, or not for us.
    #[error("{}: the configuration cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not TOML: {wrong}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What the parser says.
        wrong: String,
    },
    /// There is no home, so the platform has no place for data.
    #[error("the platform names no directory for data; set data, or VIEWLOG_DATA")]
    NoDataDirectory,
    /// The compiled-in defaults contradict the program.
    #[error("the compiled-in defaults are wrong: {0}")]
    Defaults(String),
}

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the compiled-in file.
    Default,
    /// In a configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// In this variable of the environment.
    Environment(String),
    /// On the command line.
    CommandLine,
}

impl Place {
    /// How `key` would be written there.
    pub(super) fn spelled(&self, key: &str) -> String {
        match self {
            Self::Environment(_) => variable(key),
            Self::Default | Self::File { .. } | Self::CommandLine => key.to_owned(),
        }
    }
}

impl Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(to, "the defaults"),
            Self::File { path, line } => write!(to, "{}:{line}", path.display()),
            Self::Environment(name) => write!(to, "{name} in the environment"),
            Self::CommandLine => write!(to, "the command line"),
        }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

fn suggested(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

fn variable(key: &str) -> String {
    format!("VIEWLOG_{}", key.replace('.', "__").to_uppercase())
}
