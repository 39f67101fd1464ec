//! Writes `deploy/demo/ViewingActivity.csv`, the viewing history of a household that never was:
//! what it watches exists nowhere, and neither do its devices. The same bytes each time.
//!
//! It has every oddity that real exports show: a byte order mark, previews that play by
//! themselves, exact repetitions, hidden views, a device without a clock, and rows that cannot be.
//! Like Netflix's own files it agrees with itself on where everything stopped.

use std::collections::HashSet;
use std::fs;

use chrono::DateTime;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/ViewingActivity.csv");
const HEADER: &[u8] = b"\xef\xbb\xbfProfile Name,Start Time,Duration,Attributes,Title,\
    Supplemental Video Type,Device Type,Bookmark,Latest Bookmark,Country\n";
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
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(HEADER.to_vec());
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
    /// The device did not know the time when it was first on.
    has_no_clock: bool,
}

const HOUSEHOLD: [Person; 3] = [
    Person {
        name: "anna",
        has_no_clock: false,
        country: "NL (Netherlands)",
        devices: ["Lumen Vista 55 Smart TV", "Pebble Note 9 Phone"],
        hour: 19,
        series: &[0, 1, 2, 3, 4, 7],
        films: &[
            ("The Harbour Pilot", 118),
            ("Nine Letters to Odessa Quay", 104),
            ("Glass Weather: Part One", 131),
            ("Glass Weather: Part Two", 127),
            ("The Cartographer's Daughter", 112),
            ("Every Window on Marrow Street", 101),
        ],
    },
    Person {
        name: "ben",
        has_no_clock: false,
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
        ],
    },
    Person {
        name: "cleo",
        has_no_clock: true,
        country: "NL (Netherlands)",
        devices: ["Lumen Vista 55 Smart TV", "Fennel Tab 3 Tablet"],
        hour: 15,
        series: &[8, 9, 10, 5],
        films: &[
            ("Captain Pudding and the Moon Ferry", 82),
            ("The Snail Who Won", 76),
            ("Wobble: A Very Small Dragon", 88),
        ],
    },
];

/// Its name, how its seasons are called, and how many seasons, episodes and minutes there are.
struct Series(&'static str, &'static str, [i64; 3]);

const SERIES: [Series; 11] = [
    Series("Saltmarsh", "Season", [3, 8, 52]),
    Series("The Lantern Keepers", "Season", [2, 10, 46]),
    Series("North of Quiet", "Limited Series", [1, 6, 58]),
    Series("Detective Mosswood", "Series", [2, 6, 61]),
    Series("Paper Kingdoms: The Long Game", "Part", [2, 7, 48]),
    Series("Orbital Bakery", "Season", [2, 10, 27]),
    Series("Iron & Thistle", "Volume", [2, 8, 55]),
    Series("Signal Lost", "Season", [2, 8, NAMELESS_MINUTES]),
    Series("Tiny Robots, Big Garden", "Season", [3, 12, 13]),
    Series("Mabel and the Weather Machine", "Season", [2, 10, 22]),
    Series("Questions for Whales", "Collection", [1, 8, 24]),
];

/// Some series number their episodes and do not name them; here, those of this length.
const NAMELESS_MINUTES: i64 = 44;
const EPISODES: [&str; 3] = [
    "High Water|A Door in the Dunes|What the Ferry Carried|Ashes, Apricots|Second Bell",
    "No Such Address|The Beekeeper's Alibi|Undertow|Three Spoons|A Map of Nothing",
    "Paper Boats|Home by Seven|Farewell, Marguerite",
];

/// A playable thing.
#[derive(Clone)]
struct Title {
    text: String,
    length_s: i64,
}

impl Series {
    fn titles(&self) -> Vec<Title> {
        let Self(_, _, [seasons, episodes, _]) = *self;
        let numbers = (1..=seasons).flat_map(|season| (1..=episodes).map(move |n| (season, n)));
        numbers.map(|(season, number)| self.title(season, number)).collect()
    }

    fn title(&self, season: i64, number: i64) -> Title {
        let Self(name, label, [seasons, _, minutes]) = *self;
        let season_name = if seasons == 1 { label.to_owned() } else { format!("{label} {season}") };
        let names: Vec<&str> = EPISODES.iter().flat_map(|names| names.split('|')).collect();
        let at = usize::try_from(minutes + season * 8 + number * 5).unwrap_or(0) % names.len();
        let text = match names.get(at) {
            Some(episode) if minutes != NAMELESS_MINUTES => {
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
    attributes: &'static str,
    device: &'static str,
    start_s: i64,
    duration_s: i64,
    bookmark_s: i64,
}

/// What is left of a series, or one film, the next title last; somebody may be in the middle of it.
struct Shelf {
    name: &'static str,
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

const BY_ITSELF: &str = "Autoplayed: user action: None; ";
const PREVIEW_ATTRIBUTES: [&str; 6] = [
    BY_ITSELF,
    BY_ITSELF,
    "Autoplayed: user action: Unspecified; ",
    "Autoplayed: user action: Visibility_Timeout; ",
    "Autoplayed: user action: User_Interaction; ",
    "",
];

impl<'a> Viewer<'a> {
    fn of(person: &'a Person, dice: &'a mut Dice) -> Self {
        let series = person.series.iter().filter_map(|number| SERIES.get(*number));
        let series = series.map(|series| Shelf::new(series.0, series.titles()));
        let films = person.films.iter().map(|&(name, minutes)| {
            Shelf::new(name, vec![Title { text: name.to_owned(), length_s: minutes * 60 }])
        });
        let mut shelves: Vec<Shelf> = series.collect();
        for (at, film) in films.enumerate() {
            shelves.insert((2 * at + 1).min(shelves.len()), film);
        }
        Self { person, dice, now_s: FIRST_DAY_S, shelves, viewings: Vec::new() }
    }

    fn live(&mut self) {
        let mut day_s = FIRST_DAY_S;
        while day_s < LAST_DAY_S && !self.shelves.is_empty() {
            self.now_s = day_s + self.person.hour * 3600 + self.dice.below(7200);
            self.browse();
            self.spend_evening();
            let days = if self.dice.chance(50) { 1 } else { 5 + self.dice.below(24) };
            day_s = (self.now_s / DAY_S).max(day_s / DAY_S) * DAY_S + days * DAY_S;
        }
    }

    /// Previews begin by themselves while somebody looks for something.
    fn browse(&mut self) {
        for _ in 0..self.dice.below(3) {
            let pick = self.dice.index(self.shelves.len());
            let Some(shelf) = self.shelves.get(pick) else { return };
            let name = shelf.name;
            let (title, supplemental) = match self.dice.below(10) {
                0..5 => (format!("{name}_hook_primary_16x9"), "HOOK"),
                5..7 => (format!("Trailer: {name}"), "TRAILER"),
                7 => (format!("{name} (Teaser)"), "TEASER_TRAILER"),
                8 => (format!("Recap: {name}"), "RECAP"),
                _ => (format!("Clip 2: {name}"), "BONUS_VIDEO"),
            };
            let seconds = 3 + self.dice.below(40);
            let pick = self.dice.index(PREVIEW_ATTRIBUTES.len());
            let attributes = PREVIEW_ATTRIBUTES.get(pick).copied().unwrap_or_default();
            self.view(
                Title { text: title, length_s: seconds },
                supplemental,
                (0, seconds),
                attributes,
            );
            self.now_s += self.dice.below(30);
        }
    }

    fn spend_evening(&mut self) {
        let pick = self.dice.index(self.shelves.len().min(3));
        let mut attributes = "";
        while self.watch(pick, attributes) {
            self.now_s += 5 + self.dice.below(8);
            attributes = BY_ITSELF;
        }
    }

    /// Watches on; true when the next title then begins by itself.
    fn watch(&mut self, pick: usize, attributes: &'static str) -> bool {
        let Some(shelf) = self.shelves.get_mut(pick) else { return false };
        let Some(title) = shelf.titles.last().cloned() else { return false };
        let left_s = title.length_s - shelf.position_s;
        let seconds = match self.dice.below(100) {
            0..8 => left_s.min(4 + self.dice.below(50)),
            8..30 => left_s * (15 + self.dice.below(60)) / 100,
            _ => left_s - self.dice.below(40).min(left_s),
        };
        let from_s = shelf.position_s;
        let is_over = from_s + seconds + 40 >= title.length_s;
        if is_over {
            shelf.titles.pop();
        }
        shelf.position_s = if is_over { 0 } else { from_s + seconds };
        let is_last = shelf.titles.is_empty();
        if is_last {
            self.shelves.remove(pick);
        }
        self.view(title, "", (from_s, from_s + seconds), attributes);
        is_over && !is_last && self.dice.chance(45)
    }

    fn view(
        &mut self,
        title: Title,
        supplemental: &'static str,
        (from_s, to_s): (i64, i64),
        attributes: &'static str,
    ) {
        let attributes = match (attributes, self.dice.below(60)) {
            ("", 0) => "View was hidden; ",
            ("", 1) => "Has branched playback; ",
            _ => attributes,
        };
        let [usual, other] = self.person.devices;
        self.viewings.push(Viewing {
            title: title.text,
            supplemental,
            attributes,
            device: if self.dice.chance(80) { usual } else { other },
            start_s: self.now_s,
            duration_s: to_s - from_s,
            bookmark_s: to_s,
        });
        self.now_s += to_s - from_s;
    }
}

impl Shelf {
    fn new(name: &'static str, mut titles: Vec<Title>) -> Self {
        titles.reverse();
        Self { name, titles, position_s: 0 }
    }
}

/// The rows of a person as Netflix sorts them, the newest first, and the odd ones between them.
fn rows(mut viewings: Vec<Viewing>, person: &Person) -> Vec<Vec<String>> {
    if let Some(first) = viewings.first_mut().filter(|_| person.has_no_clock) {
        first.start_s = 0;
    }
    viewings.sort_by_key(|viewing| -(viewing.start_s + viewing.duration_s));
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for (at, viewing) in viewings.iter().enumerate() {
        let row = row(viewing, person, seen.insert(&viewing.title));
        match at % 67 {
            20 => rows.push(row.clone()),
            35 => rows.push(half(viewing, person)),
            50 => rows.push(impossible(row.clone(), rows.len())),
            _ => {}
        }
        rows.push(row);
    }
    rows
}

fn row(viewing: &Viewing, person: &Person, is_latest: bool) -> Vec<String> {
    let start = DateTime::from_timestamp(viewing.start_s, 0).unwrap_or_default();
    let bookmark = clock(viewing.bookmark_s);
    let country = if viewing.start_s % 97 == 0 { "ZZ (Unknown Region)" } else { person.country };
    vec![
        person.name.to_owned(),
        start.format("%Y-%m-%d %H:%M:%S").to_string(),
        clock(viewing.duration_s),
        viewing.attributes.to_owned(),
        viewing.title.clone(),
        viewing.supplemental.to_owned(),
        viewing.device.to_owned(),
        bookmark.clone(),
        if is_latest { bookmark } else { NOT_LATEST.to_owned() },
        country.to_owned(),
    ]
}

/// A row with the profile, start and title of another, that ended earlier.
fn half(viewing: &Viewing, person: &Person) -> Vec<String> {
    let mut half = viewing.clone();
    half.duration_s /= 2;
    half.bookmark_s -= viewing.duration_s - half.duration_s;
    row(&half, person, false)
}

/// A row as broken exports have them; never the latest view of anything.
fn impossible(mut row: Vec<String>, way: usize) -> Vec<String> {
    let changes: &[(usize, &str)] = match way % 4 {
        0 => &[(2, "9:99:99")],
        1 => &[(1, "0000-00-00 00:00:00")],
        2 => &[(7, "")],
        _ => {
            row.truncate(3);
            &[]
        }
    };
    for (column, text) in changes.iter().chain(&[(8, NOT_LATEST)]) {
        if let Some(cell) = row.get_mut(*column) {
            (*text).clone_into(cell);
        }
    }
    row
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Chance that falls the same each time: xorshift64*, as in
/// <https://en.wikipedia.org/wiki/Xorshift>.
struct Dice(u64);

impl Dice {
    /// A number from 0, less than `end`.
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        i64::try_from(bits).unwrap_or(0) % end.max(1)
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(i64::try_from(length).unwrap_or(1))).unwrap_or(0)
    }
}
