//! Whether a process lives, and whether its node is to be asked: for whoever starts it and for load
//! balancers. API contract, section 7.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::degraded::unready;
use super::operations::plain;
use super::{Node, Problem};

const RETRY_AFTER_MS: u64 = 5_000;

/// The routes of health.
pub(super) fn health_routes(config: &mut ServiceConfig) {
    config.service(read_health).service(read_readiness);
}

/// That all is well.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Standing {
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(
    tag = "operations",
    responses((status = 200, body = Standing, description = "It does: `ok`")),
)]
#[get("/healthz")]
pub(super) async fn read_health() -> HttpResponse {
    plain().json(Standing { status: "ok" })
}

/// Whether the node takes requests: its log accepts facts, and its clock is near the stores'.
#[utoipa::path(
    tag = "operations",
    responses(
        (status = 200, body = Standing, description = "It does: `ready`"),
        (status = 503, description = "store_unavailable: reads may still be answered"),
    ),
)]
#[get("/readyz")]
pub(super) async fn read_readiness(node: Data<Node>) -> Result<HttpResponse, Problem> {
    let Some(detail) = unready(&node) else {
        return Ok(plain().json(Standing { status: "ready" }));
    };
    Err(Problem { retry_after_ms: Some(RETRY_AFTER_MS), ..Problem::unavailable(detail) })
}
