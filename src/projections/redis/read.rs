//! Reading: the queries of an account as a script takes them, and its answer as pages.

use bytes::Bytes;
use redis::{Arg, Cmd, Value};

use super::RedisViews;
use super::keys::Keys;
use super::merge::not_understood;
use super::packed::{Kept, drawer, unpack};
use crate::events::{AccountId, ProfileId, Slice, Timestamp};
use crate::projections::{Page, Query, Select, View, ViewError};

impl RedisViews {
    pub(super) async fn read_pages(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError> {
        let Some(pages) = self.gathered.ask(Asked::of(account, queries)).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let pages = queries.iter().zip(pages).map(|(query, found)| page(query, found, now));
        pages.collect::<Result<Vec<_>, _>>().map(Some)
    }
}

/// How many queries by label a small read has at most: plays and marks of a few titles.
const SMALL_MAX: usize = 8;

/// What is asked of one account.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) slice: Slice,
    pub(super) account: AccountId,
    /// The names of the drawers that the queries are of.
    pub(super) drawers: Vec<Vec<u8>>,
    /// Each with the number of its drawer.
    queries: Vec<(usize, Select)>,
}

impl Asked {
    fn of(account: &AccountId, queries: &[Query]) -> Self {
        let mut drawers = Vec::new();
        let numbered =
            queries.iter().map(|query| (number_in(&mut drawers, query), query.select.clone()));
        let queries = numbered.collect();
        let drawers = drawers.into_iter().map(|(view, scope)| drawer(view, scope)).collect();
        Self { slice: Slice::of(account), account: account.clone(), drawers, queries }
    }

    /// Whether it takes Redis next to no time: a few queries, all of them by label.
    pub(super) fn is_small(&self) -> bool {
        let count = self.queries.len();
        count <= SMALL_MAX && self.labels().count() == count
    }

    /// The queries by label: the names of their drawers, and their labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&[u8], &Bytes)> {
        self.queries.iter().filter_map(|(number, select)| match select {
            Select::Labelled(label) => Some((self.drawers.get(*number)?.as_slice(), label)),
            _ => None,
        })
    }

    /// The number of each query's drawer.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.queries.iter().map(|(number, _)| *number)
    }

    /// How many pages answer it.
    pub(super) fn pages(&self) -> usize {
        self.queries.len()
    }

    /// Adds it to a call of the script.
    pub(super) fn add(&self, command: &mut Cmd, keys: &Keys) {
        let mut arguments = Cmd::new();
        arguments.arg(self.drawers.len()).arg(&self.drawers);
        for (number, select) in &self.queries {
            // Counted from 1 there.
            arguments.arg(number + 1);
            add_select(&mut arguments, select);
        }
        command.arg(keys.home(self.slice)).arg(self.account.as_str());
        command.arg(arguments.args_iter().count());
        for argument in arguments.args_iter() {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
    }
}

/// The number of a query's drawer among these or as one more of them.
fn number_in<'a>(drawers: &mut Vec<(View, Option<&'a ProfileId>)>, query: &'a Query) -> usize {
    let drawer = (query.view, query.scope.as_ref());
    let known = drawers.iter().position(|known| *known == drawer);
    known.unwrap_or_else(|| {
        drawers.push(drawer);
        drawers.len() - 1
    })
}

fn add_select(command: &mut Cmd, select: &Select) {
    match select {
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
            return Err(ViewError::Damaged("redis: an entry is no text".to_owned()));
        };
        if key.is_empty() {
            floor = std::str::from_utf8(&bytes).ok().and_then(|floor| floor.parse().ok());
        } else {
            let unpacked = unpack(Bytes::from(key), bytes);
            let unpacked = unpacked
                .ok_or_else(|| ViewError::Damaged("redis: an entry is no entry".to_owned()))?;
            kept.extend(Some(unpacked).filter(|kept| !kept.is_expired(now)));
        }
    }
    if !matches!(query.select, Select::Ranked { .. }) {
        kept.sort_by(|one, other| one.found.key.cmp(&other.found.key));
    }
    let entries = kept.into_iter().map(|Kept { found, .. }| found).collect();
    Ok(Page { entries, floor })
}
