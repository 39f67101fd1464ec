//! What nobody else may know: words that nobody guesses, and files that their owner alone may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::Rng;

/// So many bytes that nobody guesses, as hexadecimal digits.
pub(super) fn random_hex(bytes: usize) -> String {
    let mut drawn = vec![0; bytes];
    rand::rng().fill_bytes(&mut drawn);
    drawn.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a new file for its owner alone, in place of a leftover of this name, which would keep the
/// permissions it has.
pub(super) fn private_file(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}
