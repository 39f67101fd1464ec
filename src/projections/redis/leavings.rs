//! What a flip leaves: the old generation of accounts that nobody uses, dropped slowly by a walk
//! over all cards. An account that is used drops its own; what a walk that was cut short left goes
//! then, or with its account.

use std::time::Duration;

use redis::Value;

use super::merge::not_understood;
use super::{Redis, RedisViews};
use crate::events::AccountId;
use crate::projections::ViewError;

/// How many keys a server looks at in one step.
const STEP_KEYS: usize = 500;
/// Between steps; a hundred million keys take some twenty minutes.
const PAUSE: Duration = Duration::from_millis(5);

impl RedisViews {
    /// Begins the walk, on the connections' own thread, since it is nobody's answer.
    pub(super) fn drop_leavings(&self) {
        let walk = self.clone();
        self.redis.spawn(async move {
            if let Err(error) = walk.walk().await {
                tracing::warn!(%error, "an old generation is dropped as its accounts are used");
            }
        });
    }

    async fn walk(&self) -> Result<(), ViewError> {
        for node in self.redis.nodes().await? {
            let mut cursor = b"0".to_vec();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor)
                    .arg("MATCH")
                    .arg(self.keys.any_card())
                    .arg("COUNT")
                    .arg(STEP_KEYS);
                let (next, cards) = step(self.redis.run_on(node.as_ref(), &scan).await?)?;
                for account in cards.iter().filter_map(|card| self.keys.account_of(card)) {
                    self.tend(&account).await?;
                }
                if next == b"0" {
                    break;
                }
                cursor = next;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn tend(&self, account: &AccountId) -> Result<(), ViewError> {
        self.on(account, &self.scripts.tend, |_| {}).await.map(drop)
    }
}

/// The next cursor, and keys.
type Step = (Vec<u8>, Vec<Vec<u8>>);

fn step(found: Value) -> Result<Step, ViewError> {
    redis::from_redis_value(found.clone()).map_err(|_| not_understood(&found))
}

/// One of a cluster's primaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Redis {
    /// Every primary; of a single server none, since there is nothing to choose.
    async fn nodes(&self) -> Result<Vec<Option<Primary>>, ViewError> {
        if !self.is_cluster() {
            return Ok(vec![None]);
        }
        let mut command = redis::cmd("CLUSTER");
        let found = self.run(command.arg("SLOTS")).await?;
        let Value::Array(ranges) = &found else { return Err(not_understood(&found)) };
        let mut primaries: Vec<Option<Primary>> = Vec::new();
        for range in ranges {
            let primary = Some(primary_of(range).ok_or_else(|| not_understood(range))?);
            if !primaries.contains(&primary) {
                primaries.push(primary);
            }
        }
        Ok(primaries)
    }
}

/// Of a range of slots: first, last, and its nodes as host, port and more, the primary first.
fn primary_of(range: &Value) -> Option<Primary> {
    let Value::Array(range) = range else { return None };
    let Some(Value::Array(node)) = range.get(2) else { return None };
    let (Value::BulkString(host), Value::Int(port)) = (node.first()?, node.get(1)?) else {
        return None;
    };
    let host = String::from_utf8(host.clone()).ok()?;
    Some(Primary { host, port: u16::try_from(*port).ok()? })
}
