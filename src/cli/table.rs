//! How answers look on a terminal: tables that fit it, durations and times for people.

use std::io::IsTerminal;

use chrono::Local;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, presets};

use crate::events::Timestamp;

use super::answers::Title;

/// Where there is no terminal to ask: what everyone can read.
const COLUMNS: u16 = 80;
/// Between two columns.
const GAP: u16 = 2;
/// What times look like, on this machine's clock; [`super::words::instant`] reads it back.
pub(super) const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// A table with these columns; those that begin with `>` hold figures and are aligned to the right.
pub(super) fn table<const N: usize>(columns: [&str; N]) -> Table {
    let mut table = empty();
    table.set_header(columns.map(|name| name.trim_start_matches('>')));
    for (column, name) in table.column_iter_mut().zip(columns) {
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Facts about one thing, a line each, as text; what is unknown is left out.
pub(super) fn facts<const N: usize>(facts: [(&str, String); N]) -> String {
    let mut table = empty();
    for (what, is) in facts.into_iter().filter(|(_, is)| !is.is_empty()) {
        table.add_row(row([what.to_owned(), is]));
    }
    text(table)
}

/// A table as text, without the columns in which nothing stands.
pub(super) fn text(mut table: Table) -> String {
    let rows: Vec<Row> = table.row_iter().cloned().collect();
    let is_used = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.cell_iter().nth(at));
        cells.into_iter().any(|cell| !cell.content().is_empty())
    };
    let last = (0..table.column_count()).rev().find(|at| is_used(*at));
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if Some(at) == last { 0 } else { GAP }));
        if !is_used(at) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    table.trim_fmt()
}

fn empty() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(COLUMNS);
    }
    table
}

/// A row of texts; what could move a terminal's cursor is shown as `?`.
pub(super) fn row<const N: usize>(cells: [String; N]) -> Row {
    Row::from(cells.map(|cell| plain(&cell)))
}

/// A text without control characters but line ends, and without what turns the order of others.
pub(super) fn plain(text: &str) -> String {
    let turns = ['\u{200e}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    let is_odd =
        |c: char| c != '\n' && (c.is_control() || turns.iter().any(|range| range.contains(&c)));
    text.chars().map(|c| if is_odd(c) { '?' } else { c }).collect()
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

/// An instant on this machine's clock, to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.to_utc().with_timezone(&Local).format(TIME).to_string()
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
    let name = if parts.is_empty() { title.title.to_string() } else { parts.join(" ") };
    // A name is one line, whatever a player says.
    name.replace(char::is_control, "?")
}

/// A title's name, and below it the id by which other commands know it, unless one says both.
pub(super) fn name_and_id(title: &Title) -> String {
    let (name, id) = (name(title), title.title.as_str());
    if id.ends_with(&name) { id.to_owned() } else { format!("{name}\n{id}") }
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
