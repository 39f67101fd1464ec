//! The spool beside a log that can be away: opened where it is asked for, or where something is
//! left in it.

use std::sync::Arc;

use super::StartError;
use crate::config::{Config, LogStore};
use crate::events::AppendError;
use crate::events::embedded::{OpenError, Spool};

/// Opens it, if this node is to have one.
pub(super) fn open(config: &Config) -> Result<Option<Arc<Spool>>, OpenError> {
    let dir = config.spool_dir();
    if !matches!(config.log, LogStore::Cassandra(_)) {
        return Ok(None);
    }
    // Where nobody may look, something may be.
    if !(config.spool.enabled || dir.join("store").try_exists().unwrap_or(true)) {
        return Ok(None);
    }
    let spool = Spool::open(&dir, config.spool.bytes_max, config.spool_options())?;
    let facts = spool.standing().facts;
    if facts > 0 {
        tracing::warn!(facts, dir = %dir.display(), "facts of another time wait for the log");
    }
    Ok(Some(Arc::new(spool)))
}

/// How many facts of another time wait for the log; `None` where there is no spool.
///
/// # Errors
/// Those of a start.
pub fn waiting(config: &Config) -> Result<Option<u64>, StartError> {
    if !config.spool_dir().join("store").try_exists().unwrap_or(true) {
        return Ok(None);
    }
    let spool = open(config).map_err(StartError::Spool)?;
    Ok(spool.map(|spool| spool.standing().facts))
}

/// Closes it, and says what is left in it.
pub(super) fn close(spool: &Spool) -> Result<(), AppendError> {
    let facts = spool.standing().facts;
    if facts > 0 {
        tracing::warn!(
            facts,
            "acknowledged facts still wait on this node's disk; they come to the log when the node \
             is started again on the same data directory"
        );
    }
    spool.close()
}
