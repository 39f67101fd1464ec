//! A cluster of three, which the contract suite runs on too.

use viewlog::events::{AccountId, Slice};
use viewlog::projections::{Position, ViewStore};

use super::{clock, filled, fresh_prefix, play, shared_cluster, told_at, values_of, views};
use crate::support::{at, id};

#[tokio::test]
async fn slices_live_on_all_nodes_of_a_cluster() {
    let Some((cluster, redis)) = shared_cluster() else { return };
    let prefix = fresh_prefix();
    let store = views(redis.clone(), &prefix, 10, &clock());
    for slice in Slice::all() {
        store.advance(slice, Position::Swept, at(1)).await.unwrap();
    }
    for slice in Slice::all() {
        assert_eq!(store.position(slice, Position::Swept).await.unwrap(), Some(at(1)));
    }
    let counts = |pattern: &str| -> Vec<usize> {
        let pattern = format!("{prefix}{pattern}");
        let keys = |member: &String| -> Vec<Vec<u8>> {
            told_at(&format!("redis://{member}"), &["KEYS", &pattern])
        };
        cluster.members().iter().map(|member| keys(member).len()).collect()
    };
    let positions = counts("*");
    assert!(positions.iter().all(|count| *count > 0), "{positions:?}");
    // One batch over many slices is a call for each.
    let accounts: Vec<AccountId> =
        (0..200).map(|number| id(&format!("account-{number}"))).collect();
    for account in &accounts {
        filled(&store, account, vec![]).await;
    }
    let plays =
        accounts.iter().map(|account| (account.clone(), vec![play(1, 1, account.as_str())]));
    store.merge(plays.collect()).await.unwrap();
    for account in &accounts {
        assert_eq!(values_of(&store, account).await.unwrap(), [account.as_str()]);
    }
    let cards = counts("*}aaccount-*");
    assert!(cards.iter().all(|count| *count > 0), "{cards:?}");
    assert_eq!(cards.iter().sum::<usize>(), 200);
}
