//! A fact checked for itself: every refusal names the field and what would be right.

use viewlog::events::{About, Fact, Invalid, Kind, Media, Reason, SessionId};

use super::{dawn, fact};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn refusal(fact: &Fact) -> String {
    match fact.check(dawn(0)) {
        Err(Invalid::Event(detail)) => detail,
        other => panic!("expected a refusal of {fact:?}, got {other:?}"),
    }
}

fn with_about(about: About) -> Fact {
    Fact { about: Some(Box::new(about)), ..fact(0, Kind::Started, 0, 0) }
}

#[test]
fn plain_facts_of_every_kind_are_accepted() {
    for kind in Kind::ALL {
        assert_eq!(fact(0, kind, 0, 0).check(dawn(0)), Ok(()));
    }
    let seek = Fact { from_ms: Some(0), ..fact(1, Kind::Seeked, 0, 0) };
    let stop = Fact { reason: Some(Reason::Idle), ..fact(2, Kind::Stopped, 0, 0) };
    assert_eq!((seek.check(dawn(0)), stop.check(dawn(0))), (Ok(()), Ok(())));
}

#[test]
fn a_session_of_the_far_future_is_refused_and_the_past_is_welcome() {
    let of = |ms: i64| Fact::new(SessionId::derived(dawn(0).plus_ms(ms), 1), Kind::Started, 0);
    assert_eq!(of(DAY_MS).check(dawn(0)), Ok(()));
    assert_eq!(of(-1000 * DAY_MS).check(dawn(0)), Ok(()));
    match of(DAY_MS + 1).check(dawn(0)) {
        Err(Invalid::ClockAhead(detail)) => assert!(detail.contains("24 h"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_value_has_a_limit_and_its_refusal_names_the_field() {
    let base = || fact(0, Kind::Seeked, 0, 0);
    let past = Some((1 << 53) + 1);
    let long = || Some("x".repeat(513).into());
    let cases = [
        ("seq", Fact { seq: Some(10_000_001), ..base() }),
        ("position_ms", Fact { position_ms: (1 << 53) + 1, ..base() }),
        ("from_ms", Fact { from_ms: past, ..base() }),
        ("duration_ms", Fact { duration_ms: past, ..base() }),
        ("rate", Fact { rate: Some(-0.5), ..base() }),
        ("rate", Fact { rate: Some(100.1), ..base() }),
        ("rate", Fact { rate: Some(f64::NAN), ..base() }),
        ("rate", Fact { rate: Some(f64::INFINITY), ..base() }),
        ("from_ms", Fact { from_ms: Some(1), ..fact(0, Kind::Progressed, 0, 0) }),
        ("reason", Fact { reason: Some(Reason::User), ..base() }),
        ("name", with_about(About { name: long(), ..About::default() })),
        ("series", with_about(About { series: long(), ..About::default() })),
        ("source", with_about(About { source: long(), ..About::default() })),
        ("source_session", with_about(About { source_session: long(), ..About::default() })),
        ("name", with_about(About { name: Some("a\nb".into()), ..About::default() })),
    ];
    for (field, fact) in cases {
        let detail = refusal(&fact);
        assert!(detail.starts_with(field), "{detail} should begin with {field}");
    }
    let greatest =
        Fact { seq: Some(10_000_000), position_ms: 1 << 53, rate: Some(100.0), ..base() };
    assert_eq!(greatest.check(dawn(0)), Ok(()));
}

fn some() -> About {
    let id = |text| viewlog::events::Id::new(text).expect("an id");
    About {
        profile: Some(viewlog::events::Id::new("anna").expect("an id")),
        title: Some(viewlog::events::Id::new("tt1").expect("an id")),
        device: Some(id("tv")),
        media: Some(Media::Episode),
        name: Some("name".into()),
        series: Some("series".into()),
        season: Some(1),
        episode: Some(2),
        autoplay: Some(true),
        source: Some("netflix".into()),
        source_session: Some("17".into()),
        bookmark: Some(false),
    }
}

#[test]
fn an_about_takes_only_what_it_lacks() {
    let mut about = About { name: Some("first".into()), season: Some(9), ..About::default() };
    about.fill_from(&some());
    assert_eq!(about, About { name: Some("first".into()), season: Some(9), ..some() });
    let before = about.clone();
    about.fill_from(&About::default());
    assert_eq!(about, before);
}

#[test]
fn an_about_says_what_it_has_beyond_another() {
    assert_eq!(some().beyond(&some()), None);
    assert_eq!(About::default().beyond(&some()), None);
    assert_eq!(some().beyond(&About::default()), Some(some()));
    let other = About { episode: Some(3), ..some() };
    assert_eq!(other.beyond(&some()), Some(About { episode: Some(3), ..About::default() }));
}

#[test]
fn a_row_lean_of_what_is_known_says_the_same_once_folded() {
    let mut known = About { device: None, ..some() };
    let news = some().beyond(&known).expect("the device");
    assert_eq!(news, About { device: some().device, ..About::default() });
    known.fill_from(&news);
    assert_eq!(known, some());
}
