//! Sorted, disjoint, half-open stretches of whole numbers; what was watched, and which numbers are
//! missing.

use serde::Serialize;

/// Sorted disjoint stretches `[from, to)`; touching stretches are one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// The stretches in ascending order.
    pub fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// True when nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in it.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    /// Adds `[from, to)`; nothing happens when it is empty.
    pub fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        if let Some(last) = self.0.last_mut()
            && last.0 <= from
        {
            if from <= last.1 {
                last.1 = last.1.max(to);
            } else {
                self.0.push((from, to));
            }
            return;
        }
        let start = self.0.partition_point(|&(_, end)| end < from);
        let end = self.0.partition_point(|&(begin, _)| begin <= to);
        let joined = self.0.get(start..end).unwrap_or_default().iter();
        let merged = joined.fold((from, to), |(a, b), &(c, d)| (a.min(c), b.max(d)));
        self.0.splice(start..end.max(start), [merged]);
    }

    /// Takes one number out; true when it was in.
    pub fn remove(&mut self, number: u64) -> bool {
        let at = self.0.partition_point(|&(_, to)| to <= number);
        let Some(&(from, to)) = self.0.get(at).filter(|&&(from, _)| from <= number) else {
            return false;
        };
        let rest = [(from, number), (number + 1, to)];
        self.0.splice(at..=at, rest.into_iter().filter(|(from, to)| from < to));
        true
    }

    /// True when `number` is in it.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|&(_, to)| to <= number);
        self.0.get(at).is_some_and(|&(from, _)| from <= number)
    }

    /// Joins the closest neighbours until at most `most` stretches are left; true when any were
    /// joined.
    pub fn join_to(&mut self, most: usize) -> bool {
        let before = self.0.len();
        while self.0.len() > most.max(1) {
            let gaps = self.0.windows(2).enumerate();
            let closest = gaps.min_by_key(|(_, pair)| match pair {
                [(_, end), (begin, _)] => begin - end,
                _ => u64::MAX,
            });
            let Some((at, _)) = closest else { break };
            let to = self.0.remove(at + 1).1;
            if let Some(kept) = self.0.get_mut(at) {
                kept.1 = to;
            }
        }
        self.0.len() < before
    }

    /// What lies in `[0, end)` outside these stretches.
    #[must_use]
    pub fn gaps(&self, end: u64) -> Self {
        let mut gaps = Vec::new();
        let mut at = 0;
        for &(from, to) in &self.0 {
            if from > at && at < end {
                gaps.push((at, from.min(end)));
            }
            at = at.max(to);
        }
        if at < end {
            gaps.push((at, end));
        }
        Self(gaps)
    }
}

impl FromIterator<(u64, u64)> for Intervals {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(stretches: I) -> Self {
        let mut all = Self::default();
        for (from, to) in stretches {
            all.add(from, to);
        }
        all
    }
}
