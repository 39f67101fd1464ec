//! Who may call at all, as long as there are no tokens: this machine's own programs, and web pages
//! that this server made or was told of.
//!
//! A page from elsewhere can make a browser call loopback. It cannot forge `Host` or `Origin`, so
//! these two decide. API contract, section 6.

use std::net::{IpAddr, Ipv6Addr};

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

use super::head::answered;
use super::{Problem, Service, Settings};

/// Lets a request through if its `Host` and `Origin` may call, and answers preflights.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(service) = request.app_data::<web::Data<Service>>().cloned() else {
        return Err(Problem::unavailable("the server is not ready").into());
    };
    let headers = request.headers();
    let host = checked_host(headers, &service.settings)?;
    let Some(origin) = headers.get(ORIGIN).cloned() else {
        return answered(request, next).await;
    };
    let is_own = origin.to_str().is_ok_and(|origin| is_page_of(origin, &host));
    if !is_own && !is_allowed(&origin, &service.settings) {
        return Err(Problem::forbidden(
            "this page is of another site; name its origin in allowed_origins to let it call",
        )
        .into());
    }
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        return Ok(request.into_response(preflight(&origin)));
    }
    let mut response = answered(request, next).await?;
    if !is_own {
        share(response.headers_mut(), origin);
    }
    Ok(response)
}

fn checked_host(headers: &HeaderMap, settings: &Settings) -> Result<String, Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = without_port(host);
    let is_public = settings.public_host.as_ref().is_some_and(|public| {
        public.eq_ignore_ascii_case(host) || public.eq_ignore_ascii_case(name)
    });
    if is_public || is_loopback(name) {
        return Ok(host.to_ascii_lowercase());
    }
    Err(Problem::forbidden(
        "this host is not answered; call 127.0.0.1 or localhost, or set public_url to the address \
         that people use",
    ))
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(six) => six.split_once(']').map_or("", |(six, _)| six),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(name: &str) -> bool {
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match name.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => address == Ipv6Addr::LOCALHOST,
        Err(_) => false,
    }
}

/// Whether a page was served by this very host.
fn is_page_of(origin: &str, host: &str) -> bool {
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
