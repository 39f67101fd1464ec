//! Whether entries are found by their rank and by their label where they are looked for.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::events::ProfileId;
use crate::projections::{Entry, Found, Page, Query, Select, View};

/// All entries of a view and scope first, then the same by everything they are looked for by.
pub(super) fn queries(view: View, scope: &Option<ProfileId>, entries: &[&Entry]) -> Vec<Query> {
    let labels: BTreeSet<_> = entries.iter().map(|entry| &entry.label).collect();
    let labels = labels.into_iter().filter(|label| !label.is_empty());
    let is_ranked = entries.iter().any(|entry| entry.rank.is_some());
    let ranked = is_ranked.then_some(Select::Ranked { below: None, limit: usize::MAX });
    let all = [Select::All].into_iter().chain(ranked);
    let all = all.chain(labels.cloned().map(Select::Labelled));
    all.map(|select| Query { view, scope: scope.clone(), select }).collect()
}

/// For each page that is not as all entries say, one of those that belong there.
pub(super) fn wrong<'a>(
    queries: &'a [Query],
    pages: &'a [Page],
    entries: &'a [&Entry],
) -> impl Iterator<Item = &'a Entry> {
    let all = pages.first();
    let wrong = queries.iter().zip(pages).filter(move |(query, page)| {
        all.is_some_and(|all| !page.entries.iter().eq(selected(&query.select, all)))
    });
    wrong.filter_map(|(query, _)| {
        let mut belonging = entries.iter().filter(|entry| match &query.select {
            Select::Labelled(label) => entry.label == *label,
            Select::All | Select::Ranked { .. } => true,
        });
        belonging.next().copied()
    })
}

/// Those of all entries that a query selects, in its order.
fn selected<'a>(select: &Select, all: &'a Page) -> Vec<&'a Found> {
    let mut entries: Vec<_> = all.entries.iter().collect();
    match select {
        Select::All => {}
        Select::Ranked { .. } => entries.sort_by_key(|found| Reverse((found.rank, &found.key))),
        Select::Labelled(label) => entries.retain(|found| found.label == *label),
    }
    entries
}
