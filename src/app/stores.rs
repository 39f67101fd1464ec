//! The stores that the configuration names.

use std::sync::Arc;

use actix_web::rt;

use super::StartError;
use super::drivers::Drivers;
use crate::config::{Config, LogStore, ViewsStore};
use crate::events::cassandra::CassandraLog;
use crate::events::embedded::EmbeddedLog;
use crate::events::memory::MemoryLog;
use crate::events::{Clock, EventLog};
use crate::http::Clocks;
use crate::projections::{
    MemoryViews, MemoryViewsOptions, Redis, RedisViews, ViewError, ViewStore,
};

/// The log, and the one of this process alone if it is that.
type Log = (Arc<dyn EventLog>, Option<Arc<EmbeddedLog>>);

/// Opens the log.
pub(super) async fn open_log(
    config: &Config,
    clock: &Arc<dyn Clock>,
    (drivers, clocks): (&mut Drivers, &mut Clocks),
) -> Result<Log, StartError> {
    match &config.log {
        LogStore::Memory => Ok((Arc::new(MemoryLog::default()), None)),
        LogStore::Embedded(directory) => {
            let log = Arc::new(EmbeddedLog::open(directory, config.embedded_options())?);
            Ok((Arc::clone(&log) as Arc<dyn EventLog>, Some(log)))
        }
        LogStore::Cassandra(url) => {
            let (options, clock) = (config.cassandra_options(url), Arc::clone(clock));
            let opening = async move { CassandraLog::open(&options, clock).await };
            let opened = drivers.open(opening).await.map_err(StartError::Drivers)?;
            let failed = |source| StartError::Cassandra { url: Box::new(url.clone()), source };
            let log = opened.map_err(failed)?;
            clocks.add(log.skew());
            Ok((Arc::new(log), None))
        }
    }
}

/// The views, and the Redis that they share with other nodes.
type Views = (Arc<dyn ViewStore>, Option<Redis>);

/// Opens the views; those of a fleet need not be there yet.
pub(super) fn open_views(config: &Config, clock: &Arc<dyn Clock>) -> Result<Views, ViewError> {
    let url = match &config.views {
        ViewsStore::Memory => return Ok((Arc::new(memory_views(config, clock)), None)),
        ViewsStore::Redis(url) => url,
    };
    let redis = Redis::new(url, config.redis_options())?;
    let views = RedisViews::new(redis.clone(), config.redis_views_options(), Arc::clone(clock));
    let views = Arc::new(views);
    let checked = Arc::clone(&views);
    // It need not be there yet; whether it is, the system page says.
    rt::spawn(async move { drop(checked.check().await) });
    Ok((views, Some(redis)))
}

fn memory_views(config: &Config, clock: &Arc<dyn Clock>) -> MemoryViews {
    let options = MemoryViewsOptions {
        bytes_max: usize::try_from(config.views_memory.bytes_max).unwrap_or(usize::MAX),
        plays_per_profile_max: config.views_memory.plays_per_profile_max,
    };
    MemoryViews::new(options, Arc::clone(clock))
}
