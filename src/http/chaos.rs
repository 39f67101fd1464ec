//! Failures on purpose, to see that nobody else notices. Routed only where `--chaos` was given,
//! which is refused beyond loopback.

use actix_web::web::{Data, Json, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Deserialize;

use super::Node;
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
async fn fail(node: Data<Node>, asked: Json<Chaos>) -> HttpResponse {
    node.system.accounts().panic(&asked.panic.account);
    HttpResponse::Accepted().finish()
}
