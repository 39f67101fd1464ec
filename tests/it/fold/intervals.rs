//! Stretches against the plainest thing that does the same: a row of bits.

use proptest::prelude::*;
use viewlog::events::Intervals;

const END: u64 = 96;

fn stretches() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0..END, 0..END), 0..24)
}

fn bits(stretches: &[(u64, u64)]) -> Vec<bool> {
    let within = |n: u64| stretches.iter().any(|&(from, to)| from <= n && n < to);
    (0..END).map(within).collect()
}

fn bits_of(intervals: &Intervals) -> Vec<bool> {
    (0..END).map(|n| intervals.contains(n)).collect()
}

/// Sorted, none empty, and a gap between any two.
fn assert_canonical(intervals: &Intervals) {
    let all = intervals.as_slice();
    assert!(all.iter().all(|(from, to)| from < to), "{all:?}");
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "{all:?}");
}

proptest! {
    #[test]
    fn adding_in_any_order_is_the_union(
        added in stretches().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let (one, other) = added;
        let intervals: Intervals = one.iter().copied().collect();
        assert_canonical(&intervals);
        prop_assert_eq!(bits_of(&intervals), bits(&one));
        let total = bits(&one).iter().filter(|bit| **bit).count();
        prop_assert_eq!(intervals.total(), total as u64);
        prop_assert_eq!(intervals, other.into_iter().collect::<Intervals>());
    }

    #[test]
    fn removing_takes_out_exactly_one_number(all in stretches(), number in 0..END) {
        let mut intervals: Intervals = all.iter().copied().collect();
        let mut expected = bits(&all);
        let was_in = std::mem::replace(&mut expected[number as usize], false);
        prop_assert_eq!(intervals.remove(number), was_in);
        assert_canonical(&intervals);
        prop_assert_eq!(bits_of(&intervals), expected);
    }

    #[test]
    fn gaps_are_what_is_not_in_them_below_an_end(all in stretches(), end in 0..END) {
        let intervals: Intervals = all.iter().copied().collect();
        let gaps = intervals.gaps(end);
        assert_canonical(&gaps);
        for (n, covered) in bits(&all).into_iter().enumerate() {
            prop_assert_eq!(gaps.contains(n as u64), (n as u64) < end && !covered);
        }
    }

    #[test]
    fn joining_closes_the_smallest_gaps_and_loses_nothing(all in stretches(), most in 0..6_usize) {
        let before: Intervals = all.iter().copied().collect();
        let mut gaps: Vec<u64> =
            before.as_slice().windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
        gaps.sort_unstable();
        let closed = before.as_slice().len().saturating_sub(most.max(1));
        let filled: u64 = gaps[..closed].iter().sum();
        let mut joined = before.clone();
        prop_assert_eq!(joined.join_to(most), closed > 0);
        assert_canonical(&joined);
        prop_assert_eq!(joined.as_slice().len(), before.as_slice().len() - closed);
        prop_assert_eq!(joined.total(), before.total() + filled);
        prop_assert!(before.as_slice().iter().all(|(from, _)| joined.contains(*from)));
    }

    #[test]
    fn the_greatest_numbers_are_numbers_too(from: u64, to: u64, number: u64, end: u64) {
        let mut intervals = Intervals::default();
        intervals.add(from, to);
        intervals.add(0, 1);
        intervals.add(u64::MAX - 1, u64::MAX);
        intervals.remove(number);
        intervals.join_to(1);
        assert_canonical(&intervals);
        assert_canonical(&intervals.gaps(end));
    }
}

#[test]
fn an_empty_stretch_adds_nothing() {
    let mut intervals = Intervals::default();
    intervals.add(5, 5);
    intervals.add(7, 3);
    assert!(intervals.is_empty());
    assert_eq!(intervals.gaps(0), Intervals::default());
    assert!(!intervals.remove(5));
}

#[test]
fn touching_stretches_are_one() {
    let intervals: Intervals = [(0, 5), (10, 15), (5, 10)].into_iter().collect();
    assert_eq!(intervals.as_slice(), [(0, 15)]);
}
