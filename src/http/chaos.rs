//! Failures on purpose, to see that nobody else notices. Routed only where `--chaos` was given,
//! which is refused beyond loopback.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Deserialize;

use super::body::Body;
use super::fields::Fields;
use super::{Node, Problem};
use crate::events::AccountId;

/// The route of failures.
pub(super) fn chaos_routes(config: &mut ServiceConfig) {
    config.service(fail);
}

#[derive(Deserialize)]
struct Panic {
    account: AccountId,
}

/// Makes the actor of an account panic.
#[post("/v1/system/chaos")]
async fn fail(node: Data<Node>, body: Body) -> Result<HttpResponse, Problem> {
    let right = "{\"account\":…}, naming whose actor is to panic";
    let asked: Option<Panic> = Fields::of(&body.0)?.read("panic", right)?;
    let asked =
        asked.ok_or_else(|| Problem::invalid("panic is missing; it is the only failure"))?;
    node.system.accounts().panic(&asked.account);
    Ok(HttpResponse::Accepted().finish())
}
