//! A look at Redis each second, so that it is noticed also while nobody asks anything when it goes
//! away. The same look compares clocks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Redis;
use super::connection::Shared;
use crate::events::{Clock, Skew, Timestamp};
use crate::projections::ViewError;

const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Redis {
    /// Looks at it from now on, one look after the other, for as long as somebody uses it; how far
    /// this node's clock is off is found here.
    pub fn watch(&self, clock: Arc<dyn Clock>) -> Arc<Skew> {
        let skew = Arc::new(Skew::new("views"));
        self.spawn(look(self.downgrade(), clock, Arc::clone(&skew)));
        skew
    }

    /// Its time.
    pub(super) async fn time(&self) -> Result<Timestamp, ViewError> {
        let answer = self.run(&redis::cmd("TIME")).await?;
        let time = redis::from_redis_value(answer).map(instant);
        time.map_err(|error| ViewError::Unavailable(format!("redis: its time: {error}")))
    }
}

/// An instant as `TIME` gives it, in seconds and microseconds.
pub(super) fn instant((seconds, us): (i64, i64)) -> Timestamp {
    Timestamp::from_ms(seconds.saturating_mul(1_000).saturating_add(us / 1_000))
}

async fn look(redis: Weak<Shared>, clock: Arc<dyn Clock>, skew: Arc<Skew>) {
    let mut round = interval(LOOK_EVERY);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        let Some(redis) = Redis::upgrade(&redis) else { return };
        let asked_at = clock.now();
        if let Ok(theirs) = redis.time().await {
            skew.compare(theirs, (asked_at, clock.now()));
        }
    }
}
