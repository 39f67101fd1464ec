//! Why a resume point is where it is.

use super::story::{Claim, Story};
use crate::events::{AccountId, Event, EventLog, ReadError, SessionKey};
use crate::projections::{Candidate, DecidedBy, Explain, Lost};

/// The deciding play or command and all others, newest first; `None` when nothing decides.
///
/// Which event of the play set the position, only the log knows: [`find_event`].
pub(super) fn explain(story: &Story<'_>) -> Option<Explain> {
    let claims = story.claims();
    let (deciding, older) = claims.split_first()?;
    let older = older.iter().map(|claim| candidate(claim, Lost::Older));
    let losers = story.losers().into_iter().map(|(claim, is_marked)| {
        candidate(&claim, if is_marked { Lost::Marked } else { Lost::DidNotClaim })
    });
    let mut others: Vec<Candidate> = older.chain(losers).collect();
    others.sort_by_key(|other| std::cmp::Reverse((other.moved_at, other.session)));
    Some(Explain { decided_by: decided_by(deciding), others })
}

fn decided_by(claim: &Claim<'_>) -> DecidedBy {
    DecidedBy {
        session: claim.rank.1,
        seq: claim.play.map_or(0, |play| play.seq),
        kind: claim.command.to_owned(),
        at: claim.rank.0,
    }
}

fn candidate(claim: &Claim<'_>, reason: Lost) -> Candidate {
    Candidate {
        session: claim.rank.1,
        position_ms: claim.position_ms,
        moved_at: claim.rank.0,
        reason,
    }
}

/// Names the event that last moved the deciding play. Where its facts were compacted away, it is
/// the play as a whole, and its kind is `compacted`.
pub(super) async fn find_event(
    log: &dyn EventLog,
    account: &AccountId,
    decided_by: &mut DecidedBy,
) -> Result<(), ReadError> {
    if !decided_by.kind.is_empty() {
        return Ok(());
    }
    let key = SessionKey { account: account.clone(), session: decided_by.session };
    let events = log.events(&key, 0..=u64::MAX).await?;
    let offset_ms = events.iter().find_map(|event| event.offset_ms).unwrap_or(0);
    let is_it = |event: &&Event| event.stamp().occurred_at(offset_ms) == decided_by.at;
    let moved = events.iter().rfind(is_it);
    match moved {
        Some(event) => {
            decided_by.seq = event.order.seq;
            event.fact.kind.as_str().clone_into(&mut decided_by.kind);
        }
        None => "compacted".clone_into(&mut decided_by.kind),
    }
    Ok(())
}
