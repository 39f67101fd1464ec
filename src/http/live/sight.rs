//! What of an account's feed a follower may hear: with a token that is limited to a profile, that
//! profile's sessions and no word of the others.

use std::collections::HashSet;

use crate::actors::Update;
use crate::events::{ProfileId, SessionId};
use crate::projections::Playing;

/// The sessions that a follower may hear of.
pub(super) struct Sight(Option<Limited>);

struct Limited {
    profile: ProfileId,
    /// That an end is told of does not say whose session it was: those that were shown are theirs.
    shown: HashSet<SessionId>,
}

impl Sight {
    /// Of everything, or of one profile.
    pub(super) fn of(profile: Option<&ProfileId>) -> Self {
        let limited =
            |profile: &ProfileId| Limited { profile: profile.clone(), shown: HashSet::new() };
        Self(profile.map(limited))
    }

    /// Leaves what may be seen.
    pub(super) fn show(&mut self, playing: &mut Vec<Playing>) {
        let Some(limited) = &mut self.0 else { return };
        playing.retain(|one| one.profile == limited.profile);
        limited.shown = playing.iter().map(|one| one.session).collect();
    }

    /// Whether a change may be told.
    pub(super) fn lets_through(&mut self, update: &Update) -> bool {
        let Some(limited) = &mut self.0 else { return true };
        match update {
            Update::Playing(one) if one.profile == limited.profile => {
                limited.shown.insert(one.session);
                true
            }
            Update::Playing(_) => false,
            Update::Ended { session, .. } => limited.shown.remove(session),
            Update::Resync => true,
        }
    }
}
