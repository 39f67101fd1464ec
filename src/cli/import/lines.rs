//! Reads what `viewlog export` writes: a record a line.

use std::io::{BufRead, BufReader, Read};

use crate::cli::seams::{self, Imported, OddRow};

/// The longest line; a record with every text at its longest is far below.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// The records of a file. Empty lines are passed over; a file that cannot be read on ends with an
/// odd row.
pub(super) fn rows(source: impl Read) -> impl Iterator<Item = Result<Imported, OddRow>> {
    let mut lines = Lines { source: BufReader::new(source), line: 0, is_over: false };
    std::iter::from_fn(move || lines.next())
}

struct Lines<R> {
    source: BufReader<R>,
    line: u64,
    is_over: bool,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> Option<Result<Imported, OddRow>> {
        while !self.is_over {
            self.line += 1;
            match self.read() {
                Ok(bytes) if bytes.trim_ascii().is_empty() => {}
                Ok(bytes) => return Some(self.record(&bytes)),
                Err(reason) => return Some(Err(OddRow { line: self.line, reason })),
            }
        }
        None
    }

    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read = (&mut self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        if let Err(error) = read {
            self.is_over = true;
            return Err(format!("the file cannot be read on: {error}"));
        }
        if bytes.last() == Some(&b'\n') {
            return Ok(bytes);
        }
        // The last line needs no end; any other without one is too long.
        self.is_over = self.source.fill_buf().is_ok_and(<[u8]>::is_empty);
        if self.is_over {
            return Ok(bytes);
        }
        if self.source.skip_until(b'\n').is_err() {
            self.is_over = true;
        }
        Err("longer than 1 MiB, which no record is".to_owned())
    }

    fn record(&self, bytes: &[u8]) -> Result<Imported, OddRow> {
        let odd = |reason| OddRow { line: self.line, reason };
        let text = std::str::from_utf8(bytes).map_err(|_| odd("not UTF-8".to_owned()))?;
        // Some editors put a mark before all of a file.
        let text = text.trim_start_matches('\u{feff}').trim();
        let record = seams::viewlog_record(text).map_err(odd)?;
        Ok(Imported { line: self.line, records: vec![record] })
    }
}
