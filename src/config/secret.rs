//! The secret that tokens are signed with, and where the keys of others are asked for.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// HS256 is as strong as its secret: RFC 7518, section 3.2.
const SECRET_BYTES_MIN: usize = 32;

/// A secret, or none; never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(String);

/// Why a text is no secret; it does not say which text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {SECRET_BYTES_MIN} bytes, such as openssl rand -hex 32 gives")]
pub struct SecretError;

impl Secret {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Secret(…)" } else { "Secret()" })
    }
}

impl TryFrom<String> for Secret {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        if text.is_empty() || text.len() >= SECRET_BYTES_MIN {
            Ok(Self(text))
        } else {
            Err(SecretError)
        }
    }
}

/// The address of a key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetUrl(String);

/// Why a text is not the address of a key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an address such as https://login.example.org/jwks.json, without a password")]
pub struct UrlError;

impl KeySetUrl {
    /// As it is asked.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether whoever is on the way to it could put in other keys.
    pub fn is_elsewhere(&self) -> bool {
        let Some(host) = self.0.strip_prefix("http://") else { return false };
        !["127.0.0.1", "localhost", "[::1]"].iter().any(|here| {
            host.strip_prefix(here)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        })
    }
}

impl FromStr for KeySetUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = reqwest::Url::parse(text).map_err(|_| UrlError)?;
        match url.scheme() {
            "http" | "https"
                if url.has_host() && url.username().is_empty() && url.password().is_none() =>
            {
                Ok(Self(url.into()))
            }
            _ => Err(UrlError),
        }
    }
}
