//! The rows of a CSV file with their line numbers, some of them read ahead. Knows nothing of
//! columns.

use std::collections::VecDeque;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, StringRecord};

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
    /// The text of a cell.
    ///
    /// # Errors
    /// Says so when the row is too short to have it.
    pub(super) fn cell(&self, column: usize) -> Result<&str, String> {
        self.cells.get(column).ok_or_else(|| {
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
    reader: csv::Reader<R>,
    ahead: VecDeque<Result<Line, OddRow>>,
    has_failed: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(source);
        Self { reader, ahead: VecDeque::new(), has_failed: false }
    }

    /// The next row of the file, kept to be handed out in its turn.
    pub(super) fn look_ahead(&mut self) -> Option<&Result<Line, OddRow>> {
        let next = self.read()?;
        self.ahead.push_back(next);
        self.ahead.back()
    }

    fn read(&mut self) -> Option<Result<Line, OddRow>> {
        if self.has_failed {
            return None;
        }
        let number = self.reader.position().line();
        let mut bytes = ByteRecord::new();
        match self.reader.read_byte_record(&mut bytes) {
            Ok(false) => None,
            Ok(true) => Some(line_of(bytes)),
            Err(error) => {
                self.has_failed = true;
                let reason = format!("the file cannot be read from here on: {error}");
                Some(Err(OddRow { line: number, reason }))
            }
        }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Line, OddRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.ahead.pop_front().or_else(|| self.read())
    }
}

fn line_of(bytes: ByteRecord) -> Result<Line, OddRow> {
    let number = bytes.position().map_or(0, csv::Position::line);
    match StringRecord::from_byte_record(bytes) {
        Ok(cells) => Ok(Line { number, cells }),
        Err(_) => {
            let reason = "is not in UTF-8; save the file as UTF-8".to_owned();
            Err(OddRow { line: number, reason })
        }
    }
}
