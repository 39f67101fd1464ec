//! A cluster of three, which the contract suite runs on too.

use viewlog::events::Slice;
use viewlog::projections::{Position, ViewStore};

use super::{clock, clustered};
use crate::support::{at, id};

#[tokio::test]
async fn slices_live_on_all_nodes_of_a_cluster() {
    let Some(store) = clustered(10, &clock()) else { return };
    for slice in Slice::all() {
        store.advance(slice, Position::Swept, at(1)).await.unwrap();
    }
    for slice in Slice::all() {
        assert_eq!(store.position(slice, Position::Swept).await.unwrap(), Some(at(1)));
    }
    // One batch over many slices is a call for each.
    let accounts = (0..200).map(|number| (id(&format!("account-{number}")), vec![]));
    store.merge(accounts.collect()).await.unwrap();
}
