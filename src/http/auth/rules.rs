//! Which route needs what of a token, and which role of the node. The one list: the requests are
//! judged by it, and the API's description says what it says. A route that is not in it cannot be
//! reached with tokens on.
//!
//! | what | scope | whose token |
//! |---|---|---|
//! | health, readiness, pages, the API's description | none | anyone |
//! | facts, import, a person's commands, erasing a title or a play | `record` | the account's |
//! | answers, export, the feed | `read` | the account's |
//! | facts of many accounts | `record` | `*` |
//! | erasing a profile or an account | `admin` | the account's |
//! | `/v1/system`, `/metrics` | `admin` | any account's |
//! | rebuild, verify, compact, sweep, and their reports, which name accounts | `admin` | `*` |
//! | an erasure's receipt | any | the account's |
//!
//! A token that is limited to a profile reaches what names that profile; where a route is about the
//! whole account, its handler leaves the other profiles out, or the route is closed to it.

use actix_web::http::Method;

use super::claims::{Grant, Scopes};
use crate::actors::{Role, Roles};
use crate::http::Problem;
use crate::http::parameters::Parameters;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Rule {
    /// Nothing.
    Open,
    /// A token.
    Token {
        /// With this word in its scope.
        need: Need,
        /// For this much.
        reach: Reach,
        /// In one of these places.
        places: Places,
    },
}

/// Which nodes serve a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Served {
    /// Every node.
    ByAll,
    /// Those that have this role.
    By(Role),
    /// Those that collect and those that provide; of the feed each serves its part.
    ByEither,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Need {
    Record,
    Read,
    Admin,
    /// The feed is read and recorded on; its handler knows which is asked for.
    ReadOrRecord,
    /// Whoever may do anything.
    Any,
}

/// Whose things a route is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Reach {
    /// A profile that the path names.
    Profile,
    /// An account that the path names; the handler leaves out what a caller may not see of it.
    Account,
    /// An account that the path names, with everyone in it.
    WholeAccount,
    /// Accounts that the path does not name.
    AllAccounts,
    /// The node, and nobody's history.
    Node,
}

/// Where a token may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Places {
    /// In `Authorization`.
    Header,
    /// There, or as `?token=`: beacons and event streams of browsers set no headers.
    Query,
    /// There, as `?token=`, or as a subprotocol.
    Socket,
}

const fn token(need: Need, reach: Reach) -> Rule {
    Rule::Token { need, reach, places: Places::Header }
}

const READ: Rule = token(Need::Read, Reach::Profile);
const READ_ACCOUNT: Rule = token(Need::Read, Reach::Account);
const RECORD: Rule = token(Need::Record, Reach::Profile);
const RECORD_ACCOUNT: Rule = token(Need::Record, Reach::Account);
const BEACON: Rule =
    Rule::Token { need: Need::Record, reach: Reach::Account, places: Places::Query };
const FEED: Rule =
    Rule::Token { need: Need::ReadOrRecord, reach: Reach::Account, places: Places::Socket };
const OPERATE: Rule = token(Need::Admin, Reach::AllAccounts);
const LOOK: Rule = token(Need::Admin, Reach::Node);

const ALL: Served = Served::ByAll;
const COLLECT: Served = Served::By(Role::Collect);
const PROCESS: Served = Served::By(Role::Process);
const PROVIDE: Served = Served::By(Role::Provide);
const EITHER: Served = Served::ByEither;

/// Methods and addresses, `{}` where something is named.
const RULES: &[(&str, &str, Served, Rule)] = &[
    ("GET", "/", PROVIDE, Rule::Open),
    ("GET", "/accounts/{}", PROVIDE, Rule::Open),
    ("GET", "/ui/{}", PROVIDE, Rule::Open),
    ("GET", "/docs", ALL, Rule::Open),
    ("GET", "/docs/{}", ALL, Rule::Open),
    ("GET", "/openapi.json", ALL, Rule::Open),
    ("GET", "/healthz", ALL, Rule::Open),
    ("GET", "/readyz", ALL, Rule::Open),
    ("POST", "/v1/events", COLLECT, token(Need::Record, Reach::AllAccounts)),
    ("POST", "/v1/accounts/{}/events", COLLECT, BEACON),
    ("POST", "/v1/accounts/{}/import", COLLECT, RECORD_ACCOUNT),
    ("GET", "/v1/accounts/{}/live", EITHER, FEED),
    ("GET", "/v1/accounts/{}/now", PROVIDE, READ_ACCOUNT),
    ("GET", "/v1/accounts/{}/profiles", PROVIDE, READ_ACCOUNT),
    ("GET", "/v1/accounts/{}/sessions/{}", PROVIDE, READ_ACCOUNT),
    ("GET", "/v1/accounts/{}/export", PROVIDE, READ_ACCOUNT),
    ("GET", "/v1/accounts/{}/erasures/{}", EITHER, token(Need::Any, Reach::Account)),
    ("DELETE", "/v1/accounts/{}/history/{}", COLLECT, RECORD_ACCOUNT),
    ("DELETE", "/v1/accounts/{}", COLLECT, token(Need::Admin, Reach::WholeAccount)),
    ("DELETE", "/v1/accounts/{}/profiles/{}", COLLECT, token(Need::Admin, Reach::Profile)),
    ("DELETE", "/v1/accounts/{}/profiles/{}/history/{}", COLLECT, RECORD),
    ("POST", "/v1/accounts/{}/profiles/{}/undo", COLLECT, RECORD),
    ("POST", "/v1/accounts/{}/profiles/{}/titles/{}", COLLECT, RECORD),
    ("POST", "/v1/accounts/{}/profiles/{}/titles/{}/{}", COLLECT, RECORD),
    ("GET", "/v1/accounts/{}/profiles/{}/resume", PROVIDE, READ),
    ("POST", "/v1/accounts/{}/profiles/{}/resume", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/resume/{}", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/continue-watching", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/history", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/title", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/titles", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/titles/{}", PROVIDE, READ),
    ("GET", "/v1/accounts/{}/profiles/{}/watch-time", PROVIDE, READ),
    ("GET", "/metrics", ALL, LOOK),
    ("GET", "/v1/system", ALL, LOOK),
    ("POST", "/v1/system/rebuild", PROCESS, OPERATE),
    ("POST", "/v1/system/verify", PROCESS, OPERATE),
    ("POST", "/v1/system/compact", PROCESS, OPERATE),
    ("POST", "/v1/system/sweep", PROCESS, OPERATE),
    ("POST", "/v1/system/chaos", ALL, OPERATE),
    ("GET", "/v1/system/jobs/{}", ALL, OPERATE),
];

/// Who serves a route, and its rule, by its method and its address as it was registered.
pub(in crate::http) fn rule_of(method: &Method, pattern: &str) -> Option<(Served, Rule)> {
    let method = if *method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
    let found = RULES.iter().find(|(of, address, ..)| *of == method && is_same(address, pattern));
    found.map(|(_, _, served, rule)| (*served, *rule))
}

/// Compares part by part; what stands in braces is only a name.
fn is_same(address: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('/');
    let is_named = |part: &str| part.starts_with('{') && part.ends_with('}');
    address.split('/').all(|mine| {
        parts.next().is_some_and(|theirs| mine == theirs || (mine == "{}" && is_named(theirs)))
    }) && parts.next().is_none()
}

impl Served {
    /// The roles of which a node needs one; none where every node will do.
    pub(in crate::http) fn roles(self) -> &'static [Role] {
        match self {
            Self::ByAll => &[],
            Self::By(Role::Collect) => &[Role::Collect],
            Self::By(Role::Process) => &[Role::Process],
            Self::By(Role::Provide) => &[Role::Provide],
            Self::ByEither => &[Role::Collect, Role::Provide],
        }
    }

    /// Lets a request through to a route that a node with these roles serves.
    ///
    /// # Errors
    /// 421.
    pub(super) fn permit(self, roles: Roles) -> Result<(), Problem> {
        let needed = self.roles();
        if needed.is_empty() || needed.iter().any(|role| roles.has(*role)) {
            return Ok(());
        }
        Err(Problem::wrong_role(roles, "this", needed))
    }
}

impl Need {
    fn is_met(self, scopes: Scopes) -> bool {
        match self {
            Self::Record => scopes.record,
            Self::Read => scopes.read,
            Self::Admin => scopes.admin,
            Self::ReadOrRecord => scopes.read || scopes.record,
            Self::Any => scopes != Scopes::default(),
        }
    }

    /// The words of a scope of which one is needed.
    pub(in crate::http) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Record => &["record"],
            Self::Read => &["read"],
            Self::Admin => &["admin"],
            Self::ReadOrRecord => &["read", "record"],
            Self::Any => &["record", "read", "admin"],
        }
    }
}

impl Reach {
    /// What of it the API's description says.
    pub(in crate::http) fn words(self) -> &'static str {
        match self {
            Self::Profile => "the account's; one that is limited to a profile, that profile's",
            Self::Account => "the account's; one that is limited to a profile has its part alone",
            Self::WholeAccount => "the account's, not limited to a profile",
            Self::AllAccounts => "for all accounts, not limited to a profile",
            Self::Node => "any account's, not limited to a profile",
        }
    }
}

/// Lets a token's bearer through to a route, or says what is lacking.
///
/// # Errors
/// 403, and 400 where the path names nothing that can be.
pub(super) fn permit(
    grant: &Grant,
    (need, reach): (Need, Reach),
    asked: &Parameters,
) -> Result<(), Problem> {
    if !matches!(reach, Reach::AllAccounts | Reach::Node) {
        let account = asked.account()?;
        if grant.account.as_ref().is_some_and(|mine| *mine != account) {
            return Err(Problem::forbidden("the token is of another account"));
        }
    }
    match (reach, &grant.profile) {
        (Reach::Profile, Some(mine)) if asked.person()?.profile != *mine => {
            return Err(Problem::forbidden("the token is of another profile"));
        }
        (Reach::WholeAccount | Reach::AllAccounts | Reach::Node, Some(_)) => {
            return Err(Problem::forbidden("the token is limited to a profile, and this is not"));
        }
        _ => {}
    }
    if reach == Reach::AllAccounts && grant.account.is_some() {
        return Err(Problem::forbidden("this needs a token for all accounts, whose sub is *"));
    }
    suffices(grant, need)
}

/// Makes sure that a token's scope has what is needed.
///
/// # Errors
/// 403.
pub(super) fn suffices(grant: &Grant, need: Need) -> Result<(), Problem> {
    if need.is_met(grant.scopes) {
        return Ok(());
    }
    let words = need.words().join(" or ");
    Err(Problem::forbidden(format!("the token's scope lacks {words}")))
}
