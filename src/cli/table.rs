//! How answers look on a terminal: tables that fit it, durations and times for people.

use std::io::IsTerminal;

use chrono::{Local, SecondsFormat};
use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};

use crate::events::Timestamp;

use super::answers::Title;

/// Where there is no terminal to ask: what everyone can read.
const COLUMNS: u16 = 80;

/// A table with these columns; those that begin with `>` hold figures and are aligned to the right.
pub(super) fn table<const N: usize>(columns: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(COLUMNS);
    }
    table.set_header(columns.map(|name| name.trim_start_matches('>')));
    for (column, name) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A row of texts; what could move a terminal's cursor is shown as `?`.
pub(super) fn row<const N: usize>(cells: [String; N]) -> Row {
    Row::from(cells.map(|cell| plain(&cell)))
}

/// A text without control characters but line ends.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect()
}

/// `1:02:03`, or `2:03` below an hour.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A duration, or nothing where it is unknown.
pub(super) fn known(ms: Option<u64>) -> String {
    ms.map(duration).unwrap_or_default()
}

/// An instant on this machine's clock, RFC 3339 to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.to_utc().with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What people call a title; its id where it has no name.
pub(super) fn name(title: &Title) -> String {
    let number = match (title.season, title.episode) {
        (Some(season), Some(episode)) => Some(format!("S{season}E{episode}")),
        (Some(season), None) => Some(format!("S{season}")),
        (None, Some(episode)) => Some(format!("E{episode}")),
        (None, None) => None,
    };
    let (series, name) = (title.series.as_deref(), title.name.as_deref());
    let parts = match (series, name) {
        // Some services name an episode by all of it: `Signal Lost: Season 2: Episode 6`.
        (Some(series), Some(name)) if name.starts_with(series) => vec![name],
        _ => [series, number.as_deref(), name].into_iter().flatten().collect(),
    };
    if parts.is_empty() { title.title.to_string() } else { parts.join(" ") }
}

/// A title's name, and below it the id by which other commands know it.
pub(super) fn name_and_id(title: &Title) -> String {
    let name = name(title);
    if name == title.title.as_str() { name } else { format!("{name}\n{}", title.title) }
}

/// `yes`, or nothing.
pub(super) fn mark(is_so: bool) -> String {
    if is_so { "yes".to_owned() } else { String::new() }
}

/// `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
