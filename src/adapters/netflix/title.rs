//! What the text of a title shows of series, season and episode. Invents nothing: a form that is
//! not known is a name and no more.

/// What a title's text shows.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Shown<'a> {
    /// The text before the season.
    pub(super) series: Option<&'a str>,
    /// None for a limited series, and where a season has a name and no number.
    pub(super) season: Option<u32>,
    /// The number of the episode.
    pub(super) episode: Option<u32>,
}

/// No film has these in its name.
const SEASONS: [&str; 2] = ["Season", "Series"];
/// Films come in these, too, so an episode must follow.
const PARTS: [&str; 6] = ["Part", "Volume", "Vol.", "Book", "Chapter", "Collection"];
const WITHOUT_NUMBER: [&str; 2] = ["Limited Series", "Miniseries"];
const WORDS: [&str; 10] =
    ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
const BETWEEN: &str = ": ";

/// Reads `Series: Season 3: Name (Episode 8)` and its kin.
pub(super) fn shown(title: &str) -> Shown<'_> {
    let (rest, episode) = split_episode(title);
    let found = rest.match_indices(BETWEEN).find_map(|(at, _)| {
        let (series, after) = (rest.get(..at)?, rest.get(at + BETWEEN.len()..)?);
        let segment = after.split(BETWEEN).next()?;
        season(series, segment, episode.is_some()).map(|season| (series, season))
    });
    match (found, episode) {
        (Some((series, season)), _) => Shown { series: Some(series), season, episode },
        (None, Some(_)) => {
            let series = rest.split_once(BETWEEN).map(|(series, _)| series);
            Shown { series, season: None, episode }
        }
        (None, None) => Shown::default(),
    }
}

/// Cuts off `(Episode 8)` or reads `: Episode 8`, which is also the episode's name.
fn split_episode(title: &str) -> (&str, Option<u32>) {
    if let Some((rest, tail)) = title.rsplit_once(" (Episode ")
        && let Some(number) = tail.strip_suffix(')').and_then(digits)
    {
        return (rest, Some(number));
    }
    let number = title.rsplit_once(": Episode ").and_then(|(_, tail)| digits(tail));
    (title, number)
}

/// The number of the season, if the segment names one.
fn season(series: &str, segment: &str, has_episode: bool) -> Option<Option<u32>> {
    if WITHOUT_NUMBER.contains(&segment) {
        return Some(None);
    }
    let (label, number) = segment.rsplit_once(' ')?;
    let number = number_of(number)?;
    // `Stranger Things: Stranger Things 2: …`, of which Netflix writes the first as `:  1: …`.
    let is_own = label == series || label.is_empty();
    let is_part = PARTS.contains(&label) || is_own;
    (SEASONS.contains(&label) || has_episode && is_part).then_some(Some(number))
}

fn number_of(text: &str) -> Option<u32> {
    let word = WORDS.iter().zip(1..).find(|(word, _)| **word == text);
    word.map(|(_, number)| number).or_else(|| digits(text))
}

fn digits(text: &str) -> Option<u32> {
    let bare = text.strip_prefix('#').unwrap_or(text);
    bare.bytes().all(|byte| byte.is_ascii_digit()).then(|| bare.parse().ok())?
}
