//! Erasing a play, a title, a profile, an account: gone from the log and the views, and refused
//! from then on. API contract, section 2.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, delete, get};
use serde::Serialize;

use super::auth::Caller;
use super::parameters::Parameters;
use super::{Node, Problem};
use crate::actors::Receipt;
use crate::events::{AccountId, ProfileId, Scope, SessionId, SessionKey, Timestamp, TitleId};
use crate::projections::Person;

/// More receipts than these are forgotten, the oldest first.
const RECEIPTS_MAX: usize = 1_000;

/// The routes that erase; forgetting a title is among the commands.
pub(super) fn erase_routes(config: &mut ServiceConfig) {
    config
        .service(erase_play)
        .service(erase_play_of_account)
        .service(erase_profile)
        .service(erase_account)
        .service(erasure_of_receipt);
}

/// What was erased, for whoever asks again.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Erasure {
    /// The receipt's id.
    #[schema(value_type = String)]
    receipt: SessionId,
    /// Where to ask for it again.
    url: String,
    /// `session`, `title`, `profile` or `account`.
    scope: &'static str,
    /// Facts that occurred up to this instant are refused from now on.
    #[schema(value_type = String, format = DateTime)]
    fenced_at: Timestamp,
    /// `done`, or `finishing` while some store still has work.
    status: &'static str,
    /// How much went, by store.
    deleted: Deleted,
    /// What some store still has to do.
    remaining: Vec<String>,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
struct Deleted {
    events: u64,
    snapshots: u64,
    views: u64,
    spool: u64,
    leases: u64,
}

/// Whose things an erasure was about: a profile's, or everyone's of the account.
type Concerned = (AccountId, Option<ProfileId>);

/// The receipts of late.
#[derive(Debug, Default)]
pub struct Receipts(Mutex<VecDeque<(Concerned, Erasure)>>);

impl Receipts {
    fn keep(&self, concerned: Concerned, erasure: Erasure) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= RECEIPTS_MAX {
            kept.pop_front();
        }
        kept.push_back((concerned, erasure));
    }

    fn find(&self, account: &AccountId, receipt: SessionId, caller: &Caller) -> Option<Erasure> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_theirs = |of: &Option<ProfileId>| match of {
            Some(profile) => caller.may_see(profile),
            None => caller.profile().is_none(),
        };
        let mut found = kept.iter().filter(|((of, profile), erasure)| {
            of == account && erasure.receipt == receipt && is_theirs(profile)
        });
        found.next().map(|(_, erasure)| erasure.clone())
    }
}

/// Forgets a title, as if it had never been seen.
pub(super) async fn forget(
    node: &Node,
    person: Person,
    title: TitleId,
) -> Result<HttpResponse, Problem> {
    let Person { account, profile } = person;
    let scope = Scope::Title(profile.clone(), title);
    erase(node, (account, Some(profile)), (scope, "title")).await
}

/// Erases one play.
#[utoipa::path(
    tag = "erase",
    responses((status = 202, body = Erasure), (status = 404, description = "not_found")),
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

/// Erases one play, whoever watched it.
#[utoipa::path(
    tag = "erase",
    responses((status = 202, body = Erasure), (status = 404, description = "not_found")),
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
    let found = node.answers.session(&key).await?.map(|found| found.body.profile);
    let theirs = found.filter(|of| profile.is_none_or(|profile| profile == of));
    let Some(profile) = theirs else {
        return Err(Problem::not_found("no such play is recorded"));
    };
    erase(node, (key.account, Some(profile)), (Scope::Session(key.session), "session")).await
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
    erase(&node, (account, Some(profile)), (scope, "profile")).await
}

/// Erases an account with everyone in it.
#[utoipa::path(tag = "erase", responses((status = 202, body = Erasure)))]
#[delete("/v1/accounts/{account}")]
pub(super) async fn erase_account(
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    erase(&node, (asked.account()?, None), (Scope::Account, "account")).await
}

/// What an erasure came to.
#[utoipa::path(
    tag = "erase",
    responses((status = 200, body = Erasure), (status = 404, description = "not_found")),
)]
#[get("/v1/accounts/{account}/erasures/{receipt}")]
pub(super) async fn erasure_of_receipt(
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let found = node.receipts.find(&asked.account()?, asked.session()?, &caller);
    let found =
        found.ok_or_else(|| Problem::not_found("no such receipt; the last 1,000 are kept"))?;
    Ok(HttpResponse::Ok().json(found))
}

async fn erase(
    node: &Node,
    concerned: Concerned,
    (scope, name): (Scope, &'static str),
) -> Result<HttpResponse, Problem> {
    let (account, _) = &concerned;
    let done = node.system.accounts().erase(account.clone(), scope).await?;
    let Receipt { id, fenced_at, events, snapshots, views } = done;
    let encoded = percent_encoded(account.as_str());
    let erasure = Erasure {
        receipt: id,
        url: format!("/v1/accounts/{encoded}/erasures/{id}"),
        scope: name,
        fenced_at,
        status: "done",
        deleted: Deleted { events, snapshots, views, spool: 0, leases: 0 },
        remaining: vec![],
    };
    node.receipts.keep(concerned, erasure.clone());
    Ok(HttpResponse::Accepted().json(erasure))
}

fn percent_encoded(id: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    id.bytes().map(byte).collect()
}
