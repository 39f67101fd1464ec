//! Compaction of an account's closed weeks: sessions that their snapshot covers keep the snapshot
//! alone. The actor does it itself, so that it never races with an append of its own.

use super::errand::Failure;
use crate::actors::{Compaction, Deps};
use crate::events::codec::encode_snapshot;
use crate::events::{
    AccountId, Append, Compacted, Depth, SessionKey, SnapshotRow, State, Stored, Timestamp, Week,
    fold,
};

/// Compacts; returns how much. `goes_on` is called now and then, since it may take long.
pub(super) async fn compact(
    account: &AccountId,
    before: Timestamp,
    deps: &Deps,
    goes_on: impl Fn(),
) -> Result<Compaction, Failure> {
    let mut compaction = Compaction::default();
    for week in deps.log.weeks(account).await? {
        if is_closed(week, before, deps.clock.now()) {
            compact_week(account, (week, before), &mut compaction, (deps, &goes_on)).await?;
        }
    }
    Ok(compaction)
}

/// Pseudo-weeks never close: what is in them is looked at session by session.
fn is_closed(week: Week, before: Timestamp, now: Timestamp) -> bool {
    week.end().is_none_or(|end| end <= before && end <= now)
}

async fn compact_week(
    account: &AccountId,
    (week, before): (Week, Timestamp),
    compaction: &mut Compaction,
    (deps, goes_on): (&Deps, &impl Fn()),
) -> Result<(), Failure> {
    let mut behind = Append::new(account.clone());
    for stored in deps.log.week(account, week, Depth::Snapshots).await? {
        goes_on();
        let session = stored.session;
        let key = SessionKey { account: account.clone(), session };
        match what_is_left(stored, before) {
            Left::Whole(mut state) => {
                let events = u64::from(state.facts);
                let through = state.seq;
                state.compacted_through = Some(through);
                let snapshot = SnapshotRow { session, body: encode_snapshot(&state) };
                deps.log.compact(Compacted { key, snapshot, through }).await?;
                compaction.sessions += 1;
                compaction.events += events;
            }
            Left::Behind(state) => {
                behind.snapshots.push(SnapshotRow { session, body: encode_snapshot(&state) });
            }
            Left::Nothing => {}
        }
    }
    // These are covered now, and the next compaction takes them: whoever wrote their last facts
    // may still be writing its own snapshot.
    if behind.rows() > 0 {
        deps.log.append(&behind).await?;
    }
    Ok(())
}

enum Left {
    /// The snapshot covers every row.
    Whole(Box<State>),
    /// The snapshot is behind.
    Behind(Box<State>),
    /// Compacted before, damaged, gapped, in conflict, without numbers, or too young.
    Nothing,
}

fn what_is_left(stored: Stored, before: Timestamp) -> Left {
    let Stored { snapshot, events, damage, .. } = stored;
    let was_compacted = snapshot.as_ref().and_then(|state| state.compacted_through);
    let is_covered = snapshot.is_some() && events.is_empty();
    let Some(state) = fold(snapshot, &events) else { return Left::Nothing };
    let is_old = state.last.received_at <= before && state.last_at() <= before;
    if damage.is_some() || !state.is_gapless() || !is_old || was_compacted == Some(state.seq) {
        return Left::Nothing;
    }
    if is_covered { Left::Whole(Box::new(state)) } else { Left::Behind(Box::new(state)) }
}
