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

/// So many crashes in a row are remembered.
const CRASHED_MAX: usize = 16;

#[derive(Serialize)]
struct Text<'a> {
    url: &'a str,
    token: Option<&'a str>,
    pid: u32,
    node: Option<&'a str>,
    /// Nodes that crashed here before, the last one first.
    crashed: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Left {
    node: Option<String>,
    #[serde(default)]
    crashed: Vec<String>,
}

/// The names of the nodes that crashed in this directory one after the other, the last one first.
pub(super) fn crashed(data: &Path) -> Vec<String> {
    let left = fs::read(data.join(NAME)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let Left { node, crashed } = left.unwrap_or_default();
    node.into_iter().chain(crashed).take(CRASHED_MAX).collect()
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
        let mut crashed = crashed(data);
        crashed.retain(|crashed| Some(crashed.as_str()) != node);
        let text = Text { url, token: token.as_deref(), pid: std::process::id(), node, crashed };
        let text = serde_json::to_vec(&text).unwrap_or_default();
        private_file(&unfinished, &text).map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        Ok(Self { path, text })
    }

    /// Leaves it for whoever starts here next, as a crash does.
    pub(super) fn stay(mut self) {
        self.text.clear();
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
