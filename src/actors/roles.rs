//! What a node does of the work that the nodes of a fleet share.

use std::fmt;
use std::str::FromStr;

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes facts, a person's commands and erasures.
    Collect,
    /// Merges what was recorded into the views, sweeps, and does long work over the log.
    Process,
    /// Answers, and feeds those who follow.
    Provide,
}

/// The parts of the work that a node does; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    collect: bool,
    process: bool,
    provide: bool,
}

/// What is no list of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be all, or any of collect, process and provide with commas between")]
pub struct NoRoles;

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Collect, Self::Process, Self::Provide];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Process => "process",
            Self::Provide => "provide",
        }
    }
}

impl Roles {
    /// The whole work.
    pub const ALL: Self = Self { collect: true, process: true, provide: true };
    const NONE: Self = Self { collect: false, process: false, provide: false };

    /// Whether a part of the work is done here.
    pub fn has(self, role: Role) -> bool {
        match role {
            Role::Collect => self.collect,
            Role::Process => self.process,
            Role::Provide => self.provide,
        }
    }

    /// Their names, in the order in which the work is done.
    pub fn names(self) -> Vec<&'static str> {
        Role::ALL.into_iter().filter(|role| self.has(*role)).map(Role::name).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.names().join(","))
    }
}

impl FromStr for Roles {
    type Err = NoRoles;

    fn from_str(text: &str) -> Result<Self, NoRoles> {
        if text.trim() == "all" {
            return Ok(Self::ALL);
        }
        let mut roles = Self::NONE;
        for name in text.split(',') {
            match name.trim() {
                "collect" => roles.collect = true,
                "process" => roles.process = true,
                "provide" => roles.provide = true,
                _ => return Err(NoRoles),
            }
        }
        Ok(roles)
    }
}
