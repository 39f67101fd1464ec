//! Erasing a play, a title, a profile, an account: gone from the log and the views, and refused
//! from then on. API contract, section 2.

use super::auth::Caller;
use super::parameters::Parameters;
use super::receipts::{self, Concerned, Erased, Erasure};
use super::{Node, Problem};
use crate::events::{ProfileId, Scope, SessionId, SessionKey, TitleId};
use crate::projections::Person;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, delete, get};

/// The routes that erase; forgetting a title is among the commands.
pub(super) fn erase_routes(config: &mut ServiceConfig) {
    config
        .service(erase_play)
        .service(erase_play_of_account)
        .service(erase_profile)
        .service(erase_account)
        .service(erasure_of_receipt);
}

/// Forgets a title, as if it had never been seen.
pub(super) async fn forget(
    node: &Node,
    person: Person,
    title: TitleId,
) -> Result<HttpResponse, Problem> {
    let Person { account, profile } = person;
    let scope = Scope::Title(profile.clone(), title);
    erase(node, (account, Some(profile)), (scope, Erased::Title)).await
}

/// Erases one play.
#[utoipa::path(
    tag = "erase",
    responses(
        (status = 202, body = Erasure),
        (status = 404, description = "not_found: no such play is recorded"),
    ),
)]
#[delete("/v1/accounts/{account}/profiles/{profile}/history/{session}")]
pub(super) async fn erase_play(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let person = asked.person()?;
    let session = SessionId::parse(asked.segment(7))
        .map_err(|detail| Problem::malformed(format!("session: {detail}")))?;
    let Person { account, profile } = person;
    play(&node, SessionKey { account, session }, Some(&profile)).await
}

/// Erases one play, or what a person told, whoever it was.
#[utoipa::path(
    tag = "erase",
    responses(
        (status = 202, body = Erasure),
        (status = 404, description = "not_found: no such play is recorded"),
    ),
)]
#[delete("/v1/accounts/{account}/history/{session}")]
pub(super) async fn erase_play_of_account(
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let (account, session) = (asked.account()?, asked.session()?);
    play(&node, SessionKey { account, session }, caller.profile()).await
}

async fn play(
    node: &Node,
    key: SessionKey,
    profile: Option<&ProfileId>,
) -> Result<HttpResponse, Problem> {
    let theirs =
        node.answers.owner(&key).await?.filter(|of| profile.is_none_or(|profile| profile == of));
    let Some(profile) = theirs else {
        return Err(Problem::not_found("no such play is recorded"));
    };
    erase(node, (key.account, Some(profile)), (Scope::Session(key.session), Erased::Session)).await
}

/// Erases a profile with everything it ever watched.
#[utoipa::path(tag = "erase", responses((status = 202, body = Erasure)))]
#[delete("/v1/accounts/{account}/profiles/{profile}")]
pub(super) async fn erase_profile(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let Person { account, profile } = asked.person()?;
    let scope = Scope::Profile(profile.clone());
    erase(&node, (account, Some(profile)), (scope, Erased::Profile)).await
}

/// Erases an account with everyone in it.
#[utoipa::path(tag = "erase", responses((status = 202, body = Erasure)))]
#[delete("/v1/accounts/{account}")]
pub(super) async fn erase_account(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    erase(&node, (asked.account()?, None), (Scope::Account, Erased::Account)).await
}

/// What an erasure came to.
#[utoipa::path(
    tag = "erase",
    responses(
        (status = 200, body = Erasure),
        (status = 404, description = "not_found: no such receipt"),
    ),
)]
#[get("/v1/accounts/{account}/erasures/{receipt}")]
pub(super) async fn erasure_of_receipt(
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let found = receipts::find(&node, &asked.account()?, asked.receipt()?, &caller).await?;
    let found = found.ok_or_else(|| Problem::not_found("no such receipt"))?;
    Ok(HttpResponse::Ok().json(found))
}

async fn erase(
    node: &Node,
    concerned: Concerned,
    (scope, erased): (Scope, Erased),
) -> Result<HttpResponse, Problem> {
    let receipt = node.system.accounts().erase(concerned.0.clone(), scope).await?;
    let erasure = receipts::keep(node, &concerned, erased, receipt).await?;
    Ok(HttpResponse::Accepted().json(erasure))
}
