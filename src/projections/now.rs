//! What is playing: the newest state of every session of the last day, with the ended ones marked.
//!
//! Whether a silent session still counts is policy, and decided when reading.

use bytes::Bytes;

use super::shapes::{Playing, TitleInfo};
use super::{Entry, Projection, Recorded, Version, View};
use crate::events::codec::{decode_snapshot, encode_snapshot};
use crate::events::{Phase, SessionId, State};

/// Longer than any session may last, so that what expires is over.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// Entries by session; the value is the state.
pub(super) struct Now;

impl Projection for Now {
    fn view(&self) -> View {
        View::NOW
    }

    fn version(&self) -> u32 {
        1
    }

    fn project(&self, recorded: &Recorded<'_>) -> Vec<Entry> {
        let Recorded::Session(state) = recorded else { return vec![] };
        vec![Entry {
            view: View::NOW,
            scope: None,
            key: Bytes::copy_from_slice(state.session.as_bytes()),
            version: version(state),
            rank: None,
            label: Bytes::new(),
            value: value(state),
            expires_at: Some(state.last_at().plus_ms(KEPT_MS)),
        }]
    }
}

/// A session's version: what the player numbered, then how many facts are known.
pub(super) fn version(state: &State) -> Version {
    Version(state.seq, u128::from(state.facts))
}

/// A session's value: its state, whether the log still has its facts or not.
pub(super) fn value(state: &State) -> Bytes {
    if state.compacted_through.is_none() {
        return encode_snapshot(state).into();
    }
    encode_snapshot(&State { compacted_through: None, ..state.clone() }).into()
}

/// The state in an entry of this view or of the plays; `None` when it is not one.
pub(super) fn state_of(key: &[u8], value: &[u8]) -> Option<State> {
    let session = SessionId::from_bytes(key.try_into().ok()?).ok()?;
    decode_snapshot(session, value).ok()?.state
}

/// An active session as answers and the live feed show it; `None` when it ended or is nobody's.
pub fn playing(state: &State) -> Option<Playing> {
    if matches!(state.phase, Phase::Ended(_)) {
        return None;
    }
    let about = &state.about;
    Some(Playing {
        session: state.session,
        profile: about.profile.clone()?,
        title: TitleInfo::of(state)?,
        device: about.device.clone(),
        phase: phase_name(state.phase),
        position_ms: state.position_ms,
        duration_ms: state.duration_ms,
        rate: state.rate,
        moved_at: state.moved_at(),
        last_at: state.last_at(),
        version: version_text(state),
    })
}

/// A session's version as answers and the live feed give it: the greater text is newer.
pub fn version_text(state: &State) -> String {
    format!("{:016x}{:08x}", state.seq, state.facts)
}

/// A phase by its wire name.
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Playing => "playing",
        Phase::Paused => "paused",
        Phase::Stalled => "stalled",
        Phase::Ended(_) => "ended",
    }
}
