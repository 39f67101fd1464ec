//! The policy as it is configured: what a media class does not say of its own is as for all.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

use crate::projections::Policy;

/// The media that may have thresholds of their own, by the names that facts use.
pub(super) const MEDIA: [&str; 6] = ["movie", "episode", "live", "trailer", "clip", "audio"];

/// Reads the table `[policy]` with its tables by media.
pub(super) fn policy<'de, D: Deserializer<'de>>(from: D) -> Result<Policy, D::Error> {
    let (tables, common): (Table, Table) =
        Table::deserialize(from)?.into_iter().partition(|(_, value)| value.is_table());
    let mut by_media = BTreeMap::new();
    for (name, own) in tables {
        let Value::Table(own) = own else { continue };
        let mut all = common.clone();
        all.extend(own);
        let media = Value::String(name).try_into().map_err(Error::custom)?;
        by_media.insert(media, all.try_into().map_err(Error::custom)?);
    }
    Ok(Policy { otherwise: common.try_into().map_err(Error::custom)?, by_media })
}
