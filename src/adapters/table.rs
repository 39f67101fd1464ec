//! Watch history as comma-separated rows for spreadsheets.
//!
//! A title is text that somebody else wrote, and spreadsheets run what looks like a formula: such
//! a cell gets an apostrophe in front. For keeping and moving data there is [`super::viewlog`].

use std::io::{self, Write};

use crate::events::Id;
use crate::events::{ProfileId, SessionId};
use crate::projections::Watch;

const COLUMNS: [&str; 16] = [
    "profile",
    "title",
    "name",
    "series",
    "season",
    "episode",
    "device",
    "source",
    "started_at",
    "last_at",
    "played_ms",
    "position_ms",
    "duration_ms",
    "finished",
    "autoplay",
    "sessions",
];

/// Writes a table, one row a watch.
pub struct Table<W: Write> {
    rows: csv::Writer<W>,
}

impl<W: Write> Table<W> {
    /// Writes the line of column names.
    ///
    /// # Errors
    /// The sink's own.
    pub fn new(sink: W) -> io::Result<Self> {
        let mut rows = csv::Writer::from_writer(sink);
        rows.write_record(COLUMNS)?;
        Ok(Self { rows })
    }

    /// Writes a watch of a profile; its sessions are separated by spaces.
    ///
    /// # Errors
    /// The sink's own.
    pub fn row(&mut self, profile: &ProfileId, watch: &Watch) -> io::Result<()> {
        let title = &watch.title;
        let sessions: Vec<String> = watch.sessions.iter().map(SessionId::to_string).collect();
        self.rows.write_record([
            text(profile.as_str()),
            text(title.title.as_str()),
            text(title.name.as_deref().unwrap_or_default()),
            text(title.series.as_deref().unwrap_or_default()),
            optional(title.season),
            optional(title.episode),
            text(watch.device.as_ref().map_or("", Id::as_str)),
            text(watch.source.as_deref().unwrap_or_default()),
            watch.started_at.to_string(),
            watch.last_at.to_string(),
            watch.played_ms.to_string(),
            watch.position_ms.to_string(),
            optional(watch.duration_ms),
            watch.finished.to_string(),
            watch.autoplay.to_string(),
            sessions.join(" "),
        ])?;
        Ok(())
    }

    /// Writes out what is left and gives the sink back.
    ///
    /// # Errors
    /// The sink's own.
    pub fn finish(self) -> io::Result<W> {
        self.rows.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// <https://owasp.org/www-community/attacks/CSV_Injection> lists what begins a formula.
fn text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn optional(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
