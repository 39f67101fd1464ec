//! Opening a directory: who holds it, what format it has, and whether everything acknowledged is
//! there.
//!
//! - `lock` is held while the store is open, and `format` names this layout.
//! - `mark` says how far the store in `store` was synced; `clean` is there after an orderly stop.
//! - `journals-aside` has copies, until the opening is judged; `journals-damaged-N` those that
//!   belong to a damage.
//!
//! Damage is refused by name; nothing is cut off before it has been copied aside.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::high_water::{Found, HighWater, Level};
use super::journal::Journals;
use super::tables::Tables;
use super::{EmbeddedOptions, OpenError};

const FORMAT: &str = "viewlog embedded log 1\n";
/// Of what else is found there so much is shown.
const FORMAT_SHOWN: usize = 60;

/// A store ready to be written to.
pub(super) struct Opened {
    pub(super) tables: Tables,
    pub(super) high_water: HighWater,
    pub(super) level: Level,
    pub(super) lock: File,
}

struct Opening<'a> {
    dir: &'a Path,
    options: &'a EmbeddedOptions,
    damage: Option<String>,
}

pub(super) fn open(dir: &Path, options: &EmbeddedOptions) -> Result<Opened, OpenError> {
    fs::create_dir_all(dir).map_err(|error| io_error(dir, error))?;
    let lock = lock(dir)?;
    check_format(dir)?;
    let mut opening = Opening { dir, options, damage: None };
    let level = opening.level()?;
    let kept = opening.check_journals(level)?;
    let tables = Tables::open(&opening.store(), options)
        .map_err(|reason| OpenError::Store { dir: dir.to_owned(), reason })?;
    let number = match tables.number() {
        Ok(number) => number,
        Err(reason) => opening.damaged(reason).map(|()| 0)?,
    };
    if number < level.number {
        let (from, to) = (number + 1, level.number);
        opening.damaged(format!("the store ends too early: commits {from} to {to} are missing"))?;
    }
    let level = Level { number: number.max(level.number), ..level };
    opening.finish(tables, lock, (level, kept))
}

/// Records an orderly stop: the next opening need not copy anything aside.
pub(super) fn write_clean(dir: &Path) -> io::Result<()> {
    File::create(dir.join("clean"))?.sync_all()?;
    File::open(dir)?.sync_all()
}

impl Opening<'_> {
    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    fn aside(&self) -> PathBuf {
        self.dir.join("journals-aside")
    }

    fn io<T>(&self, result: io::Result<T>) -> Result<T, OpenError> {
        result.map_err(|error| io_error(self.dir, error))
    }

    /// Damage ends the opening unless it was accepted beforehand.
    fn damaged(&mut self, what: String) -> Result<(), OpenError> {
        if !self.options.accept_damage {
            let copies = Some(self.aside()).filter(|aside| aside.exists());
            return Err(OpenError::Damaged {
                what,
                copies: copies.unwrap_or_else(|| self.store()),
            });
        }
        tracing::error!(%what, "the log is damaged; going on with what is readable");
        self.damage = Some(what);
        Ok(())
    }

    fn level(&mut self) -> Result<Level, OpenError> {
        let path = self.dir.join("mark");
        let is_new = !self.store().join("version").exists();
        match self.io(HighWater::read(&path))? {
            Found::Missing if is_new => {
                self.io(HighWater::open(&path, Level::default()))?;
                Ok(Level::default())
            }
            Found::Level(level) if is_new && level.number > 0 => {
                let to = level.number;
                self.damaged(format!("the store is gone: commits 1 to {to} are missing"))?;
                Ok(level)
            }
            Found::Level(level) => Ok(level),
            Found::Missing | Found::Unreadable => {
                let path = path.display();
                self.damaged(format!("{path} cannot be read; nobody knows what is missing"))?;
                Ok(Level::default())
            }
        }
    }

    /// Reads all journals, copies them aside if anything may happen to them, and mends torn ends.
    fn check_journals(&mut self, level: Level) -> Result<bool, OpenError> {
        let store = self.store();
        if !store.join("version").exists() {
            return Ok(false);
        }
        let journals = self.io(Journals::check(&store))?;
        let damage = journals.damage(level);
        let is_clean = self.dir.join("clean").exists();
        let copy = !is_clean || damage.is_some() || journals.need_mending();
        if copy {
            self.io(self.copy_aside(&journals))?;
        }
        if let Some(what) = damage {
            self.damaged(what)?;
        }
        self.io(journals.mend())?;
        Ok(copy)
    }

    /// Copies that an earlier opening left behind are older, so they are kept.
    fn copy_aside(&self, journals: &Journals) -> io::Result<()> {
        if self.aside().exists() {
            return Ok(());
        }
        let partial = self.dir.join("journals-partial");
        remove_dir(&partial)?;
        fs::create_dir(&partial)?;
        for journal in &journals.files {
            journal.copy_to(&partial)?;
        }
        fs::rename(&partial, self.aside())?;
        File::open(self.dir)?.sync_all()
    }

    /// All is well, or its damage is accepted: from here on the store may be written to.
    fn finish(
        self,
        tables: Tables,
        lock: File,
        (mut level, kept): (Level, bool),
    ) -> Result<Opened, OpenError> {
        let high_water = self.io(HighWater::open(&self.dir.join("mark"), level))?;
        if self.damage.is_some() {
            level = Level { number: level.number + 1, accepted: level.number };
            let store = |error: fjall::Error| OpenError::Store {
                dir: self.dir.to_owned(),
                reason: error.to_string(),
            };
            tables.commit(&[], level.number).map_err(store)?;
            self.io(high_water.write(level).and_then(|()| high_water.sync()))?;
        }
        if kept {
            self.io(self.put_away_copies())?;
        }
        match fs::remove_file(self.dir.join("clean")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.io(Err(error))?,
            _ => self.io(File::open(self.dir).and_then(|dir| dir.sync_all()))?,
        }
        Ok(Opened { tables, high_water, level, lock })
    }

    fn put_away_copies(&self) -> io::Result<()> {
        if self.damage.is_none() {
            let partial = self.dir.join("journals-partial");
            fs::rename(self.aside(), &partial)?;
            return remove_dir(&partial);
        }
        let kept = (1..).map(|n: u32| self.dir.join(format!("journals-damaged-{n}")));
        let Some(kept) = kept.into_iter().find(|path| !path.exists()) else { return Ok(()) };
        tracing::error!(copies = %kept.display(), "the damaged journals are kept");
        fs::rename(self.aside(), kept)
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| io_error(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error(&path, error)),
    }
}

fn check_format(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join("format");
    match fs::read(&path) {
        Ok(found) if found == FORMAT.as_bytes() => Ok(()),
        Ok(found) => {
            let found = String::from_utf8_lossy(&found).trim().chars().take(FORMAT_SHOWN).collect();
            Err(OpenError::Format { dir: dir.to_owned(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if dir.join("store").exists() {
                let found = "a store without a format file".to_owned();
                return Err(OpenError::Format { dir: dir.to_owned(), found });
            }
            write_format(dir).map_err(|error| io_error(&path, error))
        }
        Err(error) => Err(io_error(&path, error)),
    }
}

fn write_format(dir: &Path) -> io::Result<()> {
    let partial = dir.join("format.partial");
    fs::write(&partial, FORMAT)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, dir.join("format"))?;
    File::open(dir)?.sync_all()
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
