//! The keys that tokens are checked with, from where the configuration says they are; and the one
//! that is made for want of another.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::private::{private_file, random_hex};
use crate::config::Config;
use crate::events::SystemClock;
use crate::http::{KeyError, KeySource, Keyring, SourceError, Terms, Tokens};

/// As long as what HS256 makes.
const SECRET_BYTES: usize = 32;

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file of a secret cannot be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it is no secret.
    #[error("{}: {error}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyError,
    },
    /// What is set as one is none.
    #[error("auth_secret: {0}")]
    Given(KeyError),
    /// The public keys cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Only others can make tokens.
    #[error(
        "this server checks tokens with public keys: they come from whoever holds the private key"
    )]
    Foreign,
}

/// A secret, and the file that was made for it if there was none.
pub struct Made {
    /// The secret.
    pub secret: Vec<u8>,
    /// The new file.
    pub file: Option<PathBuf>,
}

/// What tokens are checked against; nothing where none are needed.
pub(super) fn tokens(config: &Config, local: &str) -> Result<Option<Tokens>, KeysError> {
    let Some(keys) = keyring(config)? else { return Ok(None) };
    let terms = Terms {
        audience: config.auth_audience.clone(),
        local: local.to_owned(),
        requests_per_s_max: config.http.requests_per_s_max,
        requests_per_s_all_accounts_max: config.http.requests_per_s_all_accounts_max,
    };
    Ok(Some(Tokens::new(keys, terms, Arc::new(SystemClock))))
}

/// The keys that the configuration names, or the own one.
///
/// # Errors
/// [`KeysError`].
pub fn keyring(config: &Config) -> Result<Option<Keyring>, KeysError> {
    let source = source(config).map(Keyring::of_source).transpose()?;
    let Some((secret, file)) = secret(config)? else { return Ok(source) };
    let keys = match source {
        Some(keys) => keys.and_secret(&secret),
        None => Keyring::of_secret(&secret),
    };
    keys.map(Some).map_err(|error| wrong(error, file))
}

fn wrong(error: KeyError, file: Option<PathBuf>) -> KeysError {
    match file {
        Some(path) => KeysError::Secret { path, error },
        None => KeysError::Given(error),
    }
}

/// The secret to sign with; made where no key is named and none was made before.
///
/// # Errors
/// [`KeysError`].
pub fn made_or_kept(config: &Config) -> Result<Made, KeysError> {
    if let Some((secret, file)) = secret(config)? {
        Keyring::of_secret(&secret).map_err(|error| wrong(error, file))?;
        return Ok(Made { secret, file: None });
    }
    if config.names_keys() {
        return Err(KeysError::Foreign);
    }
    let path = config.own_secret_file();
    let made = make(&path).map_err(|source| KeysError::File { path: path.clone(), source })?;
    let secret = read(&path)?;
    Ok(Made { secret, file: made.then_some(path) })
}

fn source(config: &Config) -> Option<KeySource> {
    let named = config.auth_jwks_url.as_ref();
    let url = named.map(|url| KeySource::Url(url.as_str().to_owned(), config.tls_files()));
    url.or_else(|| config.auth_key.clone().map(KeySource::File))
}

/// A secret, and the file that it comes from.
type Secret = (Vec<u8>, Option<PathBuf>);

/// The secret that is named, or the own one.
fn secret(config: &Config) -> Result<Option<Secret>, KeysError> {
    if config.auth_secret.is_set() {
        return Ok(Some((config.auth_secret.as_bytes().to_vec(), None)));
    }
    let Some(path) = config.secret_file() else { return Ok(None) };
    Ok(Some((read(&path)?, Some(path))))
}

fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|source| KeysError::File { path: path.to_owned(), source })?;
    Ok(match std::str::from_utf8(&bytes) {
        // An editor puts a line end behind a text; bytes that are none are all meant.
        Ok(text) => text.trim_end_matches(['\r', '\n']).as_bytes().to_vec(),
        Err(_) => bytes,
    })
}

/// Makes a secret that is there whole or not at all, for its owner alone; false when somebody else
/// was faster.
fn make(path: &Path) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(format!("{}", std::process::id()));
    let text = format!("{}\n", random_hex(SECRET_BYTES));
    private_file(&unfinished, text.as_bytes())?.sync_all()?;
    // Made by root for a server that runs as somebody else: it is theirs to read.
    let owner = fs::metadata(folder)?;
    let _ = chown(&unfinished, Some(owner.uid()), Some(owner.gid()));
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
