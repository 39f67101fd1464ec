//! Failures on purpose, to see that nobody else notices. Routed only where `--chaos` was given,
//! which is refused beyond loopback.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Deserialize;

use super::body::Body;
use super::{Node, Problem};
use crate::events::AccountId;

/// The route of failures.
pub(super) fn chaos_routes(config: &mut ServiceConfig) {
    config.service(fail);
}

#[derive(Deserialize)]
struct Chaos {
    panic: Panic,
}

#[derive(Deserialize)]
struct Panic {
    account: AccountId,
}

/// Makes the actor of an account panic.
#[post("/v1/system/chaos")]
async fn fail(node: Data<Node>, body: Body) -> Result<HttpResponse, Problem> {
    let Chaos { panic: Panic { account } } = body.json()?;
    node.system.accounts().panic(&account);
    Ok(HttpResponse::Accepted().finish())
}
