//! The note that a server leaves in its data directory: where it answers, a token for programs of
//! this machine, and its name among the nodes of a fleet. Only its owner may read it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::private::private_file;
use super::{Address, StartError};

const NAME: &str = "server.json";

/// A note that lies there; it goes with the value, unless another has taken its place.
pub(super) struct Note {
    path: PathBuf,
    text: Vec<u8>,
}

#[derive(Serialize)]
struct Text<'a> {
    url: &'a str,
    token: Option<&'a str>,
    pid: u32,
    node: Option<&'a str>,
}

#[derive(Deserialize)]
struct Left {
    node: Option<String>,
}

/// The name of the node that left its note in this directory because it crashed.
pub(super) fn crashed(data: &Path) -> Option<String> {
    let text = fs::read(data.join(NAME)).ok()?;
    serde_json::from_slice::<Left>(&text).ok()?.node
}

impl Note {
    /// Leaves the note, in place of one that a crash left behind. It is there whole or not at all.
    pub(super) fn leave(
        data: &Path,
        address: &Address,
        node: Option<&str>,
    ) -> Result<Self, StartError> {
        let path = data.join(NAME);
        let failed = |source| StartError::Note { path: path.clone(), source };
        fs::create_dir_all(data).map_err(failed)?;
        let unfinished = data.join(format!("{NAME}.{}", std::process::id()));
        let Address { url, token } = address;
        let text = Text { url, token: token.as_deref(), pid: std::process::id(), node };
        let text = serde_json::to_vec(&text).unwrap_or_default();
        private_file(&unfinished, &text).map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        Ok(Self { path, text })
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let is_ours = fs::read(&self.path).is_ok_and(|found| found == self.text);
        if is_ours {
            // Whoever finds one that is left asks whether someone answers.
            let _ = fs::remove_file(&self.path);
        }
    }
}
