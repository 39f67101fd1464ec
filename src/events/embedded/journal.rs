//! Checks the store's journals before the store is allowed to open them.
//!
//! fjall cuts a journal at the first record that it cannot decode, and goes on as if nothing were
//! missing (its issue 311). So every record is read here first: its checksum, and whether the
//! commit numbers that the writer puts into each batch follow one another through all journals. The
//! format is fjall's version 3 (`journal/entry.rs`): start 1 (count, sequence number), items 2,
//! clears 4, end 3 (xxh3, magic).

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::high_water::Level;
use super::keys;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: [u8; 4] = *b"FJL\x03";
/// Far above what any store reaches, below what the store reserves.
const SEQNO_MAX: u64 = 1 << 62;

/// One journal file and what of it is whole.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) path: PathBuf,
    whole: Vec<Range<usize>>,
    /// Something other than zeros follows the last batch, or a batch cannot be right.
    hurt: bool,
    /// Commits that are missing inside or before this file: after which, before which.
    gaps: Vec<(u64, u64)>,
}

/// All journals of a store, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journals {
    pub(super) files: Vec<Journal>,
    /// The last commit in them.
    last: Option<u64>,
}

impl Journals {
    /// Reads every journal in `store`.
    pub(super) fn check(store: &Path) -> io::Result<Self> {
        let mut journals = Self::default();
        let mut batches = Vec::new();
        for path in paths(store)? {
            let mut journal = Journal { path, whole: vec![], hurt: false, gaps: vec![] };
            let found = journal.read()?;
            let file = journals.files.len();
            batches.extend(found.into_iter().map(|batch| Batch { file, ..batch }));
            journals.files.push(journal);
        }
        journals.follow(&batches);
        Ok(journals)
    }

    /// Goes along the batches and takes those that can be right: both their numbers ascend. The
    /// sequence number has no checksum, so one that overtakes its successor is not believed.
    fn follow(&mut self, batches: &[Batch]) {
        let mut before: Option<&Batch> = None;
        let nexts = batches.iter().skip(1).map(Some).chain([None]);
        for (batch, next) in batches.iter().zip(nexts) {
            let Some(journal) = self.files.get_mut(batch.file) else { continue };
            let follows = |batch: &Batch| before.is_none_or(|before| before.seqno < batch.seqno);
            let ascends = before.is_none_or(|before| before.number < batch.number);
            let overtakes = next.is_some_and(|next| follows(next) && next.seqno <= batch.seqno);
            if !ascends || !follows(batch) || overtakes || batch.seqno > SEQNO_MAX {
                journal.hurt = true;
                continue;
            }
            journal.take(batch.range.clone());
            let expected = match before {
                Some(before) => before.number + 1,
                // What lies before the first whole batch was a batch too.
                None if batch.range.start > 0 => batch.number.saturating_sub(1),
                None => batch.number,
            };
            if expected < batch.number {
                journal.gaps.push((expected - 1, batch.number));
            }
            before = Some(batch);
        }
        self.last = before.map(|batch| batch.number);
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
    /// Every batch whose checksum is right, past whatever lies between them.
    fn read(&mut self) -> io::Result<Vec<Batch>> {
        let bytes = written(&self.path)?;
        let mut batches = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let starts = rest.iter().enumerate().filter(|(_, byte)| **byte == START);
            let found = starts.into_iter().find_map(|(start, _)| Batch::read(&bytes, at + start));
            let Some(batch) = found else {
                self.hurt = true;
                break;
            };
            at = batch.range.end;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Copies what was written into the directory `aside`, durably.
    pub(super) fn copy_to(&self, aside: &Path) -> io::Result<()> {
        let mut file = fs::File::create(aside.join(self.path.file_name().unwrap_or_default()))?;
        file.write_all(&written(&self.path)?)?;
        file.sync_all()
    }

    fn take(&mut self, range: Range<usize>) {
        match self.whole.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.whole.push(range),
        }
    }

    fn needs_mending(&self) -> bool {
        let starts_late = self.whole.first().is_some_and(|range| range.start > 0);
        self.hurt || self.whole.len() > 1 || starts_late
    }

    fn mend(&self) -> io::Result<()> {
        let bytes = written(&self.path)?;
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

/// The bytes of a file without the zeros at its end: a journal is made at its full size.
fn written(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = fs::read(path)?;
    let zeros = [0; 64 * 1024];
    while bytes.ends_with(&zeros) {
        bytes.truncate(bytes.len() - zeros.len());
    }
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(used);
    Ok(bytes)
}

#[derive(Debug)]
struct Batch {
    file: usize,
    range: Range<usize>,
    seqno: u64,
    number: u64,
}

impl Batch {
    /// The batch that begins at `start`, if it is whole and ours.
    fn read(bytes: &[u8], start: usize) -> Option<Self> {
        let mut reader = Reader(bytes.get(start..)?);
        if reader.byte()? != START {
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
        let whole = reader.byte()? == END
            && u64::from_le_bytes(reader.array()?) == xxh3_64(items)
            && reader.array()? == MAGIC;
        let number = number.filter(|number| *number > 0)?;
        let range = start..bytes.len() - reader.0.len();
        whole.then_some(Self { file: 0, range, seqno, number })
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
            ITEM => {}
            CLEAR => return self.array::<8>().map(|_| None),
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
