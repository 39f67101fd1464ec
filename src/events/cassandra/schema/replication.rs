//! How many copies each datacentre keeps.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Datacentres and how many copies each keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication(Vec<(String, usize)>);

impl Replication {
    /// As many copies as a datacentre usually keeps: one may be away, and a quorum is there.
    pub const USUAL: usize = 3;

    /// So many copies in one datacentre.
    pub fn of(datacentre: &str, copies: usize) -> Self {
        Self(vec![(datacentre.to_owned(), copies)])
    }

    /// As the store describes it.
    pub(super) fn copies(&self) -> BTreeMap<String, String> {
        let copies = self.0.iter();
        copies.map(|(datacentre, copies)| (datacentre.clone(), copies.to_string())).collect()
    }

    /// As CQL writes it.
    pub fn to_cql(&self) -> String {
        let copies =
            self.0.iter().map(|(datacentre, copies)| format!(", '{datacentre}': {copies}"));
        format!("{{'class': 'NetworkTopologyStrategy'{}}}", copies.collect::<String>())
    }
}

/// As it is read.
impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copies = self.0.iter().map(|(datacentre, copies)| format!("{datacentre}:{copies}"));
        f.write_str(&copies.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Replication {
    type Err = String;

    /// Reads `dc1:3,dc2:3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let right = || format!("{text:?} must be datacentres and copies, such as dc1:3,dc2:3");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let part = |part: &str| {
            let (datacentre, copies) = part.trim().split_once(':')?;
            let copies = copies.parse().ok().filter(|copies| (1..=100).contains(copies))?;
            let is_name = !datacentre.is_empty() && datacentre.chars().all(is_plain);
            is_name.then(|| (datacentre.to_owned(), copies))
        };
        text.split(',').map(|text| part(text).ok_or_else(right)).collect::<Result<_, _>>().map(Self)
    }
}
