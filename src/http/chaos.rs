//! Failures on purpose, to see that nobody else notices. Routed only where `--chaos` was given, which
//! is refused beyond loopback.

use actix_web::web::{Data, Json, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::Deserialize;

use super::Service;
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
async fn fail(service: Data<Service>, asked: Json<Chaos>) -> HttpResponse {
    service.system.accounts().panic(&asked.panic.account);
    HttpResponse::Accepted().finish()
}
