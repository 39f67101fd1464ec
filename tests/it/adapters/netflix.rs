//! A row of the full file is one session, the same in every export it stands in.

use viewlog::events::{About, Event, Kind, MarkKind, Media, Reason, Record, fold};

use super::{facts, full, marks, of_row, options, records, row, rows, time};
use crate::support::id;

/// Series, season, episode and media.
type Shown = (Option<Box<str>>, Option<u32>, Option<u32>, Option<Media>);

fn shown(title: &str) -> Shown {
    let about = about(&[("title", title)]);
    (about.series, about.season, about.episode, about.media)
}

fn about(changes: &[(&str, &str)]) -> About {
    let records = of_row(changes);
    *facts(&records)[0].about.clone().expect("what it is about")
}

#[test]
fn a_row_is_a_session_from_its_start_to_its_bookmark() {
    let records = of_row(&[]);
    let [Record::Fact(started), Record::Fact(stopped)] = &records[..] else {
        panic!("two facts, but: {records:?}");
    };
    assert_eq!((started.kind, started.seq, started.reason), (Kind::Started, Some(0), None));
    assert_eq!(started.at, Some(time("2026-06-16T14:55:58Z")));
    assert_eq!(started.position_ms, 1_592_000, "the bookmark less the length of the session");
    assert_eq!((stopped.kind, stopped.seq), (Kind::Stopped, Some(1)));
    assert_eq!(stopped.reason, Some(Reason::User));
    assert_eq!(stopped.at, Some(time("2026-06-16T15:40:08Z")));
    assert_eq!(stopped.position_ms, 4_242_000);
    assert_eq!(started.session, stopped.session);
    assert_eq!(started.session.time(), time("2026-06-16T14:55:58Z"));
    assert_eq!((started.duration_ms, stopped.duration_ms), (None, None), "it is nowhere said");
    assert_eq!(started.about, stopped.about);
}

#[test]
fn a_row_says_who_watched_what_on_which_device() {
    let expected = About {
        profile: Some(id("anna")),
        title: Some(id("netflix:Saltmarsh: Season 3: High Water (Episode 8)")),
        device: Some(id("Kitchen TV")),
        media: Some(Media::Episode),
        name: Some("Saltmarsh: Season 3: High Water (Episode 8)".into()),
        series: Some("Saltmarsh".into()),
        season: Some(3),
        episode: Some(8),
        autoplay: None,
        source: Some("netflix".into()),
        source_session: None,
        bookmark: Some(true),
    };
    assert_eq!(about(&[]), expected);
}

#[test]
fn the_fold_of_a_row_stands_at_the_bookmark_and_played_its_length() {
    let folded = |changes: &[(&str, &str)]| {
        let records = of_row(changes);
        let events: Vec<Event> = facts(&records)
            .into_iter()
            .map(|fact| Event::new(fact.clone(), time("2026-11-23T05:00:00Z"), None))
            .collect();
        fold(None, &events).expect("a session")
    };
    let state = folded(&[]);
    assert_eq!((state.position_ms, state.played_ms), (4_242_000, 2_650_000));
    assert_eq!(state.watched.as_slice(), [(1_592_000, 4_242_000)]);
    assert_eq!(state.moved_at(), time("2026-06-16T15:40:08Z"));
    let rewound = folded(&[("bookmark", "00:10:00")]);
    assert_eq!((rewound.position_ms, rewound.played_ms), (600_000, 600_000));
}

#[test]
fn importing_again_gives_the_same_ids_from_whichever_file() {
    let once = of_row(&[]);
    assert_eq!(of_row(&[("latest", "Not latest view"), ("country", "DE (Germany)")]), once);
    let moved = "Bookmark,Title,Duration (H:MM:SS),Start Time (UTC),Profile Name,Device Type\r\n\
                 1:10:42,Saltmarsh: Season 3: High Water (Episode 8),0:44:10,\
                 2026-06-16 14:55:58,anna,Kitchen TV\r\n";
    assert_eq!(records(moved, &options()), once);
    assert_eq!(records(&format!("\u{feff}{moved}"), &options()), once);
    let us = full(&[&row(&[("start", "6/16/2026 14:55:58"), ("duration", "0:44:10")])]);
    assert_eq!(records(&us, &options()), once);
}

#[test]
fn rows_that_differ_in_anything_but_the_latest_flag_are_different_sessions() {
    let changes = [
        ("profile", "ben"),
        ("start", "2026-06-16 14:55:59"),
        ("duration", "00:44:11"),
        ("title", "Saltmarsh: Season 3: Ebb (Episode 9)"),
        ("device", "Phone"),
        ("bookmark", "01:10:43"),
    ];
    let session = |records: Vec<Record>| facts(&records)[0].session;
    let mut sessions = vec![session(of_row(&[]))];
    sessions.extend(changes.map(|change| session(of_row(&[change]))));
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 1 + changes.len());
}

#[test]
fn the_id_of_a_row_never_changes() {
    let records = of_row(&[("attributes", "View was hidden; ")]);
    assert_eq!(facts(&records)[0].session.to_string(), "019ed0ee-9830-73c8-8131-57d94949267c");
    assert_eq!(marks(&records)[0].command.to_string(), "019ed117-07c0-7da6-8215-5f2d71c4d7f1");
}

#[test]
fn a_title_shows_its_series_season_and_episode_in_every_form_seen() {
    let some = |series: &str, season, episode| {
        (Some(series.into()), season, episode, Some(Media::Episode))
    };
    let cases = [
        ("Tidewater: Limited Series: The Wreck (Episode 2)", some("Tidewater", None, Some(2))),
        ("Tidewater: Season 1: Episode 4", some("Tidewater", Some(1), Some(4))),
        ("Quizzing!: Season 34: Episode #7597", some("Quizzing!", Some(34), Some(7597))),
        ("Ferry: Series 2: Fog (Episode 1)", some("Ferry", Some(2), Some(1))),
        ("Ferry: Volume 2: Fog (Episode 1)", some("Ferry", Some(2), Some(1))),
        ("Ferry: Part 3: Chapter 1 (Episode 1)", some("Ferry", Some(3), Some(1))),
        ("Ferry: Chapter 4: Fog (Episode 1)", some("Ferry", Some(4), Some(1))),
        ("Ferry: Collection 8: Fog (Episode 3)", some("Ferry", Some(8), Some(3))),
        ("Ferry: Book One: Air: A Leaf (Episode 2)", some("Ferry", Some(1), Some(2))),
        ("Ferry: Ferry 2: Chapter One: Fog (Episode 1)", some("Ferry", Some(2), Some(1))),
        ("Ferry:  1: Chapter One: Fog (Episode 1)", some("Ferry", Some(1), Some(1))),
        ("Ferry: 100: Season 1: Fog (Episode 1)", some("Ferry: 100", Some(1), Some(1))),
        ("A: The B: Book 2: C: Part 2 (Episode 20)", some("A: The B", Some(2), Some(20))),
        ("A: Season 3: Six Days: Part 1 (Episode 11)", some("A", Some(3), Some(11))),
        ("A: B: Limited Series: Part 1 (Episode 1)", some("A: B", None, Some(1))),
        ("A: East: Episode 62", some("A", None, Some(62))),
        ("A: East: Run (Episode 1)", some("A", None, Some(1))),
        ("A: Season 2: The Reunion", some("A", Some(2), None)),
        ("A: Season 2", some("A", Some(2), None)),
    ];
    for (title, expected) in cases {
        assert_eq!(shown(title), expected, "{title}");
    }
}

#[test]
fn a_film_has_no_series_whatever_its_name() {
    let titles = [
        "Harbour",
        "Harbour: Part 2",
        "Harbour: Part One: The Storm",
        "Harbour: Chapter 4 - The Storm",
        "Harbour 2: Return: The Film",
        "Harbour (Part I)",
        "Season of Storms",
        "Episode of Storms",
        "Harbour: Episode",
        "Harbour: Episode x",
        "(Episode 1)",
        ": ",
        ": : : ",
    ];
    for title in titles {
        assert_eq!(shown(title), (None, None, None, Some(Media::Movie)), "{title}");
    }
    assert_eq!(shown("Harbour (Episode 99999999999)").2, None);
}

#[test]
fn what_is_no_film_or_episode_says_so() {
    let media = |supplemental| about(&[("supplemental", supplemental)]).media;
    for trailer in ["TRAILER", "TEASER_TRAILER", "MARKETING_TRAILER", "PREVIEW", "PROMOTIONAL"] {
        assert_eq!(media(trailer), Some(Media::Trailer), "{trailer}");
    }
    for clip in
        ["HOOK", "RECAP", "BUMPER", "FEATURETTE", "TUTORIAL", "BONUS_VIDEO", "SOMETHING_NEW"]
    {
        assert_eq!(media(clip), Some(Media::Clip), "{clip}");
    }
}

#[test]
fn a_row_is_autoplay_where_nobody_pressed() {
    let autoplay = |attributes: &str| about(&[("attributes", attributes)]).autoplay;
    for nobody in ["None", "Unspecified", "Visibility_Timeout"] {
        let attributes = format!("Autoplayed: user action: {nobody}; ");
        assert_eq!(autoplay(&attributes), Some(true), "{nobody}");
    }
    assert_eq!(autoplay("Has branched playback; Autoplayed: user action: None; "), Some(true));
    assert_eq!(autoplay("Autoplayed: user action: User_Interaction; "), None);
    assert_eq!(autoplay("Has branched playback; "), None);
    assert_eq!(autoplay(""), None);
}

#[test]
fn a_view_that_was_hidden_hides_its_title_from_its_end_on() {
    let records = of_row(&[("attributes", "Has branched playback; View was hidden; ")]);
    assert_eq!(facts(&records).len(), 2, "it was watched all the same");
    let [mark] = &marks(&records)[..] else { panic!("one mark, but: {records:?}") };
    let title = id("netflix:Saltmarsh: Season 3: High Water (Episode 8)");
    assert_eq!(mark.kind, MarkKind::TitleHidden { title });
    assert_eq!((&mark.profile, mark.at), (&id("anna"), time("2026-06-16T15:40:08Z")));
    assert_eq!(mark.received_at, options().now);
    assert_eq!(mark.command.time(), mark.at);
    assert_eq!(of_row(&[("attributes", "View was hidden")]), records);
    assert_eq!(of_row(&[])[..], records[..2], "hiding a view does not change the view");
}

#[test]
fn a_long_text_is_cut_and_stays_itself() {
    let long = |end: &str| format!("{}{end}", "ü".repeat(300));
    let about_of = |end: &str| about(&[("title", &long(end)), ("device", &long(end))]);
    let one = about_of("1");
    let title = one.title.clone().expect("a title");
    assert!(title.as_str().len() <= 128 && title.as_str().starts_with("netflix:üü"), "{title}");
    assert_eq!(one.name.as_deref().map(str::len), Some(512));
    assert_eq!(about_of("1"), one);
    let other = about_of("2");
    assert_ne!((other.title, other.device), (one.title, one.device));
}

#[test]
fn what_no_id_may_hold_is_left_out() {
    let about =
        about(&[("title", " Salt\n\tmarsh\u{7} "), ("device", "\u{1}"), ("profile", "a\nb")]);
    assert_eq!(about.title, Some(id("netflix:Salt  marsh")));
    assert_eq!(about.device, None);
    assert_eq!(about.profile, Some(id("a b")));
}

#[test]
fn a_profile_option_reads_that_profile_alone() {
    let file = full(&[&row(&[]), &row(&[("profile", "ben")]), &row(&[("start", "odd")])]);
    let mut options = options();
    options.profile = Some(id("ben"));
    let read = rows(file.as_bytes(), &options);
    assert_eq!(read.len(), 1, "what is odd about another's row is another's");
    assert_eq!(read[0].as_ref().map(|imported| imported.line), Ok(3));
    options.profile = Some(id("cleo"));
    let nobody = rows(file.as_bytes(), &options);
    let [Err(odd)] = &nobody[..] else { panic!("one complaint, but: {nobody:?}") };
    assert_eq!(
        odd.to_string(),
        "line 1: no row is of profile cleo; the file has rows of anna, ben"
    );
}
