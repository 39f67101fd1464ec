//! The bytes of an entry: whose signal it is, and how the session stands or what was said. Sealed
//! like rows: damaged bytes are an error, and fields are only ever added.

use bytes::Bytes;

use crate::events::codec::{
    DecodeError, decode_mark, decode_snapshot, encode_mark, encode_snapshot, open, seal,
};
use crate::events::{AccountId, SessionId};
use crate::projections::{Recorded, Subject};

#[derive(Clone, PartialEq, prost::Message)]
struct Body {
    #[prost(string, tag = "1")]
    account: String,
    /// The session's or the command's id.
    #[prost(bytes = "bytes", tag = "2")]
    id: Bytes,
    /// The session's state as a snapshot row has it.
    #[prost(bytes = "bytes", tag = "3")]
    state: Bytes,
    /// A person's word as its row has it.
    #[prost(bytes = "bytes", tag = "4")]
    mark: Bytes,
}

/// An entry's bytes.
pub(super) fn encode(account: &AccountId, what: Recorded<'_>) -> Vec<u8> {
    let (id, state, mark) = match what {
        Recorded::Session(state) => (state.session, encode_snapshot(state).into(), Bytes::new()),
        Recorded::Mark(mark) => (mark.command, Bytes::new(), encode_mark(mark).into()),
    };
    let id = Bytes::copy_from_slice(id.as_bytes());
    seal(&Body { account: account.as_str().to_owned(), id, state, mark })
}

/// What an entry tells.
///
/// # Errors
/// When it is damaged, or tells nothing that this version knows.
pub(super) fn decode(bytes: &[u8]) -> Result<(AccountId, Subject), DecodeError> {
    let Body { account, id, state, mark } = open(bytes)?;
    let account = AccountId::new(&account).map_err(|_| unknown("whose it is"))?;
    let id = id.as_ref().try_into().map_err(|_| unknown("which session"))?;
    let id = SessionId::from_bytes(id).map_err(|_| unknown("which session"))?;
    if !mark.is_empty() {
        return Ok((account, Subject::Mark(decode_mark(id, &mark)?)));
    }
    // Another version's fold says well enough how a session stands; a sweep corrects it.
    let state = decode_snapshot(id, &state)?.state;
    let state = state.ok_or_else(|| unknown("how the session stands"))?;
    Ok((account, Subject::Session(state)))
}

fn unknown(what: &str) -> DecodeError {
    DecodeError::Content(format!("it does not say {what}"))
}
