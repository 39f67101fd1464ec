//! Which of the two files it is, and where its columns are: told by their names in any order.

use std::io::Read;

use super::NotNetflix;
use super::lines::{Line, Lines};

/// The first line is shown up to here when it is not understood.
const SHOWN_CHARS_MAX: usize = 200;

/// The form of a file.
#[derive(Debug)]
pub(super) enum Layout {
    /// `ViewingActivity.csv`.
    Full(FullColumns),
    /// `NetflixViewingHistory.csv`.
    Short(ShortColumns),
}

/// Where `ViewingActivity.csv` says what. Country is not imported, and neither is Latest Bookmark,
/// which repeats the bookmark of a title's newest row.
#[derive(Debug)]
pub(super) struct FullColumns {
    pub(super) profile: usize,
    pub(super) start: usize,
    pub(super) duration: usize,
    pub(super) title: usize,
    pub(super) bookmark: usize,
    pub(super) attributes: Option<usize>,
    pub(super) supplemental: Option<usize>,
    pub(super) device: Option<usize>,
}

/// Where `NetflixViewingHistory.csv` says what.
#[derive(Debug)]
pub(super) struct ShortColumns {
    pub(super) title: usize,
    pub(super) date: usize,
}

impl Layout {
    /// Takes the first line of the file.
    ///
    /// # Errors
    /// [`NotNetflix`] when it is not the first line of either file.
    pub(super) fn read<R: Read>(lines: &mut Lines<R>) -> Result<Self, NotNetflix> {
        let first = match lines.next() {
            None => return Err(NotNetflix::Empty),
            Some(Err(odd)) => return Err(NotNetflix::Unreadable(odd)),
            Some(Ok(line)) => line,
        };
        let names: Vec<String> = first.cells().map(name_of).collect();
        full(&names)
            .map(Self::Full)
            .or_else(|| short(&names).map(Self::Short))
            .ok_or_else(|| NotNetflix::Header(shown(&first)))
    }

    /// The column whose dates show how the file writes them.
    pub(super) fn date_column(&self) -> usize {
        match self {
            Self::Full(columns) => columns.start,
            Self::Short(columns) => columns.date,
        }
    }
}

/// Later exports add a unit, as in `Start Time (UTC)` and `Duration (H:MM:SS)`.
fn name_of(cell: &str) -> String {
    let bare = cell.trim_start_matches('\u{feff}').split('(').next().unwrap_or_default();
    bare.trim().to_lowercase()
}

fn full(names: &[String]) -> Option<FullColumns> {
    let column = |name: &str| names.iter().position(|named| named == name);
    Some(FullColumns {
        profile: column("profile name")?,
        start: column("start time")?,
        duration: column("duration")?,
        title: column("title")?,
        bookmark: column("bookmark")?,
        attributes: column("attributes"),
        supplemental: column("supplemental video type"),
        device: column("device type"),
    })
}

fn short(names: &[String]) -> Option<ShortColumns> {
    let column = |name: &str| names.iter().position(|named| named == name);
    Some(ShortColumns { title: column("title")?, date: column("date")? })
}

fn shown(first: &Line) -> String {
    first.cells().collect::<Vec<_>>().join(",").chars().take(SHOWN_CHARS_MAX).collect()
}
