//! The spool beside a log that can be away: opened where it is asked for, or where something is
//! left in it.

use std::sync::Arc;

use super::StartError;
use crate::config::{Config, LogStore};
use crate::events::AppendError;
use crate::events::embedded::{OpenError, Spool};

/// Opens it, if this node is to have one.
pub(super) fn open(config: &Config) -> Result<Option<Arc<Spool>>, OpenError> {
    let is_wanted = config.spool.enabled || is_there(config);
    if !is_wanted || !matches!(config.log, LogStore::Cassandra(_)) {
        return Ok(None);
    }
    let dir = config.spool_dir();
    let spool = Spool::open(&dir, config.spool.bytes_max, config.spool_options())?;
    let facts = spool.standing().facts;
    if facts > 0 {
        tracing::warn!(facts, dir = %dir.display(), "facts of another time wait for the log");
    }
    Ok(Some(Arc::new(spool)))
}

/// Where nobody may look, something may be.
fn is_there(config: &Config) -> bool {
    config.spool_dir().join("store").try_exists().unwrap_or(true)
}

/// How many facts of another time wait for the log; `None` where there is no spool.
///
/// # Errors
/// Those of a start.
pub fn waiting(config: &Config) -> Result<Option<u64>, StartError> {
    if !is_there(config) {
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
