//! What the value of a setting must be: of the type of its default, in the range of its unit.
//!
//! A name's last words are its unit, so they give the range too. Ranges keep out what would make a
//! part of the program stop: more permits than a semaphore takes, an instant past the end of time.

use toml::Value;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const MIB: i64 = 1024 * 1024;
const TIB: i64 = 1024 * 1024 * MIB;

/// How a name ends, the least and the greatest it may be; the first that fits counts.
const RANGES: &[(&str, i64, i64)] = &[
    ("shards", 0, 1_024),
    ("timeout_ms", 1, DAY_MS),
    ("deadline_ms", 1, DAY_MS),
    ("idle_after_ms", 1_000, DAY_MS),
    ("reclaim_after_ms", 100, DAY_MS),
    ("_ms", 0, 366 * DAY_MS),
    ("bytes_max", 1, TIB),
    ("bytes_min", 0, TIB),
    ("_bytes", MIB, TIB),
    ("_max", 1, 1_000_000_000),
    ("_days", 1, 36_600),
    ("_hours", 0, 8_784),
];
const ANY_COUNT: (i64, i64) = (0, 1_000_000_000);

/// What `text` means where `default` stands; itself when it means nothing there.
pub(super) fn from_text(text: &str, default: &Value) -> Value {
    let text = text.trim();
    let read = match default {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Array(_) => Some(Value::Array(list(text))),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn list(text: &str) -> Vec<Value> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Value::String(part.to_owned())).collect()
}

/// `value` as it is to be used for `key`.
///
/// # Errors
/// What it must be, when it has another type or lies out of range.
pub(super) fn checked(key: &str, value: Value, default: &Value) -> Result<Value, String> {
    let (least, greatest) = range(key);
    let fitting = match (value, default) {
        (Value::Integer(number), Value::Integer(_)) => {
            (least..=greatest).contains(&number).then_some(Value::Integer(number))
        }
        (Value::Integer(number @ 0..=1), Value::Float(_)) => {
            Some(Value::Float(if number == 0 { 0.0 } else { 1.0 }))
        }
        (Value::Float(share), Value::Float(_)) => {
            (0.0..=1.0).contains(&share).then_some(Value::Float(share))
        }
        (value @ Value::Boolean(_), Value::Boolean(_))
        | (value @ Value::String(_), Value::String(_)) => Some(value),
        (Value::Array(list), Value::Array(_)) => {
            list.iter().all(Value::is_str).then_some(Value::Array(list))
        }
        _ => None,
    };
    fitting.ok_or_else(|| {
        format!("must be {}; the default is {}", right(key, default), shown(default))
    })
}

fn range(key: &str) -> (i64, i64) {
    let found = RANGES.iter().find(|(ending, ..)| key.ends_with(ending));
    found.map_or(ANY_COUNT, |(_, least, greatest)| (*least, *greatest))
}

fn right(key: &str, default: &Value) -> String {
    let (least, greatest) = range(key);
    match default {
        Value::Integer(_) => format!("a whole number from {least} to {greatest}"),
        Value::Float(_) => "a number from 0 to 1".to_owned(),
        Value::Boolean(_) => "true or false".to_owned(),
        Value::Array(_) => "a list of texts".to_owned(),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => "a text".to_owned(),
    }
}

fn shown(default: &Value) -> String {
    match default {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is) => is.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) | Value::Datetime(_) | Value::Table(_) => "none".to_owned(),
    }
}
