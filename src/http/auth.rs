//! Who may, where tokens are needed. API contract, section 6.
//!
//! A token is a JWT, signed by a key of one kind and so by one algorithm; it says whose data its
//! bearer may reach and what may be done with it. Every request is judged before a handler sees it,
//! by the one list in `rules`; handlers of a whole account leave out what is another profile's. The
//! token itself is neither logged nor repeated in an answer.
//!
//! The same list says which role of a node serves a route. Nodes without all of them keep to it,
//! with tokens and without.

mod bearer;
mod caller;
mod claims;
mod issue;
mod keyring;
mod keys;
mod known;
mod pace;
mod rules;
mod source;

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};

use super::head::answered;
use super::nowhere::nowhere;
use super::parameters::Parameters;
use super::{Node, Problem};
use crate::actors::Roles;
use crate::events::Clock;

use self::bearer::bearer;
use self::claims::{Grant, LEEWAY_MS, Unfit};
use self::known::Known;
use self::pace::Pace;

pub(super) use self::caller::Caller;
pub use self::claims::Scopes;
pub use self::issue::NewToken;
pub use self::keyring::Keyring;
pub use self::keys::KeyError;
pub(super) use self::rules::{Need, Rule, Served, rule_of};
pub use self::source::{KeySource, SourceError};

/// What tokens are checked against.
pub struct Tokens {
    keys: Keyring,
    known: Known,
    terms: Terms,
    pace: Pace,
    clock: Arc<dyn Clock>,
}

/// What is agreed about tokens besides their keys.
#[derive(Clone)]
pub struct Terms {
    /// What this server is called in `aud`, if tokens are to name it.
    pub audience: Option<String>,
    /// The token of programs on this machine, which is no JWT.
    pub local: String,
    /// Requests a second of a token of one account.
    pub requests_per_s_max: u32,
    /// Requests a second of a token for all accounts.
    pub requests_per_s_all_accounts_max: u32,
}

impl Tokens {
    /// Tokens that these keys made are taken on these terms.
    pub fn new(keys: Keyring, terms: Terms, clock: Arc<dyn Clock>) -> Self {
        let pace = Pace::new(terms.requests_per_s_max, terms.requests_per_s_all_accounts_max);
        Self { keys, known: Known::default(), terms, pace, clock }
    }

    /// Keeps the keys as their source has them, and forgets tokens at rest and expired ones, for as
    /// long as the future is polled.
    pub async fn look_after(&self) {
        tokio::join!(self.keys.keep_fresh(), async {
            let mut round = tokio::time::interval(Duration::from_secs(5));
            loop {
                round.tick().await;
                self.pace.forget_rested();
                self.known.forget_expired(self.clock.now());
            }
        });
    }

    /// What a token lets its bearer do.
    ///
    /// # Errors
    /// 401, and 503 while there are no keys.
    async fn grant(&self, token: &str) -> Result<Arc<Grant>, Problem> {
        if is_equal(token, &self.terms.local) {
            return Ok(Arc::new(Grant::of_this_machine()));
        }
        let now = self.clock.now();
        if let Some(grant) = self.known.grant(token, &self.keys.loaded(), now) {
            return Ok(grant);
        }
        let (claims, keys) = self.keys.checked(token).await?;
        let grant = Arc::new(Grant::of(claims, now, self.terms.audience.as_deref())?);
        self.known.keep(token, &grant, keys);
        Ok(grant)
    }

    /// How long from now a caller's token is good, leeway included; `None` is for ever.
    pub(super) fn left(&self, caller: &Caller) -> Option<Duration> {
        let until = caller.expires_at()?.plus_ms(LEEWAY_MS);
        let left_ms = until.since_ms(self.clock.now()).max(0);
        Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
    }
}

/// As long for a near miss as for any other of the same length.
fn is_equal(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b));
    one.len() == other.len() && differing == 0
}

/// What a request is answered with, if its token lets it through and the node's roles serve it.
pub(super) async fn admitted<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    node: &Data<Node>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if node.tokens.is_none() && node.settings.roles == Roles::ALL {
        return answered(request, next).await;
    }
    // The router decodes what it matches; so does this, or a route could hide from its rule.
    let pattern = request.resource_map().match_pattern(request.match_info().as_str());
    let rule = pattern.and_then(|pattern| rule_of(request.method(), &pattern));
    let Some((served, rule)) = rule else {
        let response = nowhere(request.request().clone()).await;
        return Ok(request.into_response(response));
    };
    let granted = match &node.tokens {
        Some(tokens) => judged((node, tokens), rule, request.request()).await,
        None => Ok(None),
    };
    match granted.and_then(|granted| served.permit(node.settings.roles).map(|()| granted)) {
        Ok(granted) => {
            if let Some((caller, asked)) = granted {
                let mut known = request.extensions_mut();
                known.insert(caller);
                known.insert(asked);
            }
            answered(request, next).await
        }
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

/// Who asks, and for what, if that is let through; `None` where nobody has to say.
async fn judged(
    (node, tokens): (&Node, &Tokens),
    rule: Rule,
    request: &HttpRequest,
) -> Result<Option<(Caller, Parameters)>, Problem> {
    let Rule::Token { need, reach, places } = rule else { return Ok(None) };
    let token = bearer(request, places)?.ok_or_else(Problem::no_token)?;
    let grant = tokens.grant(token).await?;
    tokens.pace.count(&grant).map_err(too_many)?;
    let asked = Parameters::read(request.uri().path(), request.query_string())?;
    rules::permit(&grant, (need, reach), &asked)?;
    let caller = Caller(Some(grant));
    caller.may_wait(node, &asked).await?;
    Ok(Some((caller, asked)))
}

fn too_many(wait: Duration) -> Problem {
    Problem::too_many("the token makes too many requests", wait)
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        let detail = match unfit {
            Unfit::NotAToken => "the token is no signed JWT".to_owned(),
            Unfit::Unknown => {
                "no key of this server made the token's signature, or not with the key's algorithm"
                    .to_owned()
            }
            Unfit::Claims(what) => format!("the token cannot be taken: {what}"),
            Unfit::Expired(at) => format!("the token was good until {at}"),
            Unfit::Early(from) => format!("the token is good from {from} on"),
            Unfit::Audience => "the token is meant for others: its aud is not this server's".into(),
            Unfit::Unavailable => {
                return Self::unavailable("the keys of tokens cannot be had; try again later");
            }
        };
        Self::unauthenticated(detail)
    }
}
