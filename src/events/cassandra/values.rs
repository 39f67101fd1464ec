//! Our words as CQL values, and back. Whatever is read is untrusted: it is what it should be, or it
//! is an error.

use scylla::cluster::metadata::ColumnType;
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};
use scylla::value::CqlVarintBorrowed;
use uuid::Uuid;

use crate::events::{Order, ReadError, SessionId, Week};

/// The most bytes that a 64-bit number without a sign has with one.
const BYTES_MAX: usize = 9;

/// A number as `varint`, in as few bytes as it has: its order is the order of numbers, which that
/// of `bigint` would not be from 2^63 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    bytes: [u8; BYTES_MAX],
    from: usize,
}

impl Number {
    /// Below every number that an event can have.
    pub(super) const BELOW: Self = Self { bytes: [0xff; BYTES_MAX], from: BYTES_MAX - 1 };

    pub(super) fn of(number: u64) -> Self {
        let mut bytes = [0; BYTES_MAX];
        let (_, low) = bytes.split_at_mut(1);
        low.copy_from_slice(&number.to_be_bytes());
        // One bit more than the number has, for the sign.
        let bits = usize::try_from(u64::BITS - number.leading_zeros()).unwrap_or(BYTES_MAX);
        Self { bytes, from: BYTES_MAX - 1 - bits / 8 }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

impl SerializeValue for Number {
    fn serialize<'b>(
        &self,
        typ: &ColumnType<'_>,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        CqlVarintBorrowed::from_signed_bytes_be_slice(self.as_bytes()).serialize(typ, writer)
    }
}

/// The number of a `varint`; `None` when it is negative or too great.
fn read_number(number: &CqlVarintBorrowed<'_>) -> Option<u64> {
    let bytes = number.as_signed_bytes_be_slice();
    if bytes.first().is_none_or(|first| *first >= 0x80) {
        return None;
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..)?;
    let mut wide = [0; 8];
    let at = wide.len().checked_sub(significant.len())?;
    wide.get_mut(at..)?.copy_from_slice(significant);
    Some(u64::from_be_bytes(wide))
}

pub(super) fn read_order(
    seq: &CqlVarintBorrowed<'_>,
    fingerprint: &[u8],
) -> Result<Order, ReadError> {
    let seq = read_number(seq).ok_or_else(strange)?;
    let fingerprint = <[u8; 8]>::try_from(fingerprint).map_err(|_| strange())?;
    Ok(Order { seq, fingerprint: u64::from_be_bytes(fingerprint) })
}

pub(super) fn session(session: SessionId) -> Uuid {
    Uuid::from_bytes(*session.as_bytes())
}

pub(super) fn read_session(session: Uuid) -> Result<SessionId, ReadError> {
    SessionId::new(session).map_err(|_| strange())
}

pub(super) fn week(week: Week) -> i32 {
    week.number().cast_signed()
}

pub(super) fn read_week(week: i32) -> Week {
    Week::from_number(week.cast_unsigned())
}

pub(super) fn strange() -> ReadError {
    ReadError::Corrupt("a row has a key or value of an unknown shape".to_owned())
}
