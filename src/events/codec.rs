//! Bytes of events, snapshots and marks: a format byte, protobuf, CRC-32 (IEEE) of both.
//!
//! Tags are never reused; an older shape is upcast here and nowhere else. Golden bytes of every
//! shape ever written are in `tests/fixtures/stored`. Whatever is read is untrusted: it decodes or
//! it is an error.

mod event;
mod mark;
mod snapshot;

pub use event::{decode_event, encode_event};
pub use mark::{decode_mark, encode_mark};
pub use snapshot::{Snapshot, decode_snapshot, encode_found, encode_snapshot};

use prost::Message;

const FORMAT: u8 = 1;
const CRC_BYTES: usize = 4;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than any row has.
    #[error("row of {0} bytes is too short")]
    TooShort(usize),
    /// A format byte that this version does not know.
    #[error("row has format {0}, this version reads up to {FORMAT}")]
    Format(u8),
    /// The bytes changed since they were written.
    #[error("row does not match its checksum")]
    Checksum,
    /// The bytes are whole but mean nothing.
    #[error("row cannot be read: {0}")]
    Content(String),
}

/// Bytes that say when they were damaged.
pub(crate) fn seal(message: &impl Message) -> Vec<u8> {
    let mut body = Vec::with_capacity(1 + message.encoded_len() + CRC_BYTES);
    body.push(FORMAT);
    message.encode_raw(&mut body);
    let crc = crc32fast::hash(&body);
    body.extend_from_slice(&crc.to_le_bytes());
    body
}

/// The message in bytes of [`seal`].
pub(crate) fn open<M: Message + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    let (rest, crc) =
        bytes.split_last_chunk::<CRC_BYTES>().ok_or(DecodeError::TooShort(bytes.len()))?;
    let (format, payload) = rest.split_first().ok_or(DecodeError::TooShort(bytes.len()))?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
        return Err(DecodeError::Checksum);
    }
    if *format != FORMAT {
        return Err(DecodeError::Format(*format));
    }
    M::decode(payload).map_err(|error| DecodeError::Content(error.to_string()))
}

fn content(error: impl ToString) -> DecodeError {
    DecodeError::Content(error.to_string())
}
