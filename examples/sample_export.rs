//! Writes `deploy/demo/ViewingActivity.csv`, the viewing history of a household that never was:
//! what it watches exists nowhere, and neither do its devices. The same bytes each time.
//!
//! It has every oddity that real exports show: a byte order mark, previews that play by
//! themselves, exact repetitions, hidden views, a device without a clock, and rows that cannot be.
//! Like Netflix's own files it agrees with itself on where everything stopped.

use std::collections::HashMap;
use std::fs;

use chrono::{DateTime, Timelike};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/ViewingActivity.csv");
const HEADER: [&str; 10] = [
    "Profile Name",
    "Start Time",
    "Duration",
    "Attributes",
    "Title",
    "Supplemental Video Type",
    "Device Type",
    "Bookmark",
    "Latest Bookmark",
    "Country",
];
const NOT_LATEST: &str = "Not latest view";
const DAY_S: i64 = 86_400;
/// 2024-11-01T00:00:00Z.
const FIRST_DAY_S: i64 = 1_730_419_200;
/// 2026-10-31T00:00:00Z.
const LAST_DAY_S: i64 = 1_793_404_800;

fn main() -> std::io::Result<()> {
    fs::write(FILE, sample()?)
}

/// The whole file.
pub(crate) fn sample() -> std::io::Result<Vec<u8>> {
    let mut dice = Dice(20_261_101);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(HEADER)?;
    for person in &HOUSEHOLD {
        let mut viewer = Viewer::of(person, &mut dice);
        viewer.live();
        for row in rows(viewer.viewings, person) {
            writer.write_record(&row)?;
        }
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

struct Person {
    name: &'static str,
    country: &'static str,
    devices: [&'static str; 2],
    /// When the evening begins, in UTC.
    hour: i64,
    series: &'static [usize],
    films: &'static [(&'static str, i64)],
}

const HOUSEHOLD: [Person; 3] = [
    Person {
        name: "anna",
        country: "NL (Netherlands)",
        devices: ["Lumen Vista 55 Smart TV", "Pebble Note 9 Phone"],
        hour: 19,
        series: &[0, 1, 2, 3, 4],
        films: &[
            ("The Harbour Pilot", 118),
            ("Nine Letters to Odessa Quay", 104),
            ("Glass Weather: Part One", 131),
            ("Glass Weather: Part Two", 127),
            ("A Slow Train to Verrin", 96),
            ("The Cartographer's Daughter", 112),
            ("Low Tide", 89),
            ("Every Window on Marrow Street", 101),
        ],
    },
    Person {
        name: "ben",
        country: "NL (Netherlands)",
        devices: ["Kestrel Cube Streaming Stick", "Browser PC (Windows)"],
        hour: 21,
        series: &[5, 0, 6, 7, 2],
        films: &[
            ("Redline to Calloway", 109),
            ("Zero Hour at Pike Dam", 124),
            ("The Last Lighthouse War", 138),
            ("Mister Underhill's Second Heist", 115),
            ("Cold Circuit", 99),
            ("Dust Over Ninefold", 121),
            ("Half a Parachute", 94),
        ],
    },
    Person {
        name: "cleo",
        country: "NL (Netherlands)",
        devices: ["Lumen Vista 55 Smart TV", "Fennel Tab 3 Tablet"],
        hour: 15,
        series: &[8, 9, 10, 5],
        films: &[
            ("Captain Pudding and the Moon Ferry", 82),
            ("The Snail Who Won", 76),
            ("Wobble: A Very Small Dragon", 88),
            ("Grandma's Rocket", 91),
            ("Otter Academy", 84),
        ],
    },
];

struct Series {
    name: &'static str,
    /// How its seasons are called; without a number when there is but one.
    label: &'static str,
    seasons: i64,
    episodes: i64,
    minutes: i64,
}

const fn series(name: &'static str, label: &'static str, size: [i64; 3]) -> Series {
    let [seasons, episodes, minutes] = size;
    Series { name, label, seasons, episodes, minutes }
}

const SERIES: [Series; 11] = [
    series("Saltmarsh", "Season", [3, 8, 52]),
    series("The Lantern Keepers", "Season", [2, 10, 46]),
    series("North of Quiet", "Limited Series", [1, 6, 58]),
    series("Detective Mosswood", "Series", [2, 6, 61]),
    series("Paper Kingdoms: The Long Game", "Part", [2, 7, 48]),
    series("Orbital Bakery", "Season", [2, 10, 27]),
    series("Iron & Thistle", "Volume", [2, 8, 55]),
    series("Signal Lost", "Season", [2, 8, 44]),
    series("Tiny Robots, Big Garden", "Season", [3, 12, 13]),
    series("Mabel and the Weather Machine", "Season", [2, 10, 22]),
    series("Questions for Whales", "Collection", [1, 8, 24]),
];

const EPISODES: [&str; 23] = [
    "High Water", "A Door in the Dunes", "What the Ferry Carried", "Ashes and Apricots",
    "The Quiet Hour", "Second Bell", "No Such Address", "The Beekeeper's Alibi", "Undertow",
    "Three Spoons", "Night Shift", "A Map of Nothing", "The Long Table", "Paper Boats",
    "Static", "An Honest Mistake", "The Locksmith", "Fog", "Home by Seven", "The Other Key",
    "Small Hours", "Bread and Thunder", "Farewell, Marguerite",
];

/// A playable thing.
#[derive(Clone)]
struct Title {
    text: String,
    length_s: i64,
}

impl Series {
    fn titles(&self) -> Vec<Title> {
        let numbers =
            (1..=self.seasons).flat_map(|season| (1..=self.episodes).map(move |n| (season, n)));
        numbers.map(|(season, number)| self.title(season, number)).collect()
    }

    fn title(&self, season: i64, number: i64) -> Title {
        let Self { name, label, minutes, .. } = self;
        let season_name = if self.seasons == 1 { (*label).to_owned() } else { format!("{label} {season}") };
        let at = usize::try_from(self.minutes + season * 8 + number * 5).unwrap_or(0);
        let text = match EPISODES.get(at % EPISODES.len()) {
            // Some series number their episodes and do not name them.
            Some(episode) if *minutes != 44 => {
                format!("{name}: {season_name}: {episode} (Episode {number})")
            }
            _ => format!("{name}: {season_name}: Episode {number}"),
        };
        Title { text, length_s: minutes * 60 + season * 20 + number * 7 }
    }
}

/// One row to be.
#[derive(Clone)]
struct Viewing {
    title: String,
    supplemental: &'static str,
    attributes: String,
    device: &'static str,
    start_s: i64,
    duration_s: i64,
    bookmark_s: i64,
}

/// A title in the middle of which somebody may be.
struct Shelf {
    /// What is left to watch, the next last.
    titles: Vec<Title>,
    position_s: i64,
}

/// Somebody living through two years.
struct Viewer<'a> {
    person: &'a Person,
    dice: &'a mut Dice,
    now_s: i64,
    shelves: Vec<Shelf>,
    viewings: Vec<Viewing>,
}

impl<'a> Viewer<'a> {
    fn of(person: &'a Person, dice: &'a mut Dice) -> Self {
        let series = person.series.iter().filter_map(|number| SERIES.get(*number));
        let films = person.films.iter().map(|(text, minutes)| {
            vec![Title { text: (*text).to_owned(), length_s: minutes * 60 }]
        });
        let shelf = |mut titles: Vec<Title>| {
            titles.reverse();
            Shelf { titles, position_s: 0 }
        };
        let shelves = series.map(Series::titles).chain(films).map(shelf).collect();
        Self { person, dice, now_s: FIRST_DAY_S, shelves, viewings: Vec::new() }
    }
}
