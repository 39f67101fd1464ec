//! Facts in: read each for itself, hand them to the account actors, say what became of each. API
//! contract, section 2.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Instant;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;
use serde_json::Value;

use super::auth::Caller;
use super::body::{Body, Facts};
use super::openapi::OneOrMany;
use super::parameters::Parameters;
use super::problem::{Problem, RefusedFact};
use super::{Node, meter};
use crate::actors::{Durability, Outcome, Submission};
use crate::events::json::FactJson;
use crate::events::{AccountId, Event, SessionId, Timestamp};

/// The routes that take facts.
pub(super) fn record_routes(config: &mut ServiceConfig) {
    config.service(record_of_account).service(record_of_many);
}

/// Records facts of one account: one, a list in an envelope, or one a line.
#[utoipa::path(
    tag = "record",
    request_body(
        content(
            (OneOrMany = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/plain"),
        ),
        description = "One fact; or many in an envelope; or one a line (NDJSON). Beacons send \
                       either as text/plain. Also gzipped.",
    ),
    responses((status = 200, body = Answered, description = "What is not refused is durable")),
)]
#[post("/v1/accounts/{account}/events")]
pub(super) async fn record_of_account(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    (caller, body): (Caller, Body),
) -> Result<HttpResponse, Problem> {
    let account = asked.account()?;
    answer(&request, &node, (Some(&account), &caller), body).await
}

/// Records facts of many accounts, each named in its fact.
#[utoipa::path(
    tag = "record",
    request_body(
        content(
            (OneOrMany = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/plain"),
        ),
        description = "As for one account",
    ),
    responses((status = 200, body = Answered, description = "What is not refused is durable")),
)]
#[post("/v1/events")]
pub(super) async fn record_of_many(
    request: HttpRequest,
    node: Data<Node>,
    (caller, body): (Caller, Body),
) -> Result<HttpResponse, Problem> {
    answer(&request, &node, (None, &caller), body).await
}

async fn answer(
    request: &HttpRequest,
    node: &Node,
    from: Sender<'_>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let received_at = node.clock.now();
    let body = body.not_empty()?;
    let facts = Facts::of(request, &body)?.at_most(node.settings.facts_max)?;
    record(node, from, &facts, received_at).await.respond()
}

/// What became of a request's facts.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Answered {
    /// Newly durable.
    recorded: usize,
    /// Durable before.
    duplicates: usize,
    /// Private, and not recorded.
    #[serde(skip_serializing_if = "is_zero")]
    private: usize,
    /// `store`, or `node` while the log is away.
    durability: &'static str,
    /// The highest number recorded of every session in the request.
    sessions: Vec<RecordedSession>,
    /// What was not recorded, and why.
    refused: Vec<RefusedFact>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RecordedSession {
    #[schema(value_type = String)]
    account: AccountId,
    #[schema(value_type = String)]
    session: SessionId,
    seq: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Answered {
    /// What the actors made of it, beside what was refused before.
    pub(super) fn of(outcome: Outcome, mut refused: Vec<RefusedFact>, private: usize) -> Self {
        refused.extend(outcome.refused.into_iter().map(RefusedFact::from));
        refused.sort_by_key(|refused| refused.index);
        let answered = Self {
            recorded: outcome.recorded,
            duplicates: outcome.duplicates,
            private,
            durability: match outcome.durability {
                Durability::Store => "store",
                Durability::Node => "node",
            },
            sessions: outcome.sessions.into_iter().map(RecordedSession::from).collect(),
            refused,
        };
        meter::facts(answered.recorded, answered.duplicates, private, &answered.refused);
        answered
    }

    /// As an HTTP answer: a problem when every fact was refused.
    pub(super) fn respond(self) -> Result<HttpResponse, Problem> {
        if self.recorded + self.duplicates + self.private == 0 && !self.refused.is_empty() {
            return Err(Problem::of_all(self.refused));
        }
        Ok(HttpResponse::Ok().json(self))
    }
}

impl From<crate::actors::Recorded> for RecordedSession {
    fn from(recorded: crate::actors::Recorded) -> Self {
        let crate::actors::Recorded { account, session, seq } = recorded;
        Self { account, session, seq }
    }
}

/// The account that facts must be of, if any, and who sends them.
pub(super) type Sender<'a> = (Option<&'a AccountId>, &'a Caller);

/// Records facts that arrived at `received_at`.
pub(super) async fn record(
    node: &Node,
    from: Sender<'_>,
    facts: &Facts<'_>,
    received_at: Timestamp,
) -> Answered {
    let mut sorted = Sorted::of(from, facts, received_at);
    let begun = Instant::now();
    let outcome = node.system.accounts().record(sorted.take_accounts()).await;
    meter::waited(begun.elapsed());
    sorted.answered(outcome)
}

/// The same for several requests at once, each answered for itself.
pub(super) async fn record_each(node: &Node, mut sorted: Vec<Sorted<'_>>) -> Vec<Answered> {
    let accounts = sorted.iter_mut().map(Sorted::take_accounts).collect();
    let begun = Instant::now();
    let outcomes = node.system.accounts().record_each(accounts).await;
    meter::waited(begun.elapsed());
    sorted.into_iter().zip(outcomes).map(|(sorted, outcome)| sorted.answered(outcome)).collect()
}

/// The sender's own reference, also in what is otherwise no fact.
fn reference_of(text: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(text).ok()?;
    value.get("ref")?.as_str().map(str::to_owned)
}

/// The facts of a request by account, and what need not go further.
#[derive(Default)]
pub(super) struct Sorted<'b> {
    refused: Vec<RefusedFact>,
    /// Kept here, so that they are echoed whoever refuses, also when no actor answered.
    references: Vec<(usize, Cow<'b, str>)>,
    private: usize,
    accounts: Vec<(AccountId, Vec<Submission>)>,
    places: HashMap<AccountId, usize>,
}

impl<'b> Sorted<'b> {
    /// Reads each fact for itself.
    pub(super) fn of(from: Sender<'_>, facts: &Facts<'b>, received_at: Timestamp) -> Self {
        let mut sorted = Self::default();
        for (index, text) in facts.each.iter().enumerate() {
            sorted.take((index, text), from, facts.sent_at, received_at);
        }
        sorted
    }

    fn take_accounts(&mut self) -> Vec<(AccountId, Vec<Submission>)> {
        std::mem::take(&mut self.accounts)
    }

    fn answered(self, outcome: Outcome) -> Answered {
        let Self { refused, private, references, .. } = self;
        let mut answered = Answered::of(outcome, refused, private);
        for fact in &mut answered.refused {
            let known = references.binary_search_by_key(&fact.index, |(index, _)| *index);
            let known = known.ok().and_then(|place| references.get(place));
            fact.reference = known.map(|(_, reference)| reference.as_ref().into());
        }
        answered
    }

    fn take(
        &mut self,
        (index, text): (usize, &'b [u8]),
        from: Sender<'_>,
        sent_at: Option<Timestamp>,
        received_at: Timestamp,
    ) {
        let mut json = match FactJson::parse(text) {
            Ok(json) => json,
            Err(error) => {
                let reference = reference_of(text).map(|reference| (index, reference.into()));
                self.references.extend(reference);
                return self.refused.push(Problem::from(error).of_fact(index));
            }
        };
        self.references.extend(json.reference.take().map(|reference| (index, reference)));
        match read(&json, from, sent_at, received_at) {
            Ok(_) if json.private == Some(true) => self.private += 1,
            Ok((account, event)) => {
                self.submit(account, Submission { index, event });
            }
            Err(problem) => self.refused.push(problem.of_fact(index)),
        }
    }

    fn submit(&mut self, account: AccountId, submission: Submission) {
        // Neighbours are often of one account; the map is for those that are not.
        if let Some((last, submissions)) = self.accounts.last_mut()
            && *last == account
        {
            return submissions.push(submission);
        }
        let place = self.places.get(&account).copied();
        match place.and_then(|place| self.accounts.get_mut(place)) {
            Some((_, submissions)) => submissions.push(submission),
            None => {
                self.places.insert(account.clone(), self.accounts.len());
                self.accounts.push((account, vec![submission]));
            }
        }
    }
}

fn read(
    json: &FactJson<'_>,
    (account, caller): Sender<'_>,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
) -> Result<(AccountId, Event), Problem> {
    let account = match (account, json.account().map_err(Problem::invalid)?) {
        (Some(account), Some(named)) if *account != named => {
            return Err(Problem::invalid(format!(
                "account {named} is not the {account} of the address; send it there"
            )));
        }
        (Some(account), _) => account.clone(),
        (None, Some(named)) => named,
        (None, None) => {
            return Err(Problem::invalid("account is missing; name it in every fact sent here"));
        }
    };
    let mut fact = json.fact().map_err(Problem::invalid)?;
    fact.check(received_at)?;
    caller.claim(&mut fact)?;
    Ok((account, Event::new(fact, received_at, sent_at.or(json.sent_at))))
}
