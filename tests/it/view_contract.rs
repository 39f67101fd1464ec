//! What every view store must do, in the words of the contract at [`ViewStore`].

mod errands;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use viewlog::events::{AccountId, ManualClock};
use viewlog::projections::{
    Entry, Found, MemoryViews, MemoryViewsOptions, Page, Query, Select, Target, Version, View,
    ViewStore,
};

use crate::redis_views;
use crate::support::{at, home, id};

/// A way to make an empty store that keeps so many ranked entries of a profile; none where what it
/// needs is not installed.
type Make = fn(usize, Arc<ManualClock>) -> Option<Arc<dyn ViewStore>>;

const BACKENDS: [Make; 3] = [
    |plays_per_profile_max, clock| {
        let options = MemoryViewsOptions { plays_per_profile_max, ..MemoryViewsOptions::default() };
        Some(Arc::new(MemoryViews::new(options, clock)))
    },
    |plays_max, clock| Some(Arc::new(redis_views::shared(plays_max, &clock)?)),
    |plays_max, clock| Some(Arc::new(redis_views::clustered(plays_max, &clock)?)),
];

/// Runs a test on every backend, each time on an empty store.
async fn each(plays_max: usize, test: impl AsyncFn(Arc<dyn ViewStore>, Arc<ManualClock>)) {
    for make in BACKENDS {
        let clock = Arc::new(ManualClock::new(at(0)));
        if let Some(store) = make(plays_max, Arc::clone(&clock)) {
            test(store, clock).await;
        }
    }
}

fn play(key: u8, version: u64, rank: i64, value: &str) -> Entry {
    Entry {
        view: View::PLAYS,
        scope: Some(id("anna")),
        key: Bytes::copy_from_slice(&[key]),
        version: Version(version, 0),
        rank: Some(rank),
        label: format!("title-{}", key % 2).into(),
        value: Bytes::copy_from_slice(value.as_bytes()),
        expires_at: None,
    }
}

fn plays(select: Select) -> Query {
    Query { view: View::PLAYS, scope: Some(id("anna")), select }
}

async fn filled(store: &Arc<dyn ViewStore>, account: &AccountId, entries: Vec<Entry>) {
    let mut fill = store.begin_fill(account, Target::Live).await.unwrap().unwrap();
    assert!(store.fill(&mut fill, entries).await.unwrap());
    assert!(store.end_fill(fill, true).await.unwrap());
}

async fn read(store: &Arc<dyn ViewStore>, query: Query) -> Option<Page> {
    store.read(&home(), &[query]).await.unwrap().and_then(|pages| pages.into_iter().next())
}

async fn values(store: &Arc<dyn ViewStore>, select: Select) -> Vec<String> {
    let page = read(store, plays(select)).await.unwrap();
    page.entries.iter().map(text).collect()
}

fn text(found: &Found) -> String {
    String::from_utf8(found.value.to_vec()).unwrap()
}

#[tokio::test]
async fn an_account_is_read_only_when_its_fill_is_complete() {
    each(10, async |store, _| {
        assert_eq!(read(&store, plays(Select::All)).await, None);
        let mut fill = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        assert!(store.wants(&home()));
        assert_eq!(read(&store, plays(Select::All)).await, None);
        assert_eq!(store.scopes(&home(), View::PLAYS).await.unwrap(), None);
        store.fill(&mut fill, vec![play(1, 1, 1, "a")]).await.unwrap();
        assert_eq!(read(&store, plays(Select::All)).await, None);
        store.end_fill(fill, true).await.unwrap();
        assert_eq!(values(&store, Select::All).await, ["a"]);
        assert_eq!(store.scopes(&home(), View::PLAYS).await.unwrap(), Some(vec![id("anna")]));
    })
    .await;
}

#[tokio::test]
async fn a_complete_account_without_entries_is_complete() {
    each(10, async |store, _| {
        filled(&store, &home(), vec![]).await;
        assert_eq!(read(&store, plays(Select::All)).await, Some(Page::default()));
    })
    .await;
}

#[tokio::test]
async fn of_two_entries_with_one_key_the_greater_version_stays_and_then_the_greater_value() {
    each(10, async |store, _| {
        filled(&store, &home(), vec![play(1, 5, 5, "five")]).await;
        let merge = async |entry| store.merge(vec![(home(), vec![entry])]).await.unwrap();
        merge(play(1, 4, 9, "four")).await;
        assert_eq!(values(&store, Select::All).await, ["five"]);
        merge(play(1, 5, 5, "fivf")).await;
        merge(play(1, 5, 5, "fiva")).await;
        assert_eq!(values(&store, Select::All).await, ["fivf"]);
        merge(play(1, 6, 6, "six")).await;
        assert_eq!(values(&store, Select::All).await, ["six"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_merged_during_a_fill_is_there_after_it() {
    each(10, async |store, _| {
        let mut fill = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        store
            .merge(vec![(home(), vec![play(1, 2, 2, "new"), play(2, 1, 1, "other")])])
            .await
            .unwrap();
        store.fill(&mut fill, vec![play(1, 1, 1, "old")]).await.unwrap();
        store.end_fill(fill, true).await.unwrap();
        let newest = Select::Ranked { below: None, limit: 9 };
        assert_eq!(values(&store, newest).await, ["new", "other"]);
    })
    .await;
}

#[tokio::test]
async fn merging_into_an_account_without_views_leaves_it_without() {
    each(10, async |store, _| {
        store.merge(vec![(home(), vec![play(1, 1, 1, "a")])]).await.unwrap();
        assert_eq!(read(&store, plays(Select::All)).await, None);
        filled(&store, &home(), vec![]).await;
        assert!(values(&store, Select::All).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_second_fill_waits_for_nobody_and_fills_nothing() {
    each(10, async |store, clock| {
        let mut first = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        assert_eq!(store.begin_fill(&home(), Target::Live).await.unwrap(), None);
        clock.advance_ms(10 * 60 * 1000);
        let second = store.begin_fill(&home(), Target::Live).await.unwrap();
        let mut second = second.expect("a fill that does not end is taken over");
        assert!(!store.fill(&mut first, vec![play(1, 1, 1, "first")]).await.unwrap());
        assert!(!store.end_fill(first, true).await.unwrap());
        assert!(store.fill(&mut second, vec![play(1, 1, 1, "second")]).await.unwrap());
        assert!(store.end_fill(second, true).await.unwrap());
        assert_eq!(values(&store, Select::All).await, ["second"]);
        assert_eq!(store.begin_fill(&home(), Target::Live).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_fill_given_up_leaves_nothing() {
    each(10, async |store, _| {
        let mut fill = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        store.fill(&mut fill, vec![play(1, 1, 1, "half")]).await.unwrap();
        assert!(!store.end_fill(fill, false).await.unwrap());
        assert_eq!(read(&store, plays(Select::All)).await, None);
        filled(&store, &home(), vec![]).await;
        assert!(values(&store, Select::All).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_forgotten_is_not_filled_by_a_fill_that_began_before() {
    each(10, async |store, _| {
        filled(&store, &home(), vec![play(1, 1, 1, "a"), play(2, 1, 1, "b")]).await;
        assert_eq!(store.forget(&home()).await.unwrap(), 2);
        assert_eq!(read(&store, plays(Select::All)).await, None);
        let mut stale = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        store.forget(&home()).await.unwrap();
        let fresh = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        assert!(!store.fill(&mut stale, vec![play(1, 1, 1, "erased")]).await.unwrap());
        store.end_fill(fresh, true).await.unwrap();
        assert!(values(&store, Select::All).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn ranked_entries_come_greatest_first_page_by_page() {
    each(10, async |store, _| {
        let entries = [(1, 10), (2, 30), (3, 20), (4, 20)];
        let entries = entries.map(|(key, rank)| play(key, 1, rank, &key.to_string()));
        filled(&store, &home(), entries.into()).await;
        let page = Select::Ranked { below: None, limit: 2 };
        assert_eq!(values(&store, page).await, ["2", "4"]);
        let below = Some((20, Bytes::from_static(&[4])));
        assert_eq!(values(&store, Select::Ranked { below, limit: 9 }).await, ["3", "1"]);
    })
    .await;
}

#[tokio::test]
async fn entries_of_one_label_are_found_together() {
    each(10, async |store, _| {
        let entries = (1..=5).map(|key| play(key, 1, i64::from(key), &key.to_string()));
        filled(&store, &home(), entries.collect()).await;
        let even = Select::Labelled(Bytes::from_static(b"title-0"));
        assert_eq!(values(&store, even).await, ["2", "4"]);
        let none = Select::Labelled(Bytes::from_static(b"title-"));
        assert!(values(&store, none).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_newest_are_kept_and_the_floor_says_what_was_dropped() {
    each(3, async |store, _| {
        let entries = (1..=5).map(|key| play(key, 1, i64::from(key), &key.to_string()));
        filled(&store, &home(), entries.collect()).await;
        let page = read(&store, plays(Select::Ranked { below: None, limit: 9 })).await.unwrap();
        assert_eq!(page.entries.iter().map(text).collect::<Vec<_>>(), ["5", "4", "3"]);
        assert_eq!(page.floor, Some(2));
        store.merge(vec![(home(), vec![play(2, 9, 2, "back")])]).await.unwrap();
        assert_eq!(values(&store, Select::All).await, ["3", "4", "5"]);
        store.merge(vec![(home(), vec![play(1, 9, 9, "moved")])]).await.unwrap();
        assert_eq!(values(&store, Select::All).await, ["moved", "4", "5"]);
    })
    .await;
}

#[tokio::test]
async fn an_entry_past_its_time_is_not_found() {
    each(10, async |store, clock| {
        let mut entry = play(1, 1, 1, "a");
        entry.expires_at = Some(at(60));
        let mut late = play(2, 1, 1, "late");
        late.expires_at = Some(at(0));
        filled(&store, &home(), vec![entry, late]).await;
        assert_eq!(values(&store, Select::All).await, ["a"]);
        clock.advance_ms(60_000);
        assert!(values(&store, Select::All).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_new_generation_is_read_at_once_and_only_after_the_flip() {
    each(10, async |store, _| {
        let (other, cold) = (id("other"), id("cold"));
        filled(&store, &home(), vec![play(1, 1, 1, "old")]).await;
        filled(&store, &other, vec![play(1, 1, 1, "old")]).await;
        let before = store.generation().await;
        let opened = store.begin_generation(None).await.unwrap();
        // Where only this process knows of views, those that nobody asked for are left out.
        let is_filled = store.begin_fill(&cold, Target::Next).await.unwrap();
        assert_eq!(is_filled.is_some(), store.wants(&cold));
        if let Some(mut fill) = is_filled {
            store.fill(&mut fill, vec![play(1, 1, 1, "cold")]).await.unwrap();
            assert!(store.end_fill(fill, true).await.unwrap());
        }
        let mut fill = store.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
        store.fill(&mut fill, vec![play(1, 1, 1, "older"), play(2, 1, 1, "new")]).await.unwrap();
        store.merge(vec![(home(), vec![play(3, 1, 1, "live")])]).await.unwrap();
        store.end_fill(fill, true).await.unwrap();
        assert_eq!(values(&store, Select::All).await, ["old", "live"]);
        assert_ne!(store.flip(opened - 1).await.unwrap(), opened, "that one is not prepared");
        assert_eq!(values(&store, Select::All).await, ["old", "live"]);
        assert!(store.flip(opened).await.unwrap() > before);
        assert_eq!(values(&store, Select::All).await, ["older", "new", "live"]);
        let read = store.read(&other, &[plays(Select::All)]).await.unwrap();
        assert_eq!(read, None, "what the new generation lacks is filled by the next read");
        let read = store.read(&cold, &[plays(Select::All)]).await.unwrap();
        assert_eq!(read.is_some(), store.wants(&cold));
    })
    .await;
}

#[tokio::test]
async fn a_generation_is_gone_on_with_by_its_number_and_otherwise_dropped() {
    each(10, async |store, _| {
        filled(&store, &home(), vec![play(1, 1, 1, "old")]).await;
        let opened = store.begin_generation(None).await.unwrap();
        let fill_next = async |value| {
            let mut fill = store.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
            assert!(store.fill(&mut fill, vec![play(1, 1, 1, value)]).await.unwrap());
            assert!(store.end_fill(fill, true).await.unwrap());
        };
        fill_next("new").await;
        assert_eq!(store.begin_generation(Some(opened)).await.unwrap(), opened);
        let again = store.begin_fill(&home(), Target::Next).await.unwrap();
        assert_eq!(again, None, "it is there already");
        let other = store.begin_generation(Some(opened - 1)).await.unwrap();
        assert!(other > opened);
        let mut dead = store.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
        assert!(store.fill(&mut dead, vec![play(2, 1, 1, "dead")]).await.unwrap());
        fill_next("newer").await;
        assert!(!store.end_fill(dead, true).await.unwrap(), "another rebuild took it over");
        assert_eq!(store.flip(other).await.unwrap(), other);
        assert_eq!(values(&store, Select::All).await, ["newer"]);
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_merges_leaves_the_same(
        entries in prop::collection::vec((0u8..6, 0u64..5, "[a-c]"), 1..40),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(each(usize::MAX, async |store, _| {
            // A version decides its rank and value in life; here, too.
            let entries: Vec<Entry> = entries.iter().map(|(key, version, value)| {
                play(*key, *version, i64::try_from(*version).unwrap() * 3 + i64::from(*key), value)
            }).collect();
            filled(&store, &home(), entries.clone()).await;
            let straight = read(&store, plays(Select::All)).await;
            store.forget(&home()).await.unwrap();
            filled(&store, &home(), vec![]).await;
            let mut shuffled = [entries.clone(), entries].concat();
            let length = shuffled.len();
            for at in 0..length {
                let turn = seed.rotate_left(u32::try_from(at % 64).unwrap());
                let other = usize::try_from(turn).unwrap();
                shuffled.swap(at, other % length);
            }
            for entry in shuffled {
                store.merge(vec![(home(), vec![entry])]).await.unwrap();
            }
            assert_eq!(read(&store, plays(Select::All)).await, straight);
        }));
    }
}

#[tokio::test]
async fn memory_drops_whole_accounts_least_recently_used_first_and_stays_within_its_limit() {
    let clock = Arc::new(ManualClock::new(at(0)));
    let bytes_max = 20_000;
    let options = MemoryViewsOptions { bytes_max, ..MemoryViewsOptions::default() };
    let store: Arc<dyn ViewStore> = Arc::new(MemoryViews::new(options, clock));
    for number in 0..500 {
        let account = id(&format!("account-{number}"));
        filled(&store, &account, (0..4).map(|key| play(key, 1, 1, "some bytes")).collect()).await;
        assert!(store.standing().bytes <= bytes_max, "{:?}", store.standing());
        store.read(&account, &[]).await.unwrap();
    }
    assert!(!store.wants(&id("account-0")));
    let standing = store.standing();
    assert!(standing.evicted > 400 && standing.accounts > 5, "{standing:?}");
    assert_eq!(standing.accounts as u64 + standing.evicted, 500);
    assert!(store.wants(&id("account-499")));
}
