//! One session as the log has it, for those who want to know what became of their facts.

use std::time::Instant;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, get};

use super::auth::Caller;
use super::parameters::Parameters;
use super::read::sent;
use super::{Node, Problem};
use crate::events::SessionKey;
use crate::projections::{Answer, SessionAnswer};

/// The route of one session.
pub(super) fn session_routes(config: &mut ServiceConfig) {
    config.service(read_session);
}

/// One session's state, with what is missing of it, whether facts contradict each other, and what
/// its device's clock lacks.
#[utoipa::path(
    tag = "read",
    responses(
        (status = 200, body = Answer<SessionAnswer>),
        (status = 404, description = "not_found: never recorded, private or erased"),
    ),
)]
#[get("/v1/accounts/{account}/sessions/{session}")]
pub(super) async fn read_session(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let begun = Instant::now();
    if asked.when()?.as_of.is_some() {
        let detail = "as_of is not answered for one session; ask the title or the history";
        return Err(Problem::malformed(detail));
    }
    let key = SessionKey { account: asked.account()?, session: asked.session()? };
    let answer = node.answers.session(&key).await?;
    let answer = answer.filter(|found| caller.may_see(&found.body.profile));
    let answer = answer.ok_or_else(|| Problem::not_found("no such session is recorded"))?;
    Ok(sent(&request, &answer, begun))
}
