//! Where a request may carry its token: `Authorization` everywhere, and what browsers can do where
//! they cannot set it.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use super::rules::Places;
use crate::http::Problem;

/// Longer than any that a provider makes; nobody's patience is spent on more.
const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Before the token, among the subprotocols that a socket offers.
const SUBPROTOCOL: &str = "token.";

/// The one token of a request; none where it has none.
///
/// # Errors
/// 401 where there are two of them, or something that is none.
pub(super) fn bearer(request: &HttpRequest, places: Places) -> Result<Option<&str>, Problem> {
    let headers = request.headers();
    let mut found = Vec::new();
    for value in headers.get_all(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(of_header);
        found.push(token.ok_or_else(|| {
            Problem::unauthenticated("Authorization holds no token; it is Bearer and the token")
        })?);
    }
    if places != Places::Header {
        let pairs = request.query_string().split('&').filter_map(|pair| pair.split_once('='));
        let tokens = pairs.filter(|(name, token)| *name == "token" && !token.is_empty());
        found.extend(tokens.map(|(_, token)| token));
    }
    if places == Places::Socket {
        let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
        let offered = offered.filter_map(|value| value.to_str().ok());
        let each = offered.flat_map(|value| value.split(','));
        found.extend(each.filter_map(|protocol| protocol.trim().strip_prefix(SUBPROTOCOL)));
    }
    let Some((token, others)) = found.split_first() else { return Ok(None) };
    if others.iter().any(|other| other != token) {
        return Err(Problem::unauthenticated("the request has two tokens; send one"));
    }
    if token.len() > TOKEN_BYTES_MAX {
        let detail = format!("the token is longer than {TOKEN_BYTES_MAX} bytes");
        return Err(Problem::unauthenticated(detail));
    }
    Ok(Some(token))
}

/// RFC 6750, section 2.1; schemes are not case-sensitive.
fn of_header(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' '))
        .then_some(token)
}
