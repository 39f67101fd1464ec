//! The keys of every table. An id is printable, so the byte 0 ends it and keys sort by account
//! first.

use crate::events::{AccountId, Order, SessionId, Week};

/// Where the number of the last commit is kept; the journal check looks for it too.
pub(super) const COMMIT: &[u8] = b"\0commit";

const SESSION_BYTES: usize = 16;
const ORDER_BYTES: usize = 16;
const ID_BYTES_MAX: usize = 128;
/// An event's: an id, its end, week, session and order.
const KEY_BYTES_MAX: usize = ID_BYTES_MAX + 1 + 4 + SESSION_BYTES + ORDER_BYTES;

/// A key in the making, on the stack.
#[derive(Clone)]
pub(super) struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

impl Key {
    fn of(account: &AccountId, end: u8) -> Self {
        Self { bytes: [0; KEY_BYTES_MAX], len: 0 }.and(account.as_str().as_bytes()).and(&[end])
    }

    fn and(mut self, part: &[u8]) -> Self {
        let free = self.bytes.get_mut(self.len..self.len + part.len());
        debug_assert!(free.is_some(), "no key is longer than an event's");
        if let Some(free) = free {
            free.copy_from_slice(part);
            self.len += part.len();
        }
        self
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// How long a key of the account can be.
pub(super) fn bytes_max(account: &AccountId) -> usize {
    KEY_BYTES_MAX - ID_BYTES_MAX + account.as_str().len()
}

/// What all keys of an account begin with.
pub(super) fn account(account: &AccountId) -> Key {
    Key::of(account, 0)
}

/// Before any key of an account that follows `account`, after all of its own.
pub(super) fn past_account(account: &AccountId) -> Key {
    Key::of(account, 1)
}

pub(super) fn week(of: &AccountId, week: Week) -> Key {
    account(of).and(&week.number().to_be_bytes())
}

pub(super) fn session(of: &AccountId, session: SessionId) -> Key {
    week(of, session.week()).and(session.as_bytes())
}

pub(super) fn event(of: &AccountId, of_session: SessionId, order: Order) -> Key {
    session(of, of_session).and(&order.seq.to_be_bytes()).and(&order.fingerprint.to_be_bytes())
}

pub(super) fn mark(of: &AccountId, command: SessionId) -> Key {
    account(of).and(command.as_bytes())
}

pub(super) fn fence(of: &AccountId, scope: u128) -> Key {
    account(of).and(&scope.to_be_bytes())
}

pub(super) fn note(name: &str) -> Vec<u8> {
    [b"n", name.as_bytes()].concat()
}

/// The last event key that a week's prefix can have.
pub(super) fn last_event_of(week: Key) -> Key {
    week.and(&[0xff; SESSION_BYTES + ORDER_BYTES])
}

/// The first event key of a session from `seq` on.
pub(super) fn event_from(of: &AccountId, session: SessionId, seq: u64) -> Key {
    event(of, session, Order { seq, fingerprint: 0 })
}

/// The last event key of a session up to and with `seq`.
pub(super) fn event_to(of: &AccountId, session: SessionId, seq: u64) -> Key {
    event(of, session, Order { seq, fingerprint: u64::MAX })
}

/// Which session, and where in it, an event key speaks of.
pub(super) fn read_event(key: &[u8]) -> Option<(SessionId, Order)> {
    let (rest, fingerprint) = key.split_last_chunk()?;
    let (rest, seq) = rest.split_last_chunk()?;
    let order =
        Order { seq: u64::from_be_bytes(*seq), fingerprint: u64::from_be_bytes(*fingerprint) };
    Some((read_session(rest)?, order))
}

/// The session or command at the end of a key.
pub(super) fn read_session(key: &[u8]) -> Option<SessionId> {
    let (_, session) = key.split_last_chunk()?;
    SessionId::from_bytes(*session).ok()
}

/// The week at the end of a key.
pub(super) fn read_week(key: &[u8]) -> Option<Week> {
    let (_, number) = key.split_last_chunk()?;
    Some(Week::from_number(u32::from_be_bytes(*number)))
}

/// The scope at the end of a fence's key.
pub(super) fn read_scope(key: &[u8]) -> Option<u128> {
    let (_, scope) = key.split_last_chunk()?;
    Some(u128::from_be_bytes(*scope))
}

/// The account at the beginning of a key.
pub(super) fn read_account(key: &[u8]) -> Option<AccountId> {
    let end = key.iter().position(|byte| *byte == 0)?;
    AccountId::new(std::str::from_utf8(key.get(..end)?).ok()?).ok()
}
