//! The live feed of an account, in both directions over a WebSocket or one way as server-sent
//! events. API contract, section 4.
//!
//! Whoever follows is subscribed first and then shown what is playing, so nothing falls between;
//! a slow follower gets fewer, newer frames. How many may follow an account is bounded.

mod answer;
mod frame;
mod leash;
mod seats;
mod sight;
mod socket;

use std::future::pending;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderName, UPGRADE};
use actix_web::web::{Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError, get};
use tokio::time::{Instant, sleep_until};

use super::auth::{Caller, Need};
use super::parameters::Parameters;
use super::{Node, Problem, sse};
use crate::actors::{Role, Subscription, Update};
use crate::events::AccountId;
use crate::projections::{Answer, AnswerError, Now, When};

use self::sight::Sight;

pub(super) use self::frame::Frame;
pub use self::seats::Sockets;
pub(super) use self::seats::{Seat, seat};

const RETRY_AFTER: Duration = Duration::from_secs(5);
/// No token that is good for longer is watched for its end.
const WATCHED_FOR_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The route of the live feed.
pub(super) fn live_routes(config: &mut ServiceConfig) {
    config.service(follow);
}

/// What is playing, as it changes: a WebSocket (subprotocol `viewlog.v1`), or server-sent events
/// for those who ask with `Accept: text/event-stream`.
///
/// Where tokens are needed the feed takes `read` and frames of facts take `record`; a socket with
/// `record=only` takes `record` alone. Browsers that cannot set headers give the token as a second
/// subprotocol, `token.` and the token, or as `?token=`. When it expires a socket is closed with
/// 4401 and an event stream ends: connect again with another.
#[utoipa::path(
    tag = "live",
    params(
        ("record" = Option<String>, Query, description = "`only`: acknowledgements, no feed"),
        ("token" = Option<String>, Query, description = "Where no header can be set"),
    ),
    responses(
        (status = 101, description = "A WebSocket: text frames, one JSON object each"),
        (
            status = 200, content_type = "text/event-stream", body = String,
            description = "Server-sent events, the same objects as their data",
        ),
        (status = 421, description = "wrong_role: with record=only collect, without it provide"),
        (status = 426, description = "upgrade_required: neither was asked for"),
        (status = 429, description = "too_many_requests: the account has too many sockets"),
    ),
)]
#[get("/v1/accounts/{account}/live")]
pub(super) async fn follow(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    (caller, payload): (Caller, Payload),
) -> Result<HttpResponse, Problem> {
    let account = asked.account()?;
    if names(&request, UPGRADE, "websocket") {
        let only = asked.parsed("record", |text| match text {
            "only" => Ok(()),
            _ => Err(format!("{text:?} is not known; it is only")),
        })?;
        match only {
            Some(()) => node.settings.serves("a socket with record=only", Role::Collect)?,
            None => node.settings.serves("a socket without record=only", Role::Provide)?,
        }
        caller.needs(if only.is_some() { Need::Record } else { Need::Read })?;
        let follower = Follower::begin(&node, account, caller, only.is_none())?;
        return socket::open((&request, payload), follower).await;
    }
    if names(&request, ACCEPT, "text/event-stream") {
        node.settings.serves("an event stream", Role::Provide)?;
        caller.needs(Need::Read)?;
        return sse::open(Follower::begin(&node, account, caller, true)?).await;
    }
    let detail = "open a WebSocket here, or ask with Accept: text/event-stream";
    let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail);
    let mut response = problem.error_response();
    response.headers_mut().insert(UPGRADE, "websocket".parse().map_err(|_| problem)?);
    Ok(response)
}

/// One who follows an account, or only reports.
pub(super) struct Follower {
    pub(super) node: Data<Node>,
    pub(super) account: AccountId,
    pub(super) caller: Caller,
    /// When the caller's token is no longer good, if ever.
    pub(super) expires_at: Option<Instant>,
    /// None where acknowledgements alone are asked for.
    subscription: Option<Subscription>,
    sight: Sight,
    _seat: Seat,
}

impl Follower {
    /// Takes a seat, and subscribes if it is to be fed.
    fn begin(
        node: &Data<Node>,
        account: AccountId,
        caller: Caller,
        is_fed: bool,
    ) -> Result<Self, Problem> {
        let max = node.settings.sockets_per_account_max;
        let seat = seat(&node.sockets, &account, max).ok_or_else(|| too_many(max))?;
        let left = node.tokens.as_ref().and_then(|tokens| tokens.left(&caller));
        Ok(Self {
            node: node.clone(),
            subscription: is_fed.then(|| node.system.subscribe(&account)),
            account,
            expires_at: left.map(|left| Instant::now() + left.min(WATCHED_FOR_MAX)),
            sight: Sight::of(caller.profile()),
            caller,
            _seat: seat,
        })
    }

    /// Whether it hears of anything but the end.
    fn is_fed(&self) -> bool {
        self.subscription.is_some()
    }

    /// What is playing; later changes follow.
    pub(super) async fn now(&mut self) -> Result<Answer<Now>, AnswerError> {
        let mut now = self.node.answers.now(&self.account, When::default()).await?;
        if let Some(subscription) = &self.subscription {
            subscription.shown(&now.body.playing);
        }
        self.sight.show(&mut now.body.playing);
        Ok(now)
    }

    /// What it was shown lags: it hears once more, in a moment, that it is to look.
    fn look_again(&mut self) {
        if let Some(subscription) = &mut self.subscription {
            subscription.look_again();
        }
    }

    /// The next change that the caller may hear of; `None` once the node shuts down. Nothing is
    /// lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Option<Update> {
        loop {
            let Some(subscription) = &mut self.subscription else {
                self.node.system.feeds_closed().await;
                return None;
            };
            let update = subscription.next().await?;
            if self.sight.lets_through(&update) {
                return Some(update);
            }
        }
    }
}

/// Comes at an instant, and never where there is none.
pub(super) async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn too_many(max: usize) -> Problem {
    let detail = format!("the account has {max} sockets open already; close one and try again");
    Problem::too_many(detail, RETRY_AFTER)
}

fn names(request: &HttpRequest, header: HeaderName, what: &str) -> bool {
    let values = request.headers().get_all(header).filter_map(|value| value.to_str().ok());
    let mut each = values.flat_map(|value| value.split(','));
    each.any(|named| {
        let named = named.split(';').next().unwrap_or_default();
        named.trim().eq_ignore_ascii_case(what)
    })
}
