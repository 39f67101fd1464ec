//! Where public keys come from: a file, or an address that gives a key set.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;

use super::keys::{Key, KeyError, public_keys};
use crate::tls::{TlsFiles, remedy};

/// A provider that needs longer is away.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest key set, in bytes: 64 keys with their certificates.
const SET_BYTES_MAX: usize = 1 << 20;

/// Where public keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file with keys in PEM or a key set.
    File(PathBuf),
    /// An address that answers with a key set, and whom to believe there.
    Url(String, TlsFiles),
}

/// Why a source gives no keys.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing comes from the address.
    #[error("{url}: {why}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// What it gives is no key.
    #[error("{place}: {error}")]
    Keys {
        /// The file or address.
        place: String,
        /// What is wrong.
        error: KeyError,
    },
}

impl KeySource {
    /// The keys as they are now; none where a set has none, which is not a failure: whoever
    /// empties it takes every key out.
    pub(super) async fn load(&self) -> Result<Vec<Key>, SourceError> {
        match self {
            Self::File(path) => self.keys(&text_of(path)?),
            Self::Url(url, files) => {
                let text = fetched(url, files).await.map_err(|why| {
                    let url = url.clone();
                    SourceError::Unreachable { url, why }
                })?;
                self.keys(&text)
            }
        }
    }

    /// The keys of a file to begin with, at least one; none of an address, which has to be asked.
    pub(super) fn read(&self) -> Result<Vec<Key>, SourceError> {
        let Self::File(path) = self else { return Ok(vec![]) };
        self.some(self.keys(&text_of(path)?)?)
    }

    /// These keys, if there are any.
    pub(super) fn some(&self, keys: Vec<Key>) -> Result<Vec<Key>, SourceError> {
        if keys.is_empty() {
            return Err(SourceError::Keys { place: self.place(), error: KeyError::NoneUsable });
        }
        Ok(keys)
    }

    fn keys(&self, text: &str) -> Result<Vec<Key>, SourceError> {
        public_keys(text).map_err(|error| SourceError::Keys { place: self.place(), error })
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url, _) => url.clone(),
        }
    }
}

fn text_of(path: &Path) -> Result<String, SourceError> {
    let text = fs::read_to_string(path);
    text.map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })
}

/// What an address answers. A redirect is not followed: keys come from where they were said to be.
async fn fetched(url: &str, files: &TlsFiles) -> Result<String, String> {
    let mut client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).redirect(Policy::none());
    if url.starts_with("https:") {
        let trust = files.client().map_err(|error| error.to_string())?;
        client = client.tls_backend_preconfigured(trust);
    }
    let client = client.build().map_err(|error| told(&error))?;
    let mut answer = client.get(url).send().await.map_err(|error| told(&error))?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| told(&error))? {
        body.extend_from_slice(&piece);
        if body.len() > SET_BYTES_MAX {
            return Err(format!("it answers with more than {SET_BYTES_MAX} bytes"));
        }
    }
    String::from_utf8(body).map_err(|_| "it answers with something else than text".to_owned())
}

/// The innermost cause, which says most.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let said = cause.to_string();
    let remedy = remedy(&said);
    said + remedy
}
