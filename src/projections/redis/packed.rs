//! The bytes of an entry in Redis, and of what finds it. `shared.lua` reads the same.
//!
//! The version comes first, written so that byte order is its order: a script compares entries
//! without numbers past 2^53 and without the server's locale.

use bytes::{BufMut, Bytes};

use crate::events::{ProfileId, Timestamp};
use crate::projections::{Entry, Found, Version, View};

/// Changes whenever the bytes do: views of another form are not read.
pub(super) const FORM: u32 = 2;

const EXPIRES: u8 = 1;
const RANKED: u8 = 2;
const LABELLED: u8 = 4;
/// An instant takes so many of its eight bytes.
const INSTANT_BYTES: usize = 6;

/// An entry as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) found: Found,
    pub(super) expires_at: Option<Timestamp>,
}

impl Kept {
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// An entry's bytes.
pub(super) fn pack(entry: &Entry) -> Vec<u8> {
    let Entry { version, rank, label, value, expires_at, .. } = entry;
    let mut packed = Vec::with_capacity(48 + label.len() + value.len());
    put_number(&mut packed, &version.0.to_be_bytes());
    put_number(&mut packed, &version.1.to_be_bytes());
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    packed.push(
        flag(expires_at.is_some(), EXPIRES)
            | flag(rank.is_some(), RANKED)
            | flag(!label.is_empty(), LABELLED),
    );
    packed.put_u16(u16::try_from(label.len()).unwrap_or(u16::MAX));
    packed.put_slice(label);
    if let Some(at) = expires_at {
        packed.put_int(at.ms(), INSTANT_BYTES);
    }
    if let Some(rank) = rank {
        packed.put_i64(*rank);
    }
    packed.put_slice(value);
    packed
}

/// A number as how many bytes it takes, and these: no leading zeros, so that the longer is the
/// greater.
fn put_number(into: &mut Vec<u8>, big_endian: &[u8]) {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    into.push(u8::try_from(big_endian.len() - zeros).unwrap_or(0));
    into.extend(big_endian.iter().skip(zeros));
}

/// Reads an entry's bytes; `None` when they are none.
pub(super) fn unpack(key: Bytes, packed: Vec<u8>) -> Option<Kept> {
    let mut rest = Bytes::from(packed);
    let first = u64::try_from(take_number(&mut rest)?).ok()?;
    let version = Version(first, take_number(&mut rest)?);
    let flags = *take(&mut rest, 1)?.first()?;
    let length = usize::try_from(number(&take(&mut rest, 2)?)).ok()?;
    let label = take(&mut rest, length)?;
    let expires_at = match flags & EXPIRES {
        0 => None,
        _ => Some(number(&take(&mut rest, INSTANT_BYTES)?)),
    };
    let expires_at = match expires_at {
        Some(ms) => Some(Timestamp::from_ms(i64::try_from(ms).ok()?)),
        None => None,
    };
    let rank = match flags & RANKED {
        0 => 0,
        _ => i64::from_be_bytes(take(&mut rest, 8)?.as_ref().try_into().ok()?),
    };
    Some(Kept { found: Found { key, version, rank, label, value: rest }, expires_at })
}

fn take(rest: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= rest.len()).then(|| rest.split_to(length))
}

fn take_number(rest: &mut Bytes) -> Option<u128> {
    let length = usize::from(*take(rest, 1)?.first()?);
    (length <= 16).then_some(())?;
    Some(number(&take(rest, length)?))
}

fn number(big_endian: &[u8]) -> u128 {
    big_endian.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The name of a view and scope.
pub(super) fn drawer(view: View, scope: Option<&ProfileId>) -> Vec<u8> {
    [view.0.as_bytes(), b"\0", scope.map_or(b"".as_slice(), |scope| scope.as_str().as_bytes())]
        .concat()
}
