//! One binary: every part from outside, on real stores. Test names are sentences.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod actors;
mod adapters;
mod answers;
mod binary;
mod cassandra;
mod cli;
mod config;
mod deploy;
mod embedded;
mod export;
mod faults;
mod fleet;
mod fold;
mod http;
mod live;
mod log_contract;
mod netflix;
mod projections;
mod proxy;
mod redis_views;
mod servers;
mod site;
mod spool;
mod stored_events;
mod support;
mod tidy;
mod tokens;
mod view_contract;
mod wishes;
