//! Words in JSON that whoever shares the views leaves for others. None is promised to be heard.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ViewStore;

/// Leaves word under a name until its time is over; false when it was not heard.
pub async fn leave_notice<T: Serialize>(
    views: &dyn ViewStore,
    (name, word): (&str, &T),
    ttl: Duration,
) -> bool {
    let Ok(word) = serde_json::to_vec(word) else { return false };
    let left = views.set_notice(name, &word, ttl).await;
    left.inspect_err(|error| tracing::debug!(%error, name, "a notice was not left")).is_ok()
}

/// What was left under a name, if anything is that can be read.
pub async fn read_notice<T: DeserializeOwned>(views: &dyn ViewStore, name: &str) -> Option<T> {
    let read = views.notice(name).await;
    let read = read.inspect_err(|error| tracing::debug!(%error, name, "a notice was not read"));
    serde_json::from_slice(&read.ok()??).ok()
}
