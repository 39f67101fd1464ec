//! What waits to be told to other nodes: of every session the newest state, and no more than there
//! is room for. Where there is none, whoever follows the slice is told to look again.

use std::collections::{HashMap, HashSet};
use std::mem;

use bytes::Bytes;

use super::message;
use super::slices::Slices;
use crate::events::{AccountId, SessionId, Slice, State};
use crate::projections::Version;
use crate::projections::now::version;

/// How many sessions and accounts wait; a session takes some 300 bytes.
const WAITING_MAX: usize = 4_096;

/// Messages that wait, conflated.
#[derive(Default)]
pub(super) struct Waiting {
    changes: HashMap<(AccountId, SessionId), Change>,
    accounts: HashSet<AccountId>,
    slices: Slices,
    erased: HashSet<AccountId>,
    /// Where so much was erased that there is no room for it.
    erased_slices: Slices,
}

/// How a session stands, as it is sent.
pub(super) struct Change {
    version: Version,
    pub(super) state: Bytes,
}

impl Change {
    pub(super) fn of(state: &State) -> Self {
        Self { version: version(state), state: message::bytes_of(state) }
    }
}

/// One message that waited.
pub(super) enum Outgoing {
    Changed(AccountId, SessionId, Change),
    Account(AccountId),
    Slice(Slice),
}

impl Outgoing {
    /// Whose channel it goes to.
    pub(super) fn slice(&self) -> Slice {
        match self {
            Self::Changed(account, ..) | Self::Account(account) => Slice::of(account),
            Self::Slice(slice) => *slice,
        }
    }

    /// As `node` says it.
    pub(super) fn said_by(&self, node: &str) -> Vec<u8> {
        match self {
            Self::Changed(account, session, change) => {
                message::changed(node, account, (*session, &change.state))
            }
            Self::Account(account) => message::account(node, account),
            Self::Slice(slice) => message::slice(node, *slice),
        }
    }
}

impl Waiting {
    /// A session changed; false when there is no room for it.
    pub(super) fn tell(&mut self, account: AccountId, session: SessionId, change: Change) -> bool {
        let is_full = self.changes.len() >= WAITING_MAX;
        let slice = Slice::of(&account);
        let key = (account, session);
        match self.changes.get(&key) {
            Some(newer) if newer.version > change.version => {}
            None if is_full => {
                self.slices.insert(slice);
                return false;
            }
            _ => drop(self.changes.insert(key, change)),
        }
        true
    }

    /// An account is to be looked at again. What waits of it may be what was erased.
    pub(super) fn look_again(&mut self, account: &AccountId) {
        self.changes.retain(|(of, _), _| of != account);
        if self.accounts.len() < WAITING_MAX {
            self.accounts.insert(account.clone());
        } else {
            self.slices.insert(Slice::of(account));
        }
    }

    /// Something was erased from an account; what waits of it may be just that.
    pub(super) fn erased(&mut self, account: &AccountId) {
        self.changes.retain(|(of, _), _| of != account);
        if self.erased.len() < WAITING_MAX {
            self.erased.insert(account.clone());
        } else {
            self.erased_slices.insert(Slice::of(account));
        }
    }

    /// Where something was erased, and what to say of it, in all.
    pub(super) fn take_erased(&mut self) -> (HashSet<AccountId>, Slices) {
        (mem::take(&mut self.erased), mem::take(&mut self.erased_slices))
    }

    /// What could not be said of erasures waits again.
    pub(super) fn put_back_erased(&mut self, (accounts, slices): (HashSet<AccountId>, Slices)) {
        accounts.iter().for_each(|account| self.erased(account));
        self.erased_slices.add(&slices);
    }

    /// Up to `max` messages; what is to be looked at again comes first, since the changes that wait
    /// with it came later.
    pub(super) fn take(&mut self, max: usize) -> Vec<Outgoing> {
        let slices: Vec<Slice> = self.slices.iter().take(max).collect();
        for slice in &slices {
            self.slices.remove(*slice);
        }
        let mut taken: Vec<Outgoing> = slices.into_iter().map(Outgoing::Slice).collect();
        let room = max.saturating_sub(taken.len());
        taken.extend(self.accounts.extract_if(|_| true).take(room).map(Outgoing::Account));
        let room = max.saturating_sub(taken.len());
        let changes = self.changes.extract_if(|_, _| true).take(room);
        taken.extend(
            changes.map(|((account, session), change)| Outgoing::Changed(account, session, change)),
        );
        taken
    }

    /// What could not be sent waits again.
    pub(super) fn put_back(&mut self, taken: Vec<Outgoing>) {
        for one in taken {
            match one {
                Outgoing::Changed(account, session, change) => {
                    // Told to look again meanwhile, they see it then.
                    if !self.accounts.contains(&account) {
                        self.tell(account, session, change);
                    }
                }
                Outgoing::Account(account) => drop(self.accounts.insert(account)),
                Outgoing::Slice(slice) => self.slices.insert(slice),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.accounts.is_empty() && self.slices.is_empty()
    }
}
