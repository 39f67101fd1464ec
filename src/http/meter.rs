//! Counts of what comes in; looked up once, since every request counts.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::problem::RefusedFact;
use crate::projections::Source;
use crate::telemetry::{ACKNOWLEDGE_SECONDS, FACTS, FACTS_REFUSED, READ_SECONDS};

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

static ACKNOWLEDGED: LazyLock<Histogram> = LazyLock::new(|| histogram!(ACKNOWLEDGE_SECONDS));

static READ_IN_VIEWS: LazyLock<Histogram> =
    LazyLock::new(|| histogram!(READ_SECONDS, "source" => "views"));
static READ_IN_LOG: LazyLock<Histogram> =
    LazyLock::new(|| histogram!(READ_SECONDS, "source" => "log"));

/// Takes down how long an answer took.
pub(super) fn read(source: Source, time: Duration) {
    match source {
        Source::Views => READ_IN_VIEWS.record(time),
        Source::Log => READ_IN_LOG.record(time),
    }
}

/// Takes down how long the facts of one request, or of frames read at once, waited.
pub(super) fn waited(time: Duration) {
    ACKNOWLEDGED.record(time);
}

/// Counts the facts of a request by what became of them.
pub(super) fn facts(recorded: usize, duplicates: usize, private: usize, refused: &[RefusedFact]) {
    COUNTERS.recorded.increment(recorded as u64);
    COUNTERS.duplicates.increment(duplicates as u64);
    COUNTERS.private.increment(private as u64);
    for refused in refused {
        counter!(FACTS_REFUSED, "code" => refused.code).increment(1);
    }
}
