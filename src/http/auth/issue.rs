//! Making tokens, where the key is a secret that this server has.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::claims::{ALL_ACCOUNTS, Scopes};
use crate::events::{AccountId, ProfileId, Timestamp};

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose data; all accounts' where there is none.
    pub account: Option<AccountId>,
    /// The one profile that it is limited to, if any.
    pub profile: Option<ProfileId>,
    /// What may be done with it.
    pub scopes: Scopes,
    /// How many streams at a time.
    pub streams: Option<u32>,
    /// For whom, where servers name themselves.
    pub audience: Option<String>,
    /// When it is made.
    pub issued_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

#[derive(Serialize)]
struct Written<'a> {
    sub: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a ProfileId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    exp: i64,
}

impl NewToken {
    /// The token, signed by HS256; none where it cannot be signed.
    pub fn signed(&self, secret: &[u8]) -> Option<String> {
        let written = Written {
            sub: self.account.as_ref().map_or(ALL_ACCOUNTS, AccountId::as_str),
            scope: self.scopes.words(),
            profile: self.profile.as_ref(),
            streams: self.streams,
            aud: self.audience.as_deref(),
            iat: self.issued_at.ms() / 1_000,
            exp: self.expires_at.ms() / 1_000,
        };
        let header = Header::new(Algorithm::HS256);
        encode(&header, &written, &EncodingKey::from_secret(secret)).ok()
    }
}
