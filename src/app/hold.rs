//! The hold of a node of a fleet on its data directory, where its name and its spool are. The
//! embedded log has a hold of its own.

use std::fs::{self, File, TryLockError};

use super::StartError;
use crate::config::{Config, LogStore};

/// Takes the directory until what is returned is dropped, or the process ends in any way. It makes
/// no file for that, which would be root's where root came first.
pub(super) fn hold(config: &Config) -> Result<Option<File>, StartError> {
    if !matches!(config.log, LogStore::Cassandra(_)) {
        return Ok(None);
    }
    let data = config.data.as_path();
    let failed = |source| StartError::Note { path: data.to_owned(), source };
    fs::create_dir_all(data).map_err(failed)?;
    let directory = File::open(data).map_err(failed)?;
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { dir: data.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
