//! Lengths and texts of cells, made fit to be recorded.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::events::Id;

/// The longest id, in bytes; see [`Id`].
const ID_BYTES_MAX: usize = 128;
/// The longest text for display, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// `~` and a 64-bit hash in hexadecimal.
const HASH_BYTES: usize = 17;

/// A length of time, `H:MM:SS`, in milliseconds.
///
/// # Errors
/// Says what would be right.
pub(super) fn length_ms(cell: &str) -> Result<u64, String> {
    if cell.is_empty() {
        return Err("is empty; right is H:MM:SS".to_owned());
    }
    seconds(cell)
        .map(|seconds| seconds * 1000)
        .ok_or_else(|| format!("{cell:?} is not a length of time, H:MM:SS"))
}

fn seconds(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let mut number = |most: u64| -> Option<u64> {
        let part = parts.next()?;
        let is_plain = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| part.parse().ok())?.filter(|number| *number <= most)
    };
    let (hours, minutes, seconds) = (number(9999)?, number(59)?, number(59)?);
    parts.next().is_none().then_some(hours * 3600 + minutes * 60 + seconds)
}

/// A text on one line without control characters.
pub(super) fn text(cell: &str) -> String {
    let plain: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

/// A text cut to what may be displayed.
pub(super) fn display(text: &str) -> Box<str> {
    head(text, TEXT_BYTES_MAX).into()
}

/// An id of any text but an empty one: what is too long ends in a hash of the whole instead.
pub(super) fn id<K>(text: &str) -> Option<Id<K>> {
    if text.len() <= ID_BYTES_MAX {
        return Id::new(text).ok();
    }
    let cut = head(text, ID_BYTES_MAX - HASH_BYTES);
    Id::new(&format!("{cut}~{:016x}", xxh3_64(text.as_bytes()))).ok()
}

/// The title of a text, in the source's own namespace.
pub(super) fn title_id<K>(title: &str) -> Option<Id<K>> {
    id(&format!("netflix:{title}")).filter(|_| !title.is_empty())
}

fn head(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// The same bits for the same fields, whichever file they stand in.
pub(super) fn hash(fields: &[&[u8]]) -> u128 {
    let mut hash = Xxh3::new();
    for field in fields {
        // Lengths keep "ab", "c" apart from "a", "bc".
        hash.update(&(field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hash.digest128()
}
