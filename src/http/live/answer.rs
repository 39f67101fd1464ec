//! What the frames of a client are answered with.

use actix_web::web::{Bytes, Data};
use actix_ws::CloseCode;
use serde_json::Value;

use super::frame::{Asked, Frame, Misread};
use super::socket::{End, Reply};
use crate::actors::Role;
use crate::events::AccountId;
use crate::http::auth::{Caller, Need};
use crate::http::body::Facts;
use crate::http::record::{Sorted, record_each};
use crate::http::{Node, Problem};

/// One reply to each frame, once their facts are durable. Goes on when the socket ends.
pub(super) async fn answer(
    node: Data<Node>,
    (account, caller): (AccountId, Caller),
    texts: Vec<Bytes>,
) -> Vec<Reply> {
    let received_at = node.clock.now();
    let facts_max = node.settings.facts_max;
    let mut sorted = Vec::with_capacity(texts.len());
    let mut read = Vec::with_capacity(texts.len());
    for text in &texts {
        caller.keep_pace(&node).await;
        read.push(understood(text, facts_max, (&node, &caller)).map(|(id, facts)| {
            sorted.push(Sorted::of((Some(&account), &caller), &facts, received_at));
            id
        }));
    }
    let mut answers = record_each(&node, sorted).await.into_iter();
    let reply = |read: Result<_, Reply>| match read {
        Ok(id) => {
            let answered = answers.next().unwrap_or_default();
            Ok(Frame::Recorded { id: &id, answered: &answered }.text())
        }
        Err(reply) => reply,
    };
    read.into_iter().map(reply).collect()
}

/// The id of a frame and its facts, or what it is answered with at once.
fn understood<'t>(
    text: &'t [u8],
    facts_max: usize,
    (node, caller): (&Node, &Caller),
) -> Result<(Option<Value>, Facts<'t>), Reply> {
    let refused =
        |id: &Option<Value>, code, detail: &str| Err(Ok(Frame::Error { id, code, detail }.text()));
    match Asked::read(text) {
        Err(Misread::NotJson(why)) => {
            Err(Err(End::told(CloseCode::Invalid, format!("not JSON: {why}"))))
        }
        Err(Misread::Malformed { id, detail }) => refused(&id, "malformed", &detail),
        Ok(asked) if asked.events.len() > facts_max => {
            let detail = format!("more than {facts_max} events; send fewer in a frame");
            refused(&asked.id, "too_large", &detail)
        }
        Ok(Asked { id, sent_at, events }) => match may_record(node, caller) {
            Ok(()) => Ok((id, Facts { sent_at, each: events })),
            Err(problem) => refused(&id, problem.code, &problem.detail),
        },
    }
}

fn may_record(node: &Node, caller: &Caller) -> Result<(), Problem> {
    node.settings.serves("record", Role::Collect)?;
    caller.needs(Need::Record)
}
