//! The sessions in an account's memory, by id. Mostly one, and as small as that: a node of a tree
//! has room for eleven, the smallest table for three.

use super::live::Live;
use crate::events::SessionId;

/// From here on there is room for more than there are.
const FEW: usize = 4;

/// Sorted by id.
#[derive(Default)]
pub(super) struct Sessions(Vec<(SessionId, Box<Live>)>);

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Live)> {
        self.0.iter().map(|(session, live)| (*session, &**live))
    }

    pub(super) fn get(&self, session: SessionId) -> Option<&Live> {
        let at = self.find(session).ok()?;
        self.0.get(at).map(|(_, live)| &**live)
    }

    /// The session, or what it is before anything is known of it.
    #[expect(clippy::indexing_slicing, reason = "it was found there, or put there")]
    pub(super) fn of(&mut self, session: SessionId) -> &mut Live {
        let at = self.find(session).unwrap_or_else(|at| self.put(at, session, Box::default()));
        &mut self.0[at].1
    }

    /// Takes a session that is not here.
    pub(super) fn insert(&mut self, session: SessionId, live: Live) {
        if let Err(at) = self.find(session) {
            self.put(at, session, Box::new(live));
        }
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        if let Ok(at) = self.find(session) {
            self.0.remove(at);
        }
    }

    fn find(&self, session: SessionId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&session, |(session, _)| *session)
    }

    fn put(&mut self, at: usize, session: SessionId, live: Box<Live>) -> usize {
        if self.0.len() < FEW {
            self.0.reserve_exact(1);
        }
        self.0.insert(at, (session, live));
        at
    }
}
