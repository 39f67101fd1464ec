//! One row of every shape that was ever written, by the name of its fixture.

use std::sync::Arc;

use viewlog::events::codec::Snapshot;
use viewlog::events::{
    About, Event, FOLD_VERSION, Fact, Id, Kind, Mark, MarkKind, Media, Phase, Reason, Restored,
    SessionId, Stamp, State, Timestamp,
};

use super::Row;

/// Milliseconds after 2026-11-23T05:00:00Z.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_795_410_000_000 + ms)
}

pub(super) fn session() -> SessionId {
    SessionId::parse("0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40").unwrap()
}

fn id<K>(text: &str) -> Id<K> {
    Id::new(text).unwrap()
}

fn about() -> About {
    About {
        profile: Some(id("anna")),
        title: Some(id("tt0944947:s1e3")),
        device: Some(id("living-room-tv")),
        media: Some(Media::Episode),
        name: Some("Lord Snow – 三".into()),
        series: Some("Game of Thrones".into()),
        season: Some(1),
        episode: Some(3),
        autoplay: Some(true),
        source: Some("netflix".into()),
        source_session: Some("row 17".into()),
        bookmark: Some(true),
    }
}

fn fact(kind: Kind, seq: u32) -> Fact {
    let fact = Fact::new(session(), kind, 812_000);
    Fact { seq: Some(seq), at: Some(at(30_000)), ..fact }
}

fn event(fact: Fact) -> Row {
    Row::Event(Event::new(fact, at(30_040), Some(at(30_000))))
}

fn snapshot(state: Option<State>) -> Row {
    Row::Snapshot(session(), Box::new(Snapshot { fold_version: FOLD_VERSION, state }))
}

/// Every row, and the name of its fixture without `.hex`.
pub(super) fn rows() -> Vec<(&'static str, Row)> {
    [events(), odd_events(), snapshots(), marks()].concat()
}

fn events() -> Vec<(&'static str, Row)> {
    let started = Fact {
        about: Some(Box::new(About { source: None, source_session: None, ..about() })),
        duration_ms: Some(3_600_000),
        rate: Some(1.0),
        ..fact(Kind::Started, 0)
    };
    let stopped = |reason| Fact { reason: Some(reason), ..fact(Kind::Stopped, 7) };
    vec![
        ("event-started", event(started)),
        ("event-progressed", event(fact(Kind::Progressed, 1))),
        ("event-paused", event(fact(Kind::Paused, 2))),
        ("event-resumed", event(Fact { rate: Some(1.25), ..fact(Kind::Resumed, 3) })),
        ("event-seeked", event(Fact { from_ms: Some(790_000), ..fact(Kind::Seeked, 4) })),
        ("event-stalled", event(fact(Kind::Stalled, 5))),
        ("event-stopped", event(fact(Kind::Stopped, 6))),
        ("event-stopped-ended", event(stopped(Reason::Ended))),
        ("event-stopped-user", event(stopped(Reason::User))),
        ("event-stopped-error", event(stopped(Reason::Error))),
        ("event-stopped-taken-over", event(stopped(Reason::TakenOver))),
        ("event-stopped-idle", event(stopped(Reason::Idle))),
    ]
}

fn odd_events() -> Vec<(&'static str, Row)> {
    let imported = Fact { seq: None, about: Some(Box::new(about())), ..fact(Kind::Stopped, 0) };
    let media = |media| Fact {
        about: Some(Box::new(About { media: Some(media), ..About::default() })),
        ..fact(Kind::Progressed, 8)
    };
    let received = |fact, received_ms, offset_ms| {
        Row::Event(Event::recorded(fact, at(received_ms), offset_ms))
    };
    vec![
        ("event-unnumbered", event(imported)),
        ("event-no-clock", received(Fact { at: None, ..fact(Kind::Progressed, 9) }, 31_000, None)),
        (
            "event-no-number-no-clock",
            received(Fact { at: None, seq: None, ..fact(Kind::Progressed, 0) }, 31_000, None),
        ),
        ("event-clock-behind", received(fact(Kind::Progressed, 10), 9_000_000, Some(8_940_000))),
        ("event-clock-ahead", received(fact(Kind::Progressed, 10), -600_000, Some(-600_000))),
        ("event-odd-rate", event(Fact { rate: Some(1.0 / 3.0), ..fact(Kind::Progressed, 11) })),
        ("event-rate-zero", event(Fact { rate: Some(0.0), ..fact(Kind::Progressed, 11) })),
        ("event-movie", event(media(Media::Movie))),
        ("event-live", event(media(Media::Live))),
        ("event-trailer", event(media(Media::Trailer))),
        ("event-clip", event(media(Media::Clip))),
        ("event-audio", event(media(Media::Audio))),
        (
            "event-greatest-numbers",
            event(Fact {
                position_ms: 1 << 53,
                from_ms: Some(1 << 53),
                duration_ms: Some(1 << 53),
                ..fact(Kind::Seeked, 10_000_000)
            }),
        ),
    ]
}

fn stamp(at_ms: i64, received_ms: i64) -> Stamp {
    Stamp { at: at(at_ms), received_at: at(received_ms) }
}

fn state() -> State {
    State {
        session: session(),
        about: Arc::new(about()),
        started: stamp(0, 40),
        last: stamp(60_000, 60_050),
        moved: stamp(30_000, 20_000),
        clock_offset_ms: Some(-120_000),
        position_ms: 812_000,
        furthest_ms: 815_000,
        duration_ms: Some(3_600_000),
        rate: 1.25,
        phase: Phase::Playing,
        seq: 41,
        facts: 42,
        numbered: true,
        missing: Default::default(),
        conflict: false,
        seeked: true,
        completed: true,
        watched: [(0, 30_000), (700_000, 815_000)].into_iter().collect(),
        approximate: true,
        played_ms: 150_000,
        compacted_through: Some(40),
    }
}

fn snapshots() -> Vec<(&'static str, Row)> {
    let plain = State {
        about: Arc::default(),
        clock_offset_ms: None,
        duration_ms: None,
        rate: 1.0,
        seeked: false,
        completed: false,
        watched: Default::default(),
        approximate: false,
        compacted_through: None,
        ..state()
    };
    let phase = |phase| snapshot(Some(State { phase, ..plain.clone() }));
    let gapped = State {
        missing: [(0, 1), (4, 9)].into_iter().collect(),
        conflict: true,
        numbered: false,
        ..plain.clone()
    };
    vec![
        ("snapshot-found", snapshot(None)),
        ("snapshot-whole", snapshot(Some(state()))),
        ("snapshot-playing", phase(Phase::Playing)),
        ("snapshot-paused", phase(Phase::Paused)),
        ("snapshot-stalled", phase(Phase::Stalled)),
        ("snapshot-ended", phase(Phase::Ended(Reason::Ended))),
        ("snapshot-left", phase(Phase::Ended(Reason::User))),
        ("snapshot-failed", phase(Phase::Ended(Reason::Error))),
        ("snapshot-taken-over", phase(Phase::Ended(Reason::TakenOver))),
        ("snapshot-idle", phase(Phase::Ended(Reason::Idle))),
        ("snapshot-gapped", snapshot(Some(gapped))),
    ]
}

fn marks() -> Vec<(&'static str, Row)> {
    let mark = |kind| {
        Row::Mark(Mark {
            command: session(),
            profile: id("anna"),
            at: at(1000),
            received_at: at(1200),
            kind,
        })
    };
    let title = || id("tt1");
    let restored = |text, position_ms, times_finished, hidden| Restored {
        title: id(text),
        position_ms,
        finished: false,
        times_finished,
        hidden,
    };
    let titles = vec![restored("tt1", Some(812_000), 2, true), restored("tt2", None, 0, false)];
    let finished = vec![Restored { finished: true, ..restored("tt1", Some(812_000), 1, false) }];
    let watched = |watched_at| MarkKind::MarkedWatched { title: title(), watched_at };
    vec![
        ("mark-title-hidden", mark(MarkKind::TitleHidden { title: title() })),
        ("mark-title-shown", mark(MarkKind::TitleShown { title: title() })),
        ("mark-watched", mark(watched(None))),
        ("mark-watched-at", mark(watched(Some(at(-86_400_000))))),
        ("mark-unwatched", mark(MarkKind::MarkedUnwatched { title: title() })),
        ("mark-position", mark(MarkKind::PositionSet { title: title(), position_ms: 812_000 })),
        ("mark-position-zero", mark(MarkKind::PositionSet { title: title(), position_ms: 0 })),
        ("mark-undone", mark(MarkKind::Undone { since: at(-3_600_000), titles })),
        (
            "mark-undone-finished",
            mark(MarkKind::Undone { since: at(-3_600_000), titles: finished }),
        ),
        ("mark-undone-nothing", mark(MarkKind::Undone { since: at(0), titles: vec![] })),
    ]
}

/// Facts, and the fingerprint that each has had since the first version.
pub(super) fn fingerprints() -> Vec<(Fact, &'static str)> {
    let seek = Fact { from_ms: Some(790_000), rate: Some(1.5), ..fact(Kind::Seeked, 4) };
    let stop = Fact { reason: Some(Reason::Ended), ..fact(Kind::Stopped, 5) };
    vec![
        (fact(Kind::Started, 0), "ce530857d73ff67b"),
        (fact(Kind::Progressed, 1), "c0d16d83b9036d8a"),
        (Fact { at: None, ..fact(Kind::Progressed, 1) }, "8180cb664ba1cea8"),
        (seek, "cf276d37f5bf4f47"),
        (stop, "80bc720693dbd5d5"),
    ]
}

/// What may come after any state.
pub(super) fn next_events() -> [Event; 2] {
    let Row::Event(numbered) = event(fact(Kind::Progressed, 1_000)) else { unreachable!() };
    let Row::Event(unnumbered) = event(Fact { seq: None, ..fact(Kind::Seeked, 0) }) else {
        unreachable!()
    };
    [numbered, unnumbered]
}
