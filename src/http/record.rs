//! Facts in.

use serde::Serialize;

use super::Service;
use crate::actors::Submission;
use crate::events::json::FactJson;
use crate::events::{AccountId, Event, SessionId, Timestamp};

/// What became of a request.
#[derive(Debug, Serialize)]
pub struct Answered {
    recorded: usize,
    duplicates: usize,
    durability: &'static str,
    sessions: Vec<Recorded>,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Recorded {
    account: AccountId,
    session: SessionId,
    seq: u64,
}

#[derive(Debug, Serialize)]
struct Refused {
    index: usize,
    detail: String,
}

/// Records facts.
pub async fn record(
    service: &Service,
    account: Option<&AccountId>,
    sent_at: Option<Timestamp>,
    facts: Vec<&[u8]>,
    received_at: Timestamp,
) -> Answered {
    let (mut refused, mut submissions) = (Vec::new(), Vec::new());
    for (index, text) in facts.into_iter().enumerate() {
        match FactJson::parse(text).map_err(|_| "not a fact".to_owned()).and_then(|f| f.fact()) {
            Ok(fact) => submissions.push(Submission {
                index,
                reference: None,
                event: Event::new(fact, received_at, sent_at),
            }),
            Err(detail) => refused.push(Refused { index, detail }),
        }
    }
    let facts = account.map(|account| (account.clone(), submissions)).into_iter().collect();
    let outcome = service.system.accounts().record(facts).await;
    refused.extend(
        outcome.refused.into_iter().map(|refused| Refused {
            index: refused.index,
            detail: format!("{:?}", refused.refusal),
        }),
    );
    let sessions = outcome.sessions.into_iter().map(|recorded| Recorded {
        account: recorded.account,
        session: recorded.session,
        seq: recorded.seq,
    });
    Answered {
        recorded: outcome.recorded,
        duplicates: outcome.duplicates,
        durability: "store",
        sessions: sessions.collect(),
        refused,
    }
}
