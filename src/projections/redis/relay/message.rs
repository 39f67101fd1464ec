//! What nodes say to each other: a change, that something is to be looked at again, or what is
//! followed. Sealed like rows: damaged bytes are an error, and fields are only ever added.

use bytes::Bytes;

use super::slices::Slices;
use super::{Heard, Whose};
use crate::events::codec::{DecodeError, decode_snapshot, encode_snapshot, open, seal};
use crate::events::{AccountId, SessionId, Slice, State};

#[derive(Clone, PartialEq, prost::Message)]
struct Body {
    /// Who says it.
    #[prost(string, tag = "1")]
    node: String,
    #[prost(string, tag = "2")]
    account: String,
    #[prost(bytes = "bytes", tag = "3")]
    session: Bytes,
    /// The session's state as a snapshot row has it; without one the account is to be looked at
    /// again.
    #[prost(bytes = "bytes", tag = "4")]
    state: Bytes,
    /// All accounts of this slice are to be looked at again.
    #[prost(uint32, optional, tag = "5")]
    slice: Option<u32>,
    /// The slices that the node follows.
    #[prost(bytes = "bytes", tag = "6")]
    follows: Bytes,
    /// Something was erased from the account, or from accounts of the slice.
    #[prost(bool, tag = "7")]
    erased: bool,
}

/// What one node says to the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// Something for whoever follows.
    Heard(Heard),
    /// The slices that the node follows.
    Follows(Slices),
}

/// A message as it came.
pub(super) struct Letter(Body);

impl Letter {
    /// Opens what came.
    ///
    /// # Errors
    /// When it is damaged, or of a version that this one does not know.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, DecodeError> {
        open(bytes).map(Self)
    }

    /// Who sent it.
    pub(super) fn node(&self) -> &str {
        &self.0.node
    }

    /// What it says.
    ///
    /// # Errors
    /// When it says nothing that is known.
    pub(super) fn message(self) -> Result<Message, DecodeError> {
        let Body { account, session, state, slice, follows, erased, .. } = self.0;
        if !follows.is_empty() {
            let follows = Slices::from_bytes(&follows);
            return follows.map(Message::Follows).ok_or_else(|| unknown("which slices"));
        }
        let about = if erased { Heard::Erased } else { Heard::Resync };
        if let Some(number) = slice {
            let slice = u16::try_from(number).ok().and_then(Slice::from_number);
            let slice = slice.map(|slice| Message::Heard(about(Whose::Slice(slice))));
            return slice.ok_or_else(|| unknown("which slice"));
        }
        let account = AccountId::new(&account).map_err(|_| unknown("which account"))?;
        if state.is_empty() {
            return Ok(Message::Heard(about(Whose::Account(account))));
        }
        let session = session.as_ref().try_into().map_err(|_| unknown("which session"))?;
        let session = SessionId::from_bytes(session).map_err(|_| unknown("which session"))?;
        // Another version's fold says well enough how a session stands.
        let state = decode_snapshot(session, &state)?.state;
        let state = state.ok_or_else(|| unknown("how the session stands"))?;
        Ok(Message::Heard(Heard::Changed(account, Box::new(state))))
    }
}

/// What `node` says of a session, whose state [`bytes_of`] gave.
pub(super) fn changed(
    node: &str,
    account: &AccountId,
    (session, state): (SessionId, &Bytes),
) -> Vec<u8> {
    let session = Bytes::copy_from_slice(session.as_bytes());
    let account = account.as_str().to_owned();
    seal(&Body { account, session, state: state.clone(), ..from(node) })
}

/// A state on its way.
pub(super) fn bytes_of(state: &State) -> Bytes {
    encode_snapshot(state).into()
}

/// `node` says that an account is to be looked at again.
pub(super) fn account(node: &str, account: &AccountId) -> Vec<u8> {
    seal(&Body { account: account.as_str().to_owned(), ..from(node) })
}

/// `node` says that all accounts of a slice are to be looked at again.
pub(super) fn slice(node: &str, slice: Slice) -> Vec<u8> {
    seal(&Body { slice: Some(u32::from(slice.number())), ..from(node) })
}

/// `node` says that something was erased from an account.
pub(super) fn erased(node: &str, account: &AccountId) -> Vec<u8> {
    seal(&Body { account: account.as_str().to_owned(), erased: true, ..from(node) })
}

/// `node` says that something was erased from accounts of a slice.
pub(super) fn erased_of(node: &str, slice: Slice) -> Vec<u8> {
    seal(&Body { slice: Some(u32::from(slice.number())), erased: true, ..from(node) })
}

/// `node` says what it follows.
pub(super) fn follows(node: &str, follows: &Slices) -> Vec<u8> {
    seal(&Body { follows: follows.to_bytes().into(), ..from(node) })
}

fn from(node: &str) -> Body {
    Body { node: node.to_owned(), ..Body::default() }
}

fn unknown(what: &str) -> DecodeError {
    DecodeError::Content(format!("it does not say {what}"))
}
