//! Real servers for tests, through the scripts of deploy/dev: one Cassandra and one Redis that all
//! tests share, and others that a test has to itself, to kill and to freeze.
//!
//! A server starts with the first test that asks for it and goes within seconds after this process
//! has ended, however it ended. Test processes of one checkout share the shared ones. With
//! `VIEWLOG_TEST_SERVERS=keep` they are left running for the next run.
//!
//! Where Java, Maven or Redis is missing whoever asks gets none and is to return: the test is
//! skipped, loudly. With `CI=true` it fails instead.

mod cassandra;
mod cluster;
mod redis;
mod stack;
pub(crate) mod stores;
mod tests;
mod tls;

use std::io::Write;

pub(crate) use cassandra::{Cassandra, cassandra, session_at};
pub(crate) use cluster::Cluster;
pub(crate) use redis::{OwnRedis, redis};
pub(crate) use stack::Missing;
use stack::Stack;
pub(crate) use tls::{Authority, CASSANDRA_NAME, authority};

/// What was started, or a word on why the test is skipped. Not by way of `eprintln!`, which nobody
/// sees when a test passes.
pub(crate) fn or_skipped<T>(started: Result<T, Missing>) -> Option<T> {
    let Missing(why) = match started {
        Ok(started) => return Some(started),
        Err(missing) => missing,
    };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI runs every test, but {why}");
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}; ./test installs what is needed");
    None
}
