//! The sample that the project ships is what its generator writes.

use std::fs;
use std::path::Path;

#[path = "../../../examples/sample_export.rs"]
#[expect(dead_code, reason = "the example's own main")]
mod sample_export;

/// The sample as it is shipped.
pub(super) fn shipped() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/ViewingActivity.csv");
    fs::read(path).expect("the sample")
}

#[test]
fn the_shipped_sample_is_what_the_generator_writes() {
    let right = "write it again with: cargo run --example sample_export";
    assert!(sample_export::sample().expect("a sample") == shipped(), "{right}");
}
