//! `import`: a file's rows, recorded through the same door as live facts. Twice adds nothing.

mod lines;
mod sender;

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Args, ValueEnum};

use crate::events::{AccountId, Clock, ProfileId, Record, SessionId, SystemClock};

use self::sender::{Line, Sender};
use super::client::Client;
use super::failure::{Failure, Found};
use super::interrupt::Interrupt;
use super::output::say;
use super::progress::{Progress, Reached, rate};
use super::reach::Reach;
use super::seams::{self, DateOrder, Imported, NetflixOptions, OddRow, Rows};
use super::table;
use super::whose::Household;
use super::words;

/// How many rows are read between two chances for Ctrl-C.
const ROWS_AT_ONCE: u64 = 1_000;

/// A file to record.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// What wrote the file
    #[arg(value_enum)]
    format: Format,
    /// The file; `-` reads stdin
    file: PathBuf,
    #[command(flatten)]
    household: Household,
    /// Only this person's rows; whose they are, where the file does not say
    #[arg(long, value_name = "P", value_parser = ProfileId::new)]
    profile: Option<ProfileId>,
    /// The time zone of the file's dates, where it does not say, such as Europe/Berlin
    #[arg(long, value_name = "Z", default_value = "UTC", value_parser = words::time_zone)]
    time_zone: chrono_tz::Tz,
    /// How dates are written, where the file leaves it open: year-first, month-first, day-first
    #[arg(long, value_name = "ORDER", value_parser = str::parse::<DateOrder>)]
    date_order: Option<DateOrder>,
    /// Read everything, record nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// ViewingActivity.csv or NetflixViewingHistory.csv
    Netflix,
    /// What `viewlog export` writes
    Viewlog,
    #[value(hide = true)]
    Trakt,
    #[value(hide = true)]
    PlaybackReporting,
}

impl Import {
    /// Reads the file, records it, and prints what was odd and a summary.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        let input = Input::open(&self.file)?;
        let reached = Rc::clone(&input.read);
        let bytes = input.bytes;
        let rows = self.rows(input)?;
        let work = Work::new(reached, bytes);
        if self.dry_run {
            let mut interrupt = Interrupt::listen()?;
            return interrupt.unless(work.run(rows, None)).await;
        }
        self.reach.ask_or_make(async |client| self.record(client, work, rows).await).await
    }

    async fn record(&self, client: &Client, work: Work, rows: Rows) -> anyhow::Result<Found> {
        let account = self.household.account(client)?;
        // A server that was never there is told at once; one that goes away is waited for.
        client.get(client.url(&["healthz"])?).await?;
        let sender = Sender::new(client, &account)?;
        work.run(rows, Some((account, sender))).await
    }

    fn rows(&self, input: Input) -> Result<Rows, Failure> {
        match self.format {
            Format::Netflix => seams::netflix_rows(
                input,
                &NetflixOptions {
                    profile: self.profile.clone(),
                    time_zone: self.time_zone,
                    date_order: self.date_order,
                    now: SystemClock.now(),
                },
            ),
            Format::Viewlog if self.profile.is_some() => Err(Failure::Wrong(
                "an export of viewlog says itself whose each row is; leave --profile out"
                    .to_owned(),
            )),
            Format::Viewlog => Ok(Box::new(lines::rows(input))),
            Format::Trakt | Format::PlaybackReporting => Err(Failure::Wrong(
                "this version imports netflix and viewlog; trakt and playback-reporting are not \
                 in it"
                    .to_owned(),
            )),
        }
    }
}

/// A file, and how much of it has been read.
struct Input {
    source: Box<dyn Read>,
    read: Rc<Cell<u64>>,
    bytes: Option<u64>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        let read = Rc::default();
        if path.as_os_str() == "-" {
            return Ok(Self { source: Box::new(io::stdin()), read, bytes: None });
        }
        let file = File::open(path).map_err(|error| Failure::of_file(path, &error))?;
        let about = file.metadata().map_err(|error| Failure::of_file(path, &error))?;
        if about.is_dir() {
            let what = format!("{} is a directory; name the file in it", path.display());
            return Err(Failure::Wrong(what));
        }
        let bytes = about.is_file().then_some(about.len());
        Ok(Self { source: Box::new(file), read, bytes })
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.read.set(self.read.get() + u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

/// What has come of a file so far.
struct Work {
    read: Rc<Cell<u64>>,
    bytes: Option<u64>,
    progress: Progress,
    sessions: HashSet<SessionId>,
    records: u64,
    marks: u64,
    recorded: u64,
    known: u64,
    odd: u64,
}

/// Where the records go; nowhere in a dry run.
type To<'a> = Option<(AccountId, Sender<'a>)>;

impl Work {
    fn new(read: Rc<Cell<u64>>, bytes: Option<u64>) -> Self {
        Self {
            read,
            bytes,
            progress: Progress::begin("import"),
            sessions: HashSet::new(),
            records: 0,
            marks: 0,
            recorded: 0,
            known: 0,
            odd: 0,
        }
    }

    async fn run(mut self, rows: Rows, mut to: To<'_>) -> anyhow::Result<Found> {
        let mut seen: u64 = 0;
        for row in rows {
            match row {
                Ok(imported) => self.take(imported, &mut to).await?,
                Err(odd) => self.odd(&odd)?,
            }
            seen += 1;
            if seen.is_multiple_of(ROWS_AT_ONCE) {
                self.show();
                tokio::task::yield_now().await;
            }
        }
        if let Some((_, sender)) = &mut to {
            self.flush(sender).await?;
        }
        self.conclude(to.is_none())
    }

    async fn take(&mut self, imported: Imported, to: &mut To<'_>) -> Result<(), Failure> {
        for record in imported.records {
            self.count(&record);
            let Some((account, sender)) = to else { continue };
            let json = seams::viewlog_line(account, record);
            if !sender.has_room_for(&json) {
                self.flush(sender).await?;
            }
            sender.push(Line { number: imported.line, json });
        }
        Ok(())
    }

    fn count(&mut self, record: &Record) {
        self.records += 1;
        let session = match record {
            Record::Fact(fact) => fact.session,
            Record::Event(event) => event.fact.session,
            Record::Snapshot(state) => state.session,
            Record::Mark(_) => {
                self.marks += 1;
                return;
            }
        };
        self.sessions.insert(session);
    }

    async fn flush(&mut self, sender: &mut Sender<'_>) -> Result<(), Failure> {
        let sent = sender.flush(|why| self.progress.warn(why)).await?;
        self.recorded += sent.recorded;
        self.known += sent.duplicates;
        for refused in sent.refused {
            self.odd(&refused)?;
        }
        self.show();
        Ok(())
    }

    fn odd(&mut self, odd: &OddRow) -> Result<(), Failure> {
        self.odd += 1;
        let reason = table::plain(&odd.reason);
        self.progress.say(&format!("line {}: {reason}", odd.line))
    }

    fn show(&mut self) {
        let done = self.recorded + self.known;
        let done = if done > 0 { done } else { self.records };
        let told =
            format!("{} records, {}", table::count(done), rate(done, self.progress.elapsed()));
        let reached = Reached { done: self.read.get(), total: self.bytes, told: &told };
        self.progress.reach(&reached);
    }

    fn conclude(self, is_dry: bool) -> anyhow::Result<Found> {
        let took = self.progress.elapsed();
        self.progress.end();
        let sessions = u64::try_from(self.sessions.len()).unwrap_or(u64::MAX);
        let counted = |number, one: &str| {
            format!("{} {one}{}", table::count(number), if number == 1 { "" } else { "s" })
        };
        let (sessions, marks) = (counted(sessions, "session"), counted(self.marks, "mark"));
        let odd = counted(self.odd, "odd row");
        if is_dry {
            let facts = counted(self.records - self.marks, "fact");
            say(format_args!("read, and recorded nothing: {sessions}, {facts}, {marks}, {odd}"))?;
        } else {
            let (recorded, known) = (table::count(self.recorded), table::count(self.known));
            let rate = rate(self.recorded + self.known, took);
            say(format_args!(
                "{sessions}, {marks}: {recorded} recorded, {known} already known; {odd} ({rate})"
            ))?;
        }
        Ok(if self.odd == 0 { Found::Nothing } else { Found::Something })
    }
}
