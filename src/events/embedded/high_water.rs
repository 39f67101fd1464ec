//! A small file beside the store that says how far it was synced, so that a store which lost its
//! end is found out. It is written after each sync and before anybody hears of it, in place, with a
//! checksum.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Level {
    /// The last commit that was synced.
    pub(super) number: u64,
    /// Up to here commits may be missing, because damage was accepted.
    pub(super) accepted: u64,
}

const BYTES: usize = 20;

impl Level {
    fn encode(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (numbers, crc) = bytes.split_at_mut(BYTES - 4);
        let (number, accepted) = numbers.split_at_mut(8);
        number.copy_from_slice(&self.number.to_le_bytes());
        accepted.copy_from_slice(&self.accepted.to_le_bytes());
        crc.copy_from_slice(&crc32fast::hash(numbers).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, crc) = bytes.split_last_chunk::<4>()?;
        let (number, accepted) = numbers.split_first_chunk::<8>()?;
        let accepted = <[u8; 8]>::try_from(accepted).ok()?;
        (crc32fast::hash(numbers) == u32::from_le_bytes(*crc)).then(|| Self {
            number: u64::from_le_bytes(*number),
            accepted: u64::from_le_bytes(accepted),
        })
    }
}

/// What is known of the level when the store is opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Level(Level),
    Missing,
    Unreadable,
}

/// The open file.
#[derive(Debug)]
pub(super) struct HighWater(File);

impl HighWater {
    pub(super) fn read(path: &Path) -> io::Result<Found> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Level::decode(&bytes).map_or(Found::Unreadable, Found::Level)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Err(error),
        }
    }

    /// Opens the file, creating it if need be, and makes `level` durable.
    pub(super) fn open(path: &Path, level: Level) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let high_water = Self(file);
        high_water.write(level)?;
        high_water.sync()?;
        Ok(high_water)
    }

    /// Hands `level` to the system; a process that dies keeps it, a power cut may not.
    pub(super) fn write(&self, level: Level) -> io::Result<()> {
        self.0.write_all_at(&level.encode(), 0)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
