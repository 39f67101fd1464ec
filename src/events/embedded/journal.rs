//! Checks the store's journals before the store is allowed to open them.
//!
//! fjall cuts a journal at the first record that it cannot decode, and goes on as if nothing were missing
//! (its issue 311). So every record is read here first: its checksum, and whether the commit numbers that
//! the writer puts into each batch follow one another through all journals. The format is fjall's version
//! 3 (`journal/entry.rs`): start 1 (count, sequence number), items 2, clears 4, end 3 (xxh3, magic).

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::high_water::Level;
use super::keys;

const MAGIC: [u8; 4] = *b"FJL\x03";

/// One journal file and what of it is whole.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) path: PathBuf,
    whole: Vec<Range<usize>>,
    /// Where something other than zeros follows the last whole batch.
    tail_at: Option<usize>,
    /// Commits that are missing inside or before this file: after which, before which.
    gaps: Vec<(u64, u64)>,
}

/// All journals of a store, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journals {
    pub(super) files: Vec<Journal>,
    /// The last commit in them.
    pub(super) last: Option<u64>,
}

#[derive(Debug, Default)]
struct Chain {
    number: Option<u64>,
    seqno: Option<u64>,
}

impl Journals {
    /// Reads every journal in `store`.
    pub(super) fn check(store: &Path) -> io::Result<Self> {
        let mut chain = Chain::default();
        let files = paths(store)?
            .into_iter()
            .map(|path| Journal::check(path, &mut chain))
            .collect::<io::Result<_>>()?;
        Ok(Self { files, last: chain.number })
    }

    /// What acknowledged commits are missing, in words; `None` when none is known to be.
    pub(super) fn damage(&self, level: Level) -> Option<String> {
        if self.files.is_empty() && level.number > 0 {
            return Some("all journals are gone".to_owned());
        }
        for journal in &self.files {
            let gap = journal.gaps.iter().find(|(_, before)| before - 1 > level.accepted);
            if let Some((after, before)) = gap {
                let (from, to) = (after + 1, before - 1);
                let file = journal.path.display();
                return Some(format!("{file} is damaged: commits {from} to {to} are missing"));
            }
        }
        let last = self.last.filter(|last| *last < level.number)?;
        let (from, to) = (last + 1, level.number);
        let file = self.files.last().map(|journal| journal.path.display().to_string());
        let file = file.unwrap_or_default();
        Some(format!("{file} ends too early: commits {from} to {to} are missing"))
    }

    /// True when the store would cut something off.
    pub(super) fn need_mending(&self) -> bool {
        self.files.iter().any(Journal::needs_mending)
    }

    /// Leaves in every journal what is whole, so that the store opens it to its end.
    pub(super) fn mend(&self) -> io::Result<()> {
        self.files.iter().filter(|journal| journal.needs_mending()).try_for_each(Journal::mend)
    }
}

/// The journal files in `store`, oldest first.
pub(super) fn paths(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut numbered = Vec::new();
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        numbered.extend(number.filter(|_| is_journal).map(|number| (number, path)));
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

impl Journal {
    fn check(path: PathBuf, chain: &mut Chain) -> io::Result<Self> {
        let bytes = fs::read(&path)?;
        let mut journal = Self { path, whole: vec![], tail_at: None, gaps: vec![] };
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(zeros) = rest.iter().position(|byte| *byte != 0) else { break };
            let batch = if zeros == 0 { Batch::read(rest, chain) } else { None };
            let (start, batch) = match batch {
                Some(batch) => (at, batch),
                None => match next_batch(&bytes, at + 1, chain) {
                    Some(found) => found,
                    None => {
                        journal.tail_at = Some(at);
                        break;
                    }
                },
            };
            journal.take(start..start + batch.bytes);
            journal.gaps.extend(chain.take(&batch));
            at = start + batch.bytes;
        }
        Ok(journal)
    }

    fn take(&mut self, range: Range<usize>) {
        match self.whole.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.whole.push(range),
        }
    }

    fn needs_mending(&self) -> bool {
        let holes = self.whole.len() > 1 || self.whole.first().is_some_and(|range| range.start > 0);
        self.tail_at.is_some() || holes
    }

    fn mend(&self) -> io::Result<()> {
        let bytes = fs::read(&self.path)?;
        let mended = self.path.with_extension("mended");
        let mut file = fs::File::create(&mended)?;
        for range in &self.whole {
            file.write_all(bytes.get(range.clone()).unwrap_or_default())?;
        }
        file.sync_all()?;
        fs::rename(&mended, &self.path)?;
        fs::File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        tracing::warn!(journal = %self.path.display(), "cut off what was never acknowledged");
        Ok(())
    }
}

impl Chain {
    /// Goes on to `batch`; says what is missing before it.
    fn take(&mut self, batch: &Batch) -> Option<(u64, u64)> {
        self.seqno = Some(batch.seqno);
        let before = self.number.replace(batch.number)?;
        (before + 1 != batch.number).then_some((before, batch.number))
    }
}

/// The next whole batch from `at` on, past bytes that mean nothing.
fn next_batch(bytes: &[u8], at: usize, chain: &Chain) -> Option<(usize, Batch)> {
    let rest = bytes.get(at..)?;
    rest.iter().enumerate().filter(|(_, byte)| **byte == 1).find_map(|(offset, _)| {
        Batch::read(rest.get(offset..)?, chain).map(|batch| (at + offset, batch))
    })
}

#[derive(Debug)]
struct Batch {
    bytes: usize,
    seqno: u64,
    number: u64,
}

impl Batch {
    /// The batch that `bytes` begin with, if it is whole, ours, and later than what came before.
    fn read(bytes: &[u8], chain: &Chain) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.byte()? != 1 {
            return None;
        }
        let count = reader.u32()?;
        let seqno = u64::from_le_bytes(reader.array()?);
        let items = reader.0;
        let mut number = None;
        for _ in 0..count {
            number = reader.item()?.or(number);
        }
        let items = items.get(..items.len() - reader.0.len())?;
        let whole = reader.byte()? == 3
            && u64::from_le_bytes(reader.array()?) == xxh3_64(items)
            && reader.array()? == MAGIC;
        let number = number.filter(|number| *number > 0)?;
        let follows = chain.number.is_none_or(|before| before < number)
            && chain.seqno.is_none_or(|before| before < seqno);
        (whole && follows).then(|| Self { bytes: bytes.len() - reader.0.len(), seqno, number })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn slice(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(slice)
    }

    /// Passes over one item; the commit number, if it is the row that holds it.
    fn item(&mut self) -> Option<Option<u64>> {
        match self.byte()? {
            2 => {}
            4 => return self.array::<8>().map(|_| None),
            _ => return None,
        }
        // Value type, compression, keyspace.
        self.slice(1 + 1 + 8)?;
        let key_bytes = u16::from_le_bytes(self.array()?);
        let _value_bytes = self.u32()?;
        let kept_bytes = self.u32()?;
        let key = self.slice(usize::from(key_bytes))?;
        let value = self.slice(usize::try_from(kept_bytes).ok()?)?;
        let number = <[u8; 8]>::try_from(value).map(u64::from_be_bytes);
        Some(number.ok().filter(|_| key == keys::COMMIT))
    }
}
