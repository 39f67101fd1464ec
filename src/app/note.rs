//! The note that a server leaves in its data directory: where it answers, and a token for programs
//! of this machine. Only its owner may read it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use serde::Serialize;

use super::{Address, StartError};

const NAME: &str = "server.json";
const TOKEN_BYTES: usize = 24;

/// A note that lies there; it goes with the value.
#[derive(Debug)]
pub(super) struct Note(PathBuf);

#[derive(Serialize)]
struct Text<'a> {
    url: &'a str,
    token: Option<&'a str>,
    pid: u32,
}

impl Note {
    /// Leaves the note, in place of one that a crash left behind. It is there whole or not at all.
    pub(super) fn leave(data: &Path, address: &Address) -> Result<Self, StartError> {
        let path = data.join(NAME);
        let failed = |source| StartError::Note { path: path.clone(), source };
        fs::create_dir_all(data).map_err(failed)?;
        let unfinished = data.join(format!("{NAME}.{}", std::process::id()));
        let text =
            Text { url: &address.url, token: address.token.as_deref(), pid: std::process::id() };
        let text = serde_json::to_vec(&text).unwrap_or_default();
        // A leftover of this name would keep the permissions it has.
        let _ = fs::remove_file(&unfinished);
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(&unfinished).map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // Whoever finds it asks whether someone answers.
        let _ = fs::remove_file(&self.0);
    }
}

/// A token that nobody guesses.
pub(super) fn fresh_token() -> String {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
