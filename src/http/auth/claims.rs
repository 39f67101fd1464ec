//! What a token says of its bearer, judged by this server's clock.

use serde::Deserialize;

use crate::events::{AccountId, ProfileId, Timestamp};

/// How far the clock of whoever made a token may be off.
pub(super) const LEEWAY_MS: i64 = 10_000;
/// What stands for all accounts.
pub(super) const ALL_ACCOUNTS: &str = "*";

/// The claims of a token as they stand in it; others are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: String,
    #[serde(default)]
    scope: String,
    exp: f64,
    nbf: Option<f64>,
    aud: Option<Audience>,
    profile: Option<String>,
    #[expect(dead_code, reason = "its type is checked; nobody counts streams yet")]
    streams: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What a token lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// Whose data; all accounts' where there is none.
    pub(super) account: Option<AccountId>,
    /// The one profile that is seen and written, if it is limited to one.
    pub(super) profile: Option<ProfileId>,
    /// What may be done.
    pub(super) scopes: Scopes,
    /// Until when; none of the token that a server leaves on its own machine.
    pub(super) expires_at: Option<Timestamp>,
}

/// The words of `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes {
    /// Facts, a person's words, erasing single plays and titles.
    pub record: bool,
    /// Answers, the feed, the export.
    pub read: bool,
    /// Operations, erasing profiles and accounts.
    pub admin: bool,
}

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self { record: true, read: true, admin: true };

    /// The known ones among words with spaces between; others may be meant for other services.
    pub(super) fn of(text: &str) -> Self {
        let has = |word| text.split_ascii_whitespace().any(|given| given == word);
        Self { record: has("record"), read: has("read"), admin: has("admin") }
    }

    /// As `scope` has them.
    pub(super) fn words(self) -> String {
        let words = [(self.record, "record"), (self.read, "read"), (self.admin, "admin")];
        let words: Vec<_> = words.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
        words.join(" ")
    }
}

/// Why a token gives its bearer nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is no signed JWT, or asks for what is not known here.
    NotAToken,
    /// No key that is known here made its signature.
    Unknown,
    /// A claim is missing, or not what it should be.
    Claims(&'static str),
    /// It was good until then.
    Expired(Timestamp),
    /// It is good from then on.
    Early(Timestamp),
    /// It is meant for others.
    Audience,
    /// The keys cannot be had at the moment.
    Unavailable,
}

const MISSHAPEN: &str = "a claim is missing or not what it should be: sub, scope and profile are \
                         texts, exp and nbf numbers of seconds, streams a whole number";

impl Unfit {
    /// Claims that cannot be read.
    pub(super) const MISSHAPEN: Self = Self::Claims(MISSHAPEN);
}

impl Grant {
    /// Judges the claims of a token whose signature is good.
    pub(super) fn of(
        claims: Claims,
        now: Timestamp,
        audience: Option<&str>,
    ) -> Result<Self, Unfit> {
        let expires_at = instant(claims.exp);
        if is_over(expires_at, now) {
            return Err(Unfit::Expired(expires_at));
        }
        let valid_from = claims.nbf.map(instant).filter(|from| now.plus_ms(LEEWAY_MS) < *from);
        if let Some(valid_from) = valid_from {
            return Err(Unfit::Early(valid_from));
        }
        if !is_for_us(claims.aud.as_ref(), audience) {
            return Err(Unfit::Audience);
        }
        let account = match claims.sub.as_str() {
            ALL_ACCOUNTS => None,
            account => Some(
                AccountId::new(account)
                    .map_err(|_| Unfit::Claims("sub is neither an account nor *"))?,
            ),
        };
        let profile = claims.profile.as_deref().map(ProfileId::new).transpose();
        Ok(Self {
            account,
            profile: profile.map_err(|_| Unfit::Claims("profile is no profile's id"))?,
            scopes: Scopes::of(&claims.scope),
            expires_at: Some(expires_at),
        })
    }

    /// Whether the token is still good then.
    pub(super) fn is_good_at(&self, now: Timestamp) -> bool {
        !self.expires_at.is_some_and(|at| is_over(at, now))
    }

    /// Of the token that a server leaves for programs of its own machine.
    pub(super) fn of_this_machine() -> Self {
        Self { account: None, profile: None, scopes: Scopes::ALL, expires_at: None }
    }
}

/// RFC 7519, section 4.1.3: a token that names whom it is for is for nobody else.
fn is_for_us(named: Option<&Audience>, ours: Option<&str>) -> bool {
    match (named, ours) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(Audience::One(named)), Some(ours)) => named == ours,
        (Some(Audience::Several(named)), Some(ours)) => named.iter().any(|named| named == ours),
    }
}

fn is_over(expires_at: Timestamp, now: Timestamp) -> bool {
    now >= expires_at.plus_ms(LEEWAY_MS)
}

fn instant(seconds: f64) -> Timestamp {
    Timestamp::from_ms((seconds * 1_000.0) as i64)
}
