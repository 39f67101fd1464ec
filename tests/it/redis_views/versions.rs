//! What wins, and in which order entries come: as in memory, wherever a script's numbers or texts
//! would go wrong.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use viewlog::events::{Clock, ManualClock};
use viewlog::projections::{
    Entry, MemoryViews, MemoryViewsOptions, Page, Query, Select, Target, Version, View, ViewStore,
};

use super::shared;
use crate::support::{at, home, id};

/// Where bytes grow, signs turn and a double's digits end.
const FIRST: [u64; 16] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0xffff_ffff,
    0x1_0000_0000,
    (1 << 53) - 1,
    1 << 53,
    (1 << 53) + 1,
    (1 << 53) + 2,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];
const SECOND: [u128; 8] =
    [0, 1, 1 << 53, (1 << 53) + 1, 1 << 64, (1 << 64) + 1, u128::MAX - 1, u128::MAX];
/// Empty, beginnings of each other, and what a locale would order otherwise.
const VALUES: [&[u8]; 12] =
    [b"", b"\0", b"a", b"a\0", b"ab", b"B", b"\x7f", b"\x80", b"\xc3\xa4", b"\xff", b"Z", b"a b"];
const LABELS: [&[u8]; 7] = [b"", b"a", b"aa", b"a\0", b"B", b"\xc3\xa4", b"\xff"];
const RANKS: [i64; 8] = [0, -1, 1, 1_795_410_000_000, 1 << 31, (1 << 53) - 1, -(1 << 53), 1 << 53];

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let versions = (prop::sample::select(&FIRST[..]), prop::sample::select(&SECOND[..]));
    let keys = prop::sample::select(&[0_u8, 1, 0x7f, 0x80, 0xff][..]);
    let ranks = prop::option::weighted(0.9, prop::sample::select(&RANKS[..]));
    let labels = prop::option::weighted(0.9, prop::sample::select(&LABELS[..]));
    let one = (versions, keys, ranks, labels, prop::sample::select(&VALUES[..]));
    let entry = one.prop_map(|(version, key, rank, label, value)| Entry {
        view: View::PLAYS,
        scope: Some(id("anna")),
        key: Bytes::copy_from_slice(&[key]),
        version: Version(version.0, version.1),
        rank,
        label: label.map(Bytes::from_static).unwrap_or_default(),
        value: Bytes::copy_from_slice(value),
        expires_at: None,
    });
    prop::collection::vec(entry, 1..40)
}

fn queries() -> Vec<Query> {
    let mut selects = vec![Select::All, Select::Ranked { below: None, limit: 2 }];
    for rank in RANKS {
        for key in [0, 0x80] {
            let below = Some((rank, Bytes::copy_from_slice(&[key])));
            selects.push(Select::Ranked { below, limit: 3 });
        }
    }
    selects.extend(LABELS.map(|label| Select::Labelled(Bytes::from_static(label))));
    let query = |select| Query { view: View::PLAYS, scope: Some(id("anna")), select };
    selects.into_iter().map(query).collect()
}

/// Fills with the first entries, merges the others one by one, and reads everything.
async fn pages(store: &dyn ViewStore, entries: &[Entry]) -> Vec<Page> {
    let (filled, merged) = entries.split_at(entries.len() / 3);
    let mut fill = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
    assert!(store.fill(&mut fill, filled.to_vec()).await.unwrap());
    assert!(store.end_fill(fill, true).await.unwrap());
    for entry in merged {
        store.merge(vec![(home(), vec![entry.clone()])]).await.unwrap();
    }
    store.read(&home(), &queries()).await.unwrap().expect("nothing was lost")
}

async fn compare(entries: &[Entry], plays_per_profile_max: usize) {
    let clock = Arc::new(ManualClock::new(at(0)));
    let Some(redis) = shared(plays_per_profile_max, &clock) else { return };
    let options = MemoryViewsOptions { plays_per_profile_max, ..MemoryViewsOptions::default() };
    let memory = MemoryViews::new(options, clock as Arc<dyn Clock>);
    let (found, expected) = (pages(&redis, entries).await, pages(&memory, entries).await);
    for ((query, found), expected) in queries().iter().zip(found).zip(expected) {
        assert_eq!(found, expected, "{query:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn random_entries_give_the_pages_that_memory_gives(entries in entries(), most in 1_usize..8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            compare(&entries, usize::MAX).await;
            compare(&entries, most).await;
        });
    }

    #[test]
    fn entries_that_expire_are_as_gone_as_in_memory(
        entries in entries(),
        expiries in prop::collection::vec(prop::option::of(-5_i64..40), 40),
    ) {
        let at = |seconds| Some(at(seconds));
        let entries = entries.into_iter().zip(expiries);
        let entries: Vec<Entry> = entries
            .map(|(entry, expiry)| Entry { expires_at: expiry.and_then(at), ..entry })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare_in_time(&entries));
    }
}

/// A second goes by with each entry.
async fn compare_in_time(entries: &[Entry]) {
    let clock = Arc::new(ManualClock::new(at(0)));
    let Some(redis) = shared(usize::MAX, &clock) else { return };
    let dyn_clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let memory = MemoryViews::new(MemoryViewsOptions::default(), dyn_clock);
    let stores: [&dyn ViewStore; 2] = [&redis, &memory];
    for store in stores {
        let fill = store.begin_fill(&home(), Target::Live).await.unwrap().unwrap();
        assert!(store.end_fill(fill, true).await.unwrap());
    }
    for entry in entries {
        clock.advance_ms(1_000);
        for store in stores {
            store.merge(vec![(home(), vec![entry.clone()])]).await.unwrap();
        }
    }
    let found = redis.read(&home(), &queries()).await.unwrap();
    assert_eq!(found, memory.read(&home(), &queries()).await.unwrap());
}
