//! The rows of a CSV file with their line numbers, some of them read ahead. Knows nothing of
//! columns.

use std::collections::VecDeque;
use std::io::{Chain, Read};

use csv::{ByteRecord, ReaderBuilder, StringRecord, Terminator};

use super::OddRow;

/// One row.
#[derive(Debug)]
pub(super) struct Line {
    /// The line it begins on, from 1.
    pub(super) number: u64,
    /// Its cells, as many as there happen to be.
    cells: StringRecord,
}

impl Line {
    /// The text of a cell without the space around it.
    ///
    /// # Errors
    /// Says so when the row is too short to have it.
    pub(super) fn cell(&self, column: usize) -> Result<&str, String> {
        self.cells.get(column).map(str::trim).ok_or_else(|| {
            format!("has only {} of the columns that the first line names", self.cells.len())
        })
    }

    /// Every cell from the left.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }
}

/// A file row by row; ends for good where the source fails.
pub(super) struct Lines<R> {
    reader: csv::Reader<Chain<R, &'static [u8]>>,
    ahead: VecDeque<Result<Line, OddRow>>,
    has_failed: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // Counting needs every row to end in a line feed and nothing else; what is left of a
            // CRLF is cut from the last cell.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(source.chain(&b"\n"[..]));
        Self { reader, ahead: VecDeque::new(), has_failed: false }
    }

    /// The next row of the file, kept to be handed out in its turn.
    pub(super) fn look_ahead(&mut self) -> Option<&Result<Line, OddRow>> {
        let next = self.read()?;
        self.ahead.push_back(next);
        self.ahead.back()
    }

    fn read(&mut self) -> Option<Result<Line, OddRow>> {
        let mut bytes = ByteRecord::new();
        while !self.has_failed {
            let next = self.reader.position().line();
            match self.reader.read_byte_record(&mut bytes) {
                Ok(false) => return None,
                Ok(true) if is_blank(&bytes) => {}
                Ok(true) => {
                    let end = self.reader.position().line();
                    return Some(line_of(bytes, end));
                }
                Err(error) => {
                    self.has_failed = true;
                    let reason = format!("the file cannot be read from here on: {error}");
                    return Some(Err(OddRow { line: next, reason }));
                }
            }
        }
        None
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Line, OddRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.ahead.pop_front().or_else(|| self.read())
    }
}

fn is_blank(bytes: &ByteRecord) -> bool {
    bytes.len() == 1 && bytes.iter().all(|cell| cell.trim_ascii().is_empty())
}

/// The row that ended before line `end`. The reader's own count begins at blank lines before it.
fn line_of(bytes: ByteRecord, end: u64) -> Result<Line, OddRow> {
    let within = bytes.as_slice().iter().filter(|byte| **byte == b'\n').count();
    let number = end.saturating_sub(1 + within as u64);
    match StringRecord::from_byte_record(bytes) {
        Ok(cells) => Ok(Line { number, cells }),
        Err(_) => {
            let reason = "is not in UTF-8; save the file as UTF-8".to_owned();
            Err(OddRow { line: number, reason })
        }
    }
}
