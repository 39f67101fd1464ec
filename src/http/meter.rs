//! Counts of what comes in; looked up once, since every request counts.

use std::sync::LazyLock;

use metrics::{Counter, counter};

use super::problem::RefusedFact;
use crate::telemetry::{FACTS, FACTS_REFUSED};

struct Counters {
    recorded: Counter,
    duplicates: Counter,
    private: Counter,
}

static COUNTERS: LazyLock<Counters> = LazyLock::new(|| Counters {
    recorded: counter!(FACTS, "outcome" => "recorded"),
    duplicates: counter!(FACTS, "outcome" => "duplicate"),
    private: counter!(FACTS, "outcome" => "private"),
});

/// Counts the facts of a request by what became of them.
pub(super) fn facts(recorded: usize, duplicates: usize, private: usize, refused: &[RefusedFact]) {
    COUNTERS.recorded.increment(recorded as u64);
    COUNTERS.duplicates.increment(duplicates as u64);
    COUNTERS.private.increment(private as u64);
    for refused in refused {
        counter!(FACTS_REFUSED, "code" => refused.code).increment(1);
    }
}
