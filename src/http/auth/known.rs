//! Tokens that were taken lately, so that the same one is not judged anew at every request: a
//! signature by Ed25519 takes longer to check than a fact to record.
//!
//! A token is known by all of its bytes, until it expires, and only as long as the server has the
//! very keys that it was checked with; they are loaded again within minutes. When there are too
//! many all are forgotten, and judged once more.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use super::claims::Grant;
use super::keyring::Loaded;
use crate::events::Timestamp;

/// All tokens together; those of some fifty thousand players.
const BYTES_MAX: usize = 32 << 20;
/// What each takes besides its own bytes.
const BYTES_BESIDES: usize = 256;

/// What known tokens let their bearers do.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<Held>);

#[derive(Debug, Default)]
struct Held {
    keys: Loaded,
    grants: HashMap<Box<str>, Arc<Grant>>,
    bytes: usize,
}

impl Known {
    /// What a token lets its bearer do, if one of these keys made it.
    pub(super) fn grant(&self, token: &str, keys: &Loaded, now: Timestamp) -> Option<Arc<Grant>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let grant = held.grants.get(token).filter(|grant| grant.is_good_at(now))?;
        Arc::ptr_eq(&held.keys, keys).then(|| Arc::clone(grant))
    }

    /// Keeps what was found by these keys.
    pub(super) fn keep(&self, token: &str, grant: &Arc<Grant>, keys: Loaded) {
        let mut held = self.write();
        let bytes = token.len() + BYTES_BESIDES;
        if !Arc::ptr_eq(&held.keys, &keys) || held.bytes + bytes > BYTES_MAX {
            *held = Held { keys, ..Held::default() };
        }
        if held.grants.insert(token.into(), Arc::clone(grant)).is_none() {
            held.bytes += bytes;
        }
    }

    /// Forgets what has expired.
    pub(super) fn forget_expired(&self, now: Timestamp) {
        let mut held = self.write();
        let Held { grants, bytes, .. } = &mut *held;
        grants.retain(|token, grant| {
            let is_good = grant.is_good_at(now);
            *bytes -= if is_good { 0 } else { token.len() + BYTES_BESIDES };
            is_good
        });
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
