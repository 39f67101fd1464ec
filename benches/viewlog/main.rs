//! The measurements of docs/benchmarks.md. `redis`, `relay`, `cassandra`, `fleet` and
//! `fleet-reads` start the stores that they need; where there are none they are skipped, which they
//! say.
//! `cargo bench --bench viewlog -- [name…]`; no name runs all.
//! `--no-default-features` measures with the system's allocator.
//!
//! Client and server share the machine's cores, as the figures say. Numbers compare within one run
//! alone: machines are shared and noisy.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark: it stops at the first thing that is wrong, and its output is the point"
)]

mod appends;
mod cassandra;
mod disk;
mod facts;
mod fleet;
mod in_process;
mod lag;
mod load;
mod log;
mod memory;
mod network;
mod nowhere;
mod path;
mod reads;
mod rebuild;
mod redis;
mod relay;
mod server;
mod tokens;

use std::time::Duration;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each measurement runs after its warm-up.
const RUN: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);

/// A name to ask for it by, and what runs.
type Measurement = (&'static str, fn());

fn main() {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let all: [Measurement; 14] = [
        ("log", log::run),
        ("in-process", in_process::run),
        ("network", network::run),
        ("reads", reads::run),
        ("rebuild", rebuild::run),
        ("redis", redis::run),
        ("relay", relay::run),
        ("disk", disk::run),
        ("memory", memory::run_of_one),
        ("memory-64", memory::run_of_many),
        ("cassandra", cassandra::run),
        ("fleet", fleet::run),
        ("fleet-reads", fleet::run_reads),
        ("tokens", tokens::run),
    ];
    for (name, run) in all {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n## {name}");
            run();
        }
    }
}
