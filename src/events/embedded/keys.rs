//! The keys of every table. An id is printable, so the byte 0 ends it and keys sort by account first.

use crate::events::{AccountId, Order, SessionId, Week};

/// Where the number of the last commit is kept; the journal check looks for it too.
pub(super) const COMMIT: &[u8] = b"\0commit";

const SESSION_BYTES: usize = 16;
const ORDER_BYTES: usize = 16;

/// What all keys of an account begin with.
pub(super) fn account(account: &AccountId) -> Vec<u8> {
    let mut key = Vec::with_capacity(account.as_str().len() + 1 + 4 + SESSION_BYTES + ORDER_BYTES);
    key.extend_from_slice(account.as_str().as_bytes());
    key.push(0);
    key
}

/// Before any key of an account that follows `account`, after all of its own.
pub(super) fn past_account(account: &AccountId) -> Vec<u8> {
    let mut key = account.as_str().as_bytes().to_vec();
    key.push(1);
    key
}

pub(super) fn week(of: &AccountId, week: Week) -> Vec<u8> {
    let mut key = account(of);
    key.extend_from_slice(&week.number().to_be_bytes());
    key
}

pub(super) fn session(of: &AccountId, session: SessionId) -> Vec<u8> {
    let mut key = week(of, session.week());
    key.extend_from_slice(session.as_bytes());
    key
}

pub(super) fn event(of: &AccountId, of_session: SessionId, order: Order) -> Vec<u8> {
    let mut key = session(of, of_session);
    key.extend_from_slice(&order.seq.to_be_bytes());
    key.extend_from_slice(&order.fingerprint.to_be_bytes());
    key
}

pub(super) fn mark(of: &AccountId, command: SessionId) -> Vec<u8> {
    let mut key = account(of);
    key.extend_from_slice(command.as_bytes());
    key
}

pub(super) fn fence(of: &AccountId, scope: u128) -> Vec<u8> {
    let mut key = account(of);
    key.extend_from_slice(&scope.to_be_bytes());
    key
}

pub(super) fn note(name: &str) -> Vec<u8> {
    [b"n", name.as_bytes()].concat()
}

/// The last event key that a week's prefix can have.
pub(super) fn last_event_of(mut week: Vec<u8>) -> Vec<u8> {
    week.extend_from_slice(&[0xff; SESSION_BYTES + ORDER_BYTES]);
    week
}

/// The first event key of a session from `seq` on.
pub(super) fn event_from(of: &AccountId, session: SessionId, seq: u64) -> Vec<u8> {
    event(of, session, Order { seq, fingerprint: 0 })
}

/// The last event key of a session up to and with `seq`.
pub(super) fn event_to(of: &AccountId, session: SessionId, seq: u64) -> Vec<u8> {
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
