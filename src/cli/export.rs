//! `export`: everything of an account, to stdout or into a file that is whole or not there.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use reqwest::Method;
use serde::Deserialize;
use tempfile::NamedTempFile;

use super::client::Client;
use super::failure::{Failure, Found};
use super::history::{self, PAGE_MAX, Pages};
use super::output::{say, warn};
use super::progress::{Progress, Reached, rate};
use super::reach::Reach;
use super::seams::Sheet;
use super::table;
use super::whose::{self, Household};

/// The kind of the last line of an export that lacks something.
const INCOMPLETE: &str = "incomplete";

/// What to export, and where to.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    household: Household,
    /// viewlog: every event, loads again exactly; csv: the history as a table
    #[arg(long, value_enum, default_value_t = Format::Viewlog)]
    format: Format,
    /// The file to write; stdout if not said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Viewlog,
    Csv,
    #[value(hide = true)]
    Trakt,
}

impl Export {
    /// Asks and writes.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        if self.format == Format::Trakt {
            let what = "exporting to trakt is not in this version; viewlog and csv are";
            return Err(Failure::Wrong(what.to_owned()).into());
        }
        let out = Out::open(self.out.as_deref())?;
        self.reach.ask(async |client| self.write(client, out).await).await
    }

    async fn write(&self, client: &Client, out: Out) -> anyhow::Result<Found> {
        // Bytes on a terminal would be torn by a bar.
        let mut progress = self.out.is_some().then(|| Progress::begin("export"));
        let Written { out, count, lacking } = match self.format {
            Format::Csv => self.write_csv(client, out, &mut progress).await?,
            Format::Viewlog | Format::Trakt => self.write_lines(client, out, &mut progress).await?,
        };
        if let Some(progress) = progress {
            progress.end();
        }
        out.conclude()?;
        if let Some(path) = &self.out {
            say(format_args!("{count} in {}", path.display()))?;
        }
        let Some(lacking) = lacking else { return Ok(Found::Nothing) };
        warn(format_args!("the export is incomplete: {lacking}; viewlog verify says more"));
        Ok(Found::Something)
    }

    async fn write_lines(
        &self,
        client: &Client,
        mut out: Out,
        progress: &mut Option<Progress>,
    ) -> Result<Written, Failure> {
        let account = self.household.account(client)?;
        let url = client.url(&["v1", "accounts", account.as_str(), "export"])?;
        let response = client.stream(client.request(Method::GET, url)).await?;
        let mut pieces = response.bytes_stream();
        let mut lines: u64 = 0;
        let mut last = LastLine::default();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| client.broken(&error))?;
            out.write_all(&piece).map_err(|error| Failure::of_output(&error))?;
            last.push(&piece);
            let ends = piece.iter().filter(|byte| **byte == b'\n').count();
            lines += u64::try_from(ends).unwrap_or(0);
            show(progress, lines, "lines");
        }
        Ok(Written { out, count: counted(lines, "lines"), lacking: last.lacking() })
    }

    async fn write_csv(
        &self,
        client: &Client,
        out: Out,
        progress: &mut Option<Progress>,
    ) -> Result<Written, Failure> {
        let account = self.household.account(client)?;
        let mut sheet = Sheet::new(out)?;
        let mut rows = 0;
        for profile in whose::profiles(client, &account).await? {
            let mut pages = Pages::new(history::url(client, &account, &profile)?);
            while let Some(watches) = pages.next(client, PAGE_MAX).await? {
                for watch in watches {
                    sheet.row(&profile, &watch.into())?;
                    rows += 1;
                }
                show(progress, rows, "rows");
            }
        }
        Ok(Written { out: sheet.finish()?, count: counted(rows, "rows"), lacking: None })
    }
}

/// An export that came to its end.
struct Written {
    out: Out,
    count: String,
    /// What the server says could not be read.
    lacking: Option<String>,
}

/// The line that ends an export, which says so when something is lacking.
#[derive(Default)]
struct LastLine {
    text: Vec<u8>,
    is_whole: bool,
}

#[derive(Deserialize)]
struct Incomplete {
    kind: String,
    detail: String,
}

impl LastLine {
    fn push(&mut self, piece: &[u8]) {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if std::mem::take(&mut self.is_whole) {
                self.text.clear();
            }
            self.text.extend_from_slice(line);
            self.is_whole = line.ends_with(b"\n");
        }
    }

    fn lacking(&self) -> Option<String> {
        let last: Incomplete = serde_json::from_slice(&self.text).ok()?;
        (last.kind == INCOMPLETE).then_some(last.detail)
    }
}

fn show(progress: &mut Option<Progress>, done: u64, unit: &str) {
    let Some(progress) = progress else { return };
    let told = format!("{}, {}", counted(done, unit), rate(done, progress.elapsed()));
    progress.reach(&Reached { done, total: None, told: &told });
}

fn counted(number: u64, unit: &str) -> String {
    format!("{} {unit}", table::count(number))
}

/// Where an export goes. A file appears under its name only once it is whole.
enum Out {
    Stdout(BufWriter<io::Stdout>),
    /// A pipe or a device, which must not be replaced by a file.
    Stream(BufWriter<File>),
    File {
        temporary: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
}

impl Out {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(io::stdout()))) };
        // The file that a link leads to is replaced, not the link.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let beside = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if path.is_dir() {
            let what = format!("{} is a directory; name a file in it", path.display());
            return Err(Failure::Wrong(what));
        }
        if !beside.is_dir() {
            let what = format!("there is no directory {}; make it first", beside.display());
            return Err(Failure::Wrong(what));
        }
        if path.metadata().is_ok_and(|about| !about.is_file()) {
            let stream = File::options().write(true).open(path);
            let stream = stream.map_err(|error| Failure::of_file(path, &error))?;
            return Ok(Self::Stream(BufWriter::new(stream)));
        }
        let temporary =
            NamedTempFile::new_in(beside).map_err(|error| Failure::of_file(beside, &error))?;
        Ok(Self::File { temporary: BufWriter::new(temporary), path: path.to_owned() })
    }

    fn conclude(self) -> Result<(), Failure> {
        let ended = match self {
            Self::Stdout(mut out) => out.flush(),
            Self::Stream(mut out) => out.flush(),
            Self::File { temporary, path } => persist(temporary, &path),
        };
        ended.map_err(|error| Failure::of_output(&error))
    }
}

fn persist(temporary: BufWriter<NamedTempFile>, path: &Path) -> io::Result<()> {
    let temporary = temporary.into_inner().map_err(io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    let _: File = temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Stream(out) => out.write(bytes),
            Self::File { temporary, .. } => temporary.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Stream(out) => out.flush(),
            Self::File { temporary, .. } => temporary.flush(),
        }
    }
}
