//! Several nodes on one Redis.

use std::sync::Arc;

use viewlog::projections::{RedisViews, Target, ViewStore};

use super::{clock, filled, fresh_prefix, keys, play, shared_under, told, values, views_on};
use crate::servers::OwnRedis;
use crate::support::{eventually, home};

fn two_nodes() -> Option<(Arc<RedisViews>, Arc<RedisViews>)> {
    let prefix = fresh_prefix();
    let node = || shared_under(&prefix, usize::MAX, &clock()).map(Arc::new);
    Some((node()?, node()?))
}

/// Merges plays `from..to`, a few at a time and every one twice.
async fn merge_all(store: &RedisViews, from: u8, to: u8) {
    for key in (from..to).chain(from..to) {
        let entries = vec![play(key, 1, "v")];
        store.merge(vec![(home(), entries)]).await.unwrap();
    }
}

#[tokio::test]
async fn two_nodes_that_fill_and_merge_one_account_at_once_leave_all_of_it() {
    let Some((one, other)) = two_nodes() else { return };
    for _ in 0..10 {
        one.forget(&home()).await.unwrap();
        let filler = async |store: &RedisViews| {
            let begun = store.begin_fill(&home(), Target::Live).await.unwrap();
            let Some(mut fill) = begun else { return 0 };
            for key in 0..40 {
                assert!(store.fill(&mut fill, vec![play(key, 1, "v")]).await.unwrap());
            }
            assert!(store.end_fill(fill, true).await.unwrap());
            1
        };
        let merging = async {
            // What is recorded is in the log before it is merged: a fill begun later has it.
            tokio::join!(merge_all(&one, 0, 40), merge_all(&other, 0, 40));
        };
        let (first, second, ()) = tokio::join!(filler(&one), filler(&other), merging);
        assert_eq!(first + second, 1, "one of them fills");
        assert_eq!(values(&one).await.unwrap().len(), 40);
        assert_eq!(values(&other).await, values(&one).await);
    }
}

#[tokio::test]
async fn what_one_node_flips_the_other_reads_and_merges_into() {
    let Some((one, other)) = two_nodes() else { return };
    filled(&one, &home(), vec![play(1, 1, "old")]).await;
    let opened = one.begin_generation(None).await.unwrap();
    let mut fill = other.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
    other.merge(vec![(home(), vec![play(2, 1, "during")])]).await.unwrap();
    assert!(other.fill(&mut fill, vec![play(1, 1, "new!")]).await.unwrap());
    assert_eq!(values(&one).await.unwrap(), ["old", "during"]);
    assert!(other.end_fill(fill, true).await.unwrap());
    assert_eq!(one.flip(opened).await.unwrap(), opened);
    other.merge(vec![(home(), vec![play(3, 1, "after")])]).await.unwrap();
    for store in [&one, &other] {
        assert_eq!(values(store).await.unwrap(), ["new!", "during", "after"]);
    }
    assert_eq!(other.generation().await, opened);
    assert_eq!(one.flip(opened).await.unwrap(), opened, "there is none to flip to");
}

#[tokio::test]
async fn a_fill_of_the_next_generation_goes_on_after_the_flip_and_one_of_the_old_does_not() {
    let Some((one, other)) = two_nodes() else { return };
    let mut old = one.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
    let opened = other.begin_generation(None).await.unwrap();
    let mut next = other.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
    other.flip(opened).await.unwrap();
    assert!(!one.fill(&mut old, vec![play(1, 1, "old")]).await.unwrap());
    assert!(!one.end_fill(old, true).await.unwrap());
    assert_eq!(values(&one).await, None);
    assert!(other.fill(&mut next, vec![play(1, 1, "next")]).await.unwrap());
    assert!(other.end_fill(next, true).await.unwrap());
    assert_eq!(values(&one).await.unwrap(), ["next"]);
}

#[tokio::test]
async fn what_a_flip_leaves_is_dropped_though_nobody_uses_the_account() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let keys = || keys(&server, "*{538}*");
    filled(&store, &home(), vec![play(1, 1, "old")]).await;
    assert_eq!(keys(), 5, "generations, card, entries, ranks, labels");
    let opened = store.begin_generation(None).await.unwrap();
    filled_next(&store, "new").await;
    assert_eq!(keys(), 8);
    store.flip(opened).await.unwrap();
    eventually("the old entries are gone", async || keys() == 5).await;
    assert_eq!(values(&store).await.unwrap(), ["new"]);
    let opened = store.begin_generation(None).await.unwrap();
    store.flip(opened).await.unwrap();
    eventually("nothing was filled, so nothing is left", async || keys() <= 2).await;
}

#[tokio::test]
async fn a_rebuild_begun_anew_takes_the_place_of_one_that_was_not_finished() {
    let Some((one, other)) = two_nodes() else { return };
    filled(&one, &home(), vec![play(1, 1, "old")]).await;
    let first = one.begin_generation(None).await.unwrap();
    filled_next(&one, "first").await;
    let second = other.begin_generation(None).await.unwrap();
    assert!(second > first);
    filled_next(&other, "second").await;
    let read = one.flip(first).await.unwrap();
    assert!(read != first && read != second, "its views are no longer prepared");
    assert_eq!(values(&one).await.unwrap(), ["old"]);
    assert_eq!(other.flip(second).await.unwrap(), second);
    assert_eq!(values(&one).await.unwrap(), ["second"]);
}

/// A flip that was cut short has reached some slices, and the rebuild that goes on the others.
#[tokio::test]
async fn a_generation_that_some_slices_read_already_is_gone_on_with() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "old")]).await;
    let opened = store.begin_generation(None).await.unwrap();
    filled_next(&store, "new").await;
    let flipped: Vec<String> = told(&server, &["KEYS", "*{537}g"]);
    let _: () = told(&server, &["SET", &flipped[0], &opened.to_string()]);
    assert_eq!(store.begin_generation(Some(opened)).await.unwrap(), opened);
    assert_eq!(store.flip(opened).await.unwrap(), opened);
    assert_eq!(values(&store).await.unwrap(), ["new"]);
}

async fn filled_next(store: &RedisViews, value: &str) {
    let mut fill = store.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
    assert!(store.fill(&mut fill, vec![play(1, 1, value)]).await.unwrap());
    assert!(store.end_fill(fill, true).await.unwrap());
}
