//! Stored bytes: every shape ever written decodes to what it meant, and today's writer writes the
//! same.
//!
//! `tests/fixtures/stored/*.hex` are never changed, only added to. A changed shape gets a new
//! fixture and an upcaster; the old one stays and goes on decoding.

mod golden;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use viewlog::events::codec::{
    DecodeError, Snapshot, decode_event, decode_mark, decode_snapshot, encode_event, encode_found,
    encode_mark, encode_snapshot,
};
use viewlog::events::{Event, FOLD_VERSION, Fact, Kind, Mark, SessionId, State, fold};

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
enum Row {
    Event(Event),
    Snapshot(SessionId, Box<Snapshot>),
    Mark(Mark),
}

impl Row {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Event(event) => encode_event(event),
            Self::Snapshot(_, snapshot) => match &snapshot.state {
                Some(state) => encode_snapshot(state),
                None => encode_found(),
            },
            Self::Mark(mark) => encode_mark(mark),
        }
    }

    /// Reads `body` under this row's own key.
    fn decode(&self, body: &[u8]) -> Result<Self, DecodeError> {
        match self {
            Self::Event(event) => {
                decode_event(event.fact.session, event.order, body).map(Self::Event)
            }
            Self::Snapshot(session, _) => decode_snapshot(*session, body)
                .map(|snapshot| Self::Snapshot(*session, Box::new(snapshot))),
            Self::Mark(mark) => decode_mark(mark.command, body).map(Self::Mark),
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stored")
}

fn fixture(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!("{name} has no fixture; write it with: cargo test write_missing -- --ignored")
    });
    let digits: String = text.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|line| line.iter().map(|b| format!("{b:02x}")).collect());
    let lines: Vec<String> = lines.collect();
    lines.join("\n") + "\n"
}

#[test]
fn every_fixture_decodes_to_what_it_meant() {
    for (name, row) in golden::rows() {
        assert_eq!(row.decode(&fixture(name)), Ok(row), "{name}");
    }
}

#[test]
fn todays_writer_writes_the_same_bytes() {
    for (name, row) in golden::rows() {
        assert_eq!(hex(&row.encode()), hex(&fixture(name)), "{name}");
    }
}

#[test]
fn no_fixture_is_forgotten() {
    let known: BTreeSet<String> =
        golden::rows().into_iter().map(|(name, _)| format!("{name}.hex")).collect();
    let kept: BTreeSet<String> = fs::read_dir(folder())
        .expect("the fixtures")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept, known);
}

#[test]
#[ignore = "writes a fixture for every row that has none; never overwrites one"]
fn write_missing_fixtures() {
    fs::create_dir_all(folder()).expect("a folder");
    for (name, row) in golden::rows() {
        let path = folder().join(format!("{name}.hex"));
        if !path.exists() {
            fs::write(path, hex(&row.encode())).expect("a file");
        }
    }
}

#[test]
fn fingerprints_are_what_they_always_were() {
    for (fact, expected) in golden::fingerprints() {
        let event = Event::recorded(fact, golden::at(0), None);
        assert_eq!(format!("{:016x}", event.order.fingerprint), expected, "{:?}", event.fact);
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    for (name, row) in golden::rows() {
        let whole = fixture(name);
        for at in 0..whole.len() {
            for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut body = whole.clone();
                body[at] ^= mask;
                assert_eq!(row.decode(&body), Err(DecodeError::Checksum), "{name}, byte {at}");
            }
        }
    }
}

#[test]
fn a_shorter_or_longer_row_is_noticed() {
    for (name, row) in golden::rows() {
        let whole = fixture(name);
        for length in 0..whole.len() {
            let short = row.decode(&whole[..length]);
            let expected =
                if length < 5 { DecodeError::TooShort(length) } else { DecodeError::Checksum };
            assert_eq!(short, Err(expected), "{name}, {length} bytes");
        }
        assert!(row.decode(&[whole, vec![0]].concat()).is_err(), "{name}, one byte more");
    }
}

/// A body with a true checksum.
fn sealed(content: &[u8]) -> Vec<u8> {
    [content, &crc32fast::hash(content).to_le_bytes()].concat()
}

#[test]
fn a_newer_format_is_named_as_such() {
    for (name, row) in golden::rows() {
        let mut content = fixture(name);
        content.truncate(content.len() - 4);
        content[0] = 2;
        assert_eq!(row.decode(&sealed(&content)), Err(DecodeError::Format(2)), "{name}");
    }
}

#[test]
fn a_field_of_a_later_version_is_passed_over() {
    for (name, row) in golden::rows() {
        let mut content = fixture(name);
        content.truncate(content.len() - 4);
        // Field 1000, a varint of 1.
        content.extend_from_slice(&[0xc0, 0x3e, 0x01]);
        assert_eq!(row.decode(&sealed(&content)), Ok(row), "{name}");
    }
}

#[test]
fn a_snapshot_of_another_fold_is_not_current() {
    let (_, row) = golden::rows().into_iter().find(|(name, _)| *name == "snapshot-whole").unwrap();
    let Row::Snapshot(_, snapshot) = row else { panic!("a snapshot") };
    assert!(snapshot.current().is_some());
    let other = Snapshot { fold_version: FOLD_VERSION + 1, ..*snapshot };
    assert_eq!(other.current(), None);
}

#[test]
fn a_heartbeat_is_some_thirty_bytes() {
    let bytes = fixture("event-progressed").len();
    assert!(bytes <= 32, "{bytes} bytes");
}

#[test]
fn a_snapshot_of_the_greatest_number_is_folded_on_like_any_other() {
    for (_, row) in golden::rows() {
        let Row::Snapshot(session, snapshot) = row else { continue };
        let Some(state) = snapshot.state else { continue };
        let greatest = State { seq: u64::MAX, facts: u32::MAX, played_ms: u64::MAX, ..state };
        let read = decode_snapshot(session, &encode_snapshot(&greatest)).expect("our own bytes");
        assert_eq!(read.state.as_ref(), Some(&greatest));
        assert!(fold(read.state, &golden::next_events()).is_some());
    }
}

/// Reads `body` as everything a row can be, and goes on with what comes of it.
fn read_all(body: &[u8]) {
    for (_, row) in golden::rows() {
        match row.decode(body) {
            Ok(Row::Snapshot(_, snapshot)) => {
                let Some(state) = snapshot.state else { continue };
                let _ = (state.started_at(), state.last_at(), state.moved_at());
                let next = fold(Some(state), &golden::next_events()).expect("a state");
                let _ = encode_snapshot(&next);
            }
            Ok(row) => drop(row.encode()),
            Err(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn any_rate_reads_back_to_the_bit(rate in prop::num::f64::ANY) {
        prop_assume!(!rate.is_nan());
        for rate in [rate, -0.0, (rate * 1000.0).round() / 1000.0] {
            let fact = Fact { rate: Some(rate), ..Fact::new(golden::session(), Kind::Resumed, 0) };
            let event = Event::recorded(fact, golden::at(0), None);
            let read = decode_event(golden::session(), event.order, &encode_event(&event)).unwrap();
            prop_assert_eq!(read.fact.rate.map(f64::to_bits), Some(rate.to_bits()));
        }
    }

    #[test]
    fn no_bytes_break_the_reader(content in prop::collection::vec(any::<u8>(), 0..120)) {
        read_all(&content);
        read_all(&sealed(&[&[1], &content[..]].concat()));
    }

    #[test]
    fn no_content_with_a_true_checksum_breaks_the_reader(
        row in prop::sample::select(golden::rows()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut content = fixture(row.0);
        content.truncate(content.len() - 4);
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        content[0] = 1;
        read_all(&sealed(&content));
    }
}
