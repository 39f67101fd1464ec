//! Reading: the queries of a call as a script takes them, and its answer as pages.

use bytes::Bytes;
use redis::{Cmd, Value};

use super::RedisViews;
use super::merge::not_understood;
use super::packed::{Kept, drawer, unpack};
use crate::events::{AccountId, Timestamp};
use crate::projections::{Page, Query, Select, ViewError};

impl RedisViews {
    pub(super) async fn read_pages(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError> {
        let read = self.on(account, &self.scripts.read, |command| {
            queries.iter().for_each(|query| add_query(command, query));
        });
        let (now, answer) = (self.clock.now(), read.await?);
        let pages = match answer {
            Value::Nil => return Ok(None),
            Value::Array(pages) if pages.len() == queries.len() => pages,
            answer => return Err(not_understood(&answer)),
        };
        let pages = queries.iter().zip(pages).map(|(query, found)| page(query, found, now));
        pages.collect::<Result<Vec<_>, _>>().map(Some)
    }
}

fn add_query(command: &mut Cmd, query: &Query) {
    command.arg(drawer(query.view, query.scope.as_ref()));
    match &query.select {
        Select::All => command.arg("a"),
        Select::Ranked { below: Some((rank, key)), limit } => {
            command.arg("r").arg(rank).arg(key.as_ref()).arg(limit)
        }
        Select::Ranked { below: None, limit } => command.arg("r").arg("").arg("").arg(limit),
        Select::Labelled(label) => command.arg("l").arg(label.as_ref()),
    };
}

/// A page from keys and bytes in turn; under the empty key there is the floor.
fn page(query: &Query, found: Value, now: Timestamp) -> Result<Page, ViewError> {
    let Value::Array(found) = found else { return Err(not_understood(&found)) };
    let (mut kept, mut floor) = (Vec::with_capacity(found.len() / 2), None);
    let mut values = found.into_iter();
    while let (Some(key), Some(bytes)) = (values.next(), values.next()) {
        let (Value::BulkString(key), Value::BulkString(bytes)) = (key, bytes) else {
            return Err(ViewError::Unavailable("redis: an entry is no text".to_owned()));
        };
        if key.is_empty() {
            floor = std::str::from_utf8(&bytes).ok().and_then(|floor| floor.parse().ok());
        } else {
            kept.extend(unpack(Bytes::from(key), bytes).filter(|kept| !kept.is_expired(now)));
        }
    }
    if !matches!(query.select, Select::Ranked { .. }) {
        kept.sort_by(|one, other| one.found.key.cmp(&other.found.key));
    }
    let entries = kept.into_iter().map(|Kept { found, .. }| found).collect();
    Ok(Page { entries, floor })
}
