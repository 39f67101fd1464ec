//! Suites that say nothing of where things are kept, once more on Cassandra and Redis: the very
//! same tests, in a process of their own.

use std::time::Duration;

use crate::binary::{finish_within, out, said};
use crate::servers::stores::{again_on_a_fleet, are_a_fleets};
use crate::servers::{cassandra, redis};

/// Each application connects to both stores and makes its tables, and a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(1_500);

/// Runs them; so many at least must be there, lest a new name leaves some out.
fn pass(filters: &[&str], tests_min: usize) {
    if are_a_fleets() || cassandra().is_none() || redis().is_none() {
        return;
    }
    let ran = finish_within(&mut again_on_a_fleet(filters), PATIENCE);
    let (out, said) = (out(&ran), said(&ran));
    // The names of those that passed would hide why others did not.
    let failures = out.split_once("\nfailures:\n").map_or(said.as_str(), |(_, rest)| rest);
    assert!(ran.status.success(), "{failures}");
    let passed = out.split("test result: ok. ").nth(1).and_then(|rest| rest.split(' ').next());
    let passed: usize = passed.and_then(|count| count.parse().ok()).unwrap_or(0);
    assert!(passed >= tests_min, "{said}");
}

#[test]
fn the_contract_over_http_is_kept_on_cassandra_and_redis() {
    // In that one the embedded log's disk is full.
    pass(&["http::contract", "--skip=a_store_that_takes_nothing"], 150);
}

#[test]
fn who_may_is_judged_alike_on_cassandra_and_redis() {
    pass(&["http::auth"], 50);
}

#[test]
fn requests_are_answered_alike_on_cassandra_and_redis() {
    pass(&["http::", "--skip=http::contract", "--skip=http::auth"], 80);
}

#[test]
fn the_live_feed_tells_the_same_on_cassandra_and_redis() {
    pass(&["live::", "--skip=fleet::"], 25);
}

#[test]
fn maintenance_leaves_every_answer_as_it_was_on_cassandra_and_redis() {
    // These two note where work stopped by the embedded log's order; `long_work` kills and goes on.
    pass(&["projections::maintenance", "--skip=goes_on_where_it_stopped"], 8);
}
