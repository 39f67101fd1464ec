//! Failures on purpose, to see that nobody else notices. Routed only where `--chaos` was given,
//! which is refused beyond loopback.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Deserialize;

use super::body::Body;
use super::fields::Fields;
use super::{Node, Problem};
use crate::events::{AccountId, SessionId};

/// The route of failures.
pub(super) fn chaos_routes(config: &mut ServiceConfig) {
    config.service(fail);
}

/// One of both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Panic {
    Account { account: AccountId },
    Session { session: SessionId },
}

/// Makes the actor of an account panic, or every fold of a session from now on.
#[post("/v1/system/chaos")]
async fn fail(node: Data<Node>, body: Body) -> Result<HttpResponse, Problem> {
    let right = "{\"account\":…}, whose actor is to panic, or {\"session\":…}, whose folds are";
    let asked: Option<Panic> = Fields::of(&body.0)?.read("panic", right)?;
    let asked =
        asked.ok_or_else(|| Problem::invalid("panic is missing; it is the only failure"))?;
    match asked {
        Panic::Account { account } => node.system.accounts().panic(&account),
        Panic::Session { session } => node.system.chaos().poison(session),
    }
    Ok(HttpResponse::Accepted().finish())
}
