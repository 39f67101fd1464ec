//! The rows of a CSV file with their line numbers, some of them read ahead. Knows nothing of
//! columns.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use csv::{ByteRecord, ReaderBuilder, StringRecord, Terminator};

use super::OddRow;

/// No row of an export is as long.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// No cell of one goes over as many more lines.
const JOINED_MAX: usize = 8;

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
    source: BufReader<R>,
    /// The line that was read last.
    number: u64,
    /// Lines to be read again.
    unread: VecDeque<Vec<u8>>,
    ahead: VecDeque<Result<Line, OddRow>>,
    has_failed: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        let (unread, ahead) = Default::default();
        let source = BufReader::new(source);
        Self { source, number: 0, unread, ahead, has_failed: false }
    }

    /// The next row of the file, kept to be handed out in its turn.
    pub(super) fn look_ahead(&mut self) -> Option<&Result<Line, OddRow>> {
        let next = self.read()?;
        self.ahead.push_back(next);
        self.ahead.back()
    }

    fn read(&mut self) -> Option<Result<Line, OddRow>> {
        loop {
            let bytes = match self.line()? {
                Ok(bytes) => bytes,
                Err(odd) => return Some(Err(odd)),
            };
            let number = self.number;
            let Some(cells) = cells_of(&bytes).or_else(|| self.over_several(bytes)) else {
                let reason = "has a quote that is not closed".to_owned();
                return Some(Err(OddRow { line: number, reason }));
            };
            if !is_blank(&cells) {
                return Some(line_of(cells, number));
            }
        }
    }

    /// The row that begins with a line and goes on in the next ones. They are read again when it is
    /// not quoted as it should be: a stray quote must not take in what follows it.
    fn over_several(&mut self, first: Vec<u8>) -> Option<ByteRecord> {
        let (mut all, mut taken) = (first, VecDeque::new());
        let mut found = None;
        while found.is_none() && taken.len() < JOINED_MAX {
            match self.line() {
                None => break,
                Some(Err(odd)) => {
                    self.ahead.push_back(Err(odd));
                    break;
                }
                Some(Ok(next)) => {
                    all.extend_from_slice(&next);
                    taken.push_back(next);
                    found = cells_of(&all);
                }
            }
        }
        if found.is_some() && is_well_quoted(&all) {
            return found;
        }
        self.number -= taken.len() as u64;
        taken.append(&mut self.unread);
        self.unread = taken;
        None
    }

    /// The next line, which ends in a line feed.
    fn line(&mut self) -> Option<Result<Vec<u8>, OddRow>> {
        let mut bytes = self.unread.pop_front().unwrap_or_default();
        if bytes.is_empty() && !self.has_failed {
            let mut bounded = (&mut self.source).take(LINE_BYTES_MAX);
            let outcome = bounded.read_until(b'\n', &mut bytes);
            if let Some(why) = failure(outcome, &bytes) {
                self.has_failed = true;
                let reason = format!("the file cannot be read from here on: {why}");
                return Some(Err(OddRow { line: self.number + 1, reason }));
            }
        }
        if bytes.is_empty() {
            return None;
        }
        self.number += 1;
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        Some(Ok(bytes))
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Line, OddRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.ahead.pop_front().or_else(|| self.read())
    }
}

fn failure(outcome: io::Result<usize>, bytes: &[u8]) -> Option<String> {
    match outcome {
        Err(error) => Some(error.to_string()),
        Ok(read) if read as u64 == LINE_BYTES_MAX && !bytes.ends_with(b"\n") => {
            Some("the line is longer than a megabyte".to_owned())
        }
        Ok(_) => None,
    }
}

/// The cells of whole lines; `None` when a quote is still open at their end.
fn cells_of(lines: &[u8]) -> Option<ByteRecord> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // What is left of a CRLF is cut from the last cell.
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(lines.len())
        .from_reader(lines);
    let mut cells = ByteRecord::new();
    // Of a blank line there are none.
    reader.read_byte_record(&mut cells).ok()?;
    let is_open = cells.iter().next_back().is_some_and(|last| last.ends_with(b"\n"));
    (!is_open).then_some(cells)
}

/// Whether quotes stand around whole cells, or doubled within them.
fn is_well_quoted(lines: &[u8]) -> bool {
    let (mut is_quoted, mut begins) = (false, true);
    let mut bytes = lines.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'"' {
            if is_quoted && bytes.next_if(|next| **next == b'"').is_some() {
                continue;
            }
            let ends = matches!(bytes.peek(), None | Some(b',' | b'\n' | b'\r'));
            if !(if is_quoted { ends } else { begins }) {
                return false;
            }
            is_quoted = !is_quoted;
        }
        begins = matches!(byte, b',' | b'\n');
    }
    !is_quoted
}

fn is_blank(cells: &ByteRecord) -> bool {
    cells.len() <= 1 && cells.iter().all(|cell| cell.trim_ascii().is_empty())
}

fn line_of(cells: ByteRecord, number: u64) -> Result<Line, OddRow> {
    match StringRecord::from_byte_record(cells) {
        Ok(cells) => Ok(Line { number, cells }),
        Err(_) => {
            let reason = "is not in UTF-8; save the file as UTF-8".to_owned();
            Err(OddRow { line: number, reason })
        }
    }
}
