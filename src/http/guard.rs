//! Who may call at all: this machine's own programs, and web pages that this server made or was
//! told of. API contract, section 6.
//!
//! A page from elsewhere can make a browser call loopback. It cannot forge `Host` or `Origin`, so
//! these two decide. Where tokens are needed any `Host` will do: a page that brings this server's
//! address under its own name brings no token, for browsers add none by themselves.

use std::net::{Ipv4Addr, Ipv6Addr};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::auth::admitted;
use super::{Node, Problem, Settings};

/// Lets a request through if its `Host` and `Origin` may call, and answers preflights.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(node) = request.app_data::<web::Data<Node>>().cloned() else {
        return Err(Problem::unavailable("the server is not ready").into());
    };
    let host = checked_host(&request, &node)?;
    let Some(origin) = checked_origin(request.headers(), &host, &node.settings)? else {
        return admitted(request, next, &node).await;
    };
    let is_own = is_page_of(&origin, &host);
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        return Ok(request.into_response(preflight(&origin)));
    }
    let mut response = admitted(request, next, &node).await?;
    if !is_own {
        share(response.headers_mut(), origin);
    }
    Ok(response)
}

/// Every host that the request names, in a header or in its target, must be ours, or the same where
/// tokens say who asks; gives the last.
fn checked_host(request: &ServiceRequest, node: &Node) -> Result<String, Problem> {
    let named = request.headers().get_all(HOST).map(|host| host.to_str().unwrap_or_default());
    let target = request.uri().authority().map(|authority| authority.as_str());
    let mut ours: Option<String> = None;
    for host in named.chain(target) {
        let is_taken = match &node.tokens {
            Some(_) => ours.as_deref().is_none_or(|other| other.eq_ignore_ascii_case(host)),
            None => is_ours(host, &node.settings),
        };
        if !is_taken {
            return Err(foreign_host());
        }
        ours = Some(host.to_ascii_lowercase());
    }
    ours.ok_or_else(foreign_host)
}

fn foreign_host() -> Problem {
    Problem::forbidden(
        "this host is not answered; call 127.0.0.1 or localhost, or set public_url to the address \
         that people use",
    )
}

fn is_ours(host: &str, settings: &Settings) -> bool {
    let name = without_port(host);
    let is_public = settings.public_host.as_deref().is_some_and(|public| {
        public.eq_ignore_ascii_case(host) || name.is_some_and(|it| public.eq_ignore_ascii_case(it))
    });
    is_public || name.is_some_and(is_loopback)
}

/// The name before the port; none where what follows it is no port.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, port) = host.split_at_checked(end)?;
    let digits = if port.is_empty() { "" } else { port.strip_prefix(':')? };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    if let Some(six) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return six.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The page that calls, if a page does.
fn checked_origin(
    headers: &HeaderMap,
    host: &str,
    settings: &Settings,
) -> Result<Option<HeaderValue>, Problem> {
    for origin in headers.get_all(ORIGIN) {
        if !is_page_of(origin, host) && !is_allowed(origin, settings) {
            return Err(Problem::forbidden(
                "this page is of another site; name its origin in allowed_origins to let it call",
            ));
        }
    }
    Ok(headers.get(ORIGIN).cloned())
}

/// Whether a page was served by this very host.
fn is_page_of(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn is_allowed(origin: &HeaderValue, settings: &Settings) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    settings.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

fn preflight(origin: &HeaderValue) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    share(headers, origin.clone());
    let mut say = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    say(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE");
    say(
        ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-encoding, content-type, idempotency-key, if-none-match",
    );
    say(ACCESS_CONTROL_MAX_AGE, "600");
    response
}

fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("retry-after, etag");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
