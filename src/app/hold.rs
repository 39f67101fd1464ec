//! The hold of a node of a fleet on its data directory, which keeps its name and what it spools. The
//! embedded log has a hold of its own.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::StartError;

/// Takes the directory until what is returned is dropped, or the process ends in any way.
pub(super) fn hold(data: &Path) -> Result<File, StartError> {
    let path = data.join("lock");
    let failed = |source| StartError::Note { path: path.clone(), source };
    fs::create_dir_all(data).map_err(failed)?;
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { dir: data.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
