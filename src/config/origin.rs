//! A web origin, as browsers write it: scheme, host and, unless it is the scheme's own, port.

use std::str::FromStr;

use serde::Deserialize;

/// A web origin, in the one form in which browsers send it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct WebOrigin {
    text: String,
    host_at: usize,
}

/// Why a text is not a web origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be scheme and host without a path, such as https://tv.example.org")]
pub struct OriginError;

impl WebOrigin {
    /// What a browser sends as `Origin`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it sends as `Host`: the host, with its port unless that is the scheme's own.
    pub fn host(&self) -> &str {
        self.text.get(self.host_at..).unwrap_or_default()
    }
}

impl FromStr for WebOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.trim_end_matches('/').to_lowercase();
        let (scheme, host) = text.split_once("://").ok_or(OriginError)?;
        let own_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(OriginError),
        };
        let host = host.strip_suffix(own_port).unwrap_or(host);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if host.is_empty() || host.starts_with(':') || !host.chars().all(allowed) {
            return Err(OriginError);
        }
        let host_at = scheme.len() + "://".len();
        Ok(Self { text: format!("{scheme}://{host}"), host_at })
    }
}

impl TryFrom<String> for WebOrigin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}
