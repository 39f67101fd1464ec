//! What lies in deploy/ for operators: the examples of proxies run in front of real nodes, what is
//! named exists, and no alert is without its page in the runbook.

pub(crate) mod alerts;
mod containers;
mod proxies;
mod proxy;

use std::path::PathBuf;

/// A file of deploy/.
fn deployed(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
