//! The dashboard: files inside the binary, served under a policy that lets nothing in from
//! elsewhere.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETag, EntityTag, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse, get};
use xxhash_rust::xxh3::xxh3_64;

use super::Problem;
use super::parameters::Parameters;
use super::read::is_known;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// Where the name stands in `/ui/{file}`.
const FILE: usize = 2;

const INDEX: &str = include_str!("../ui/index.html");
const ACCOUNT: &str = include_str!("../ui/account.html");

/// What the pages are made of, under `/ui/`.
const FILES: [(&str, &str); 15] = [
    ("account.js", include_str!("../ui/account.js")),
    ("api.js", include_str!("../ui/api.js")),
    ("app.js", include_str!("../ui/app.js")),
    ("chart.js", include_str!("../ui/chart.js")),
    ("dom.js", include_str!("../ui/dom.js")),
    ("history.js", include_str!("../ui/history.js")),
    ("home.js", include_str!("../ui/home.js")),
    ("icon.svg", include_str!("../ui/icon.svg")),
    ("live.js", include_str!("../ui/live.js")),
    ("now.js", include_str!("../ui/now.js")),
    ("profile.js", include_str!("../ui/profile.js")),
    ("shelf.js", include_str!("../ui/shelf.js")),
    ("style.css", include_str!("../ui/style.css")),
    ("title.js", include_str!("../ui/title.js")),
    ("words.js", include_str!("../ui/words.js")),
];

/// The routes of the dashboard.
pub(super) fn page_routes(config: &mut ServiceConfig) {
    config.service(show_home).service(show_account).service(read_file);
}

/// The front page.
#[get("/")]
async fn show_home(request: HttpRequest) -> HttpResponse {
    sent(&request, "index.html", INDEX)
}

/// An account's page; the script asks for what it shows.
#[get("/accounts/{account}")]
async fn show_account(request: HttpRequest) -> HttpResponse {
    sent(&request, "account.html", ACCOUNT)
}

/// A script, style or picture of the pages.
#[get("/ui/{file}")]
async fn read_file(request: HttpRequest, asked: Parameters) -> Result<HttpResponse, Problem> {
    let found = FILES.iter().find(|(name, _)| *name == asked.segment(FILE));
    let (name, text) = found.ok_or_else(|| Problem::not_found("the dashboard has no such file"))?;
    Ok(sent(&request, name, text))
}

fn sent(request: &HttpRequest, name: &str, text: &'static str) -> HttpResponse {
    let tag = EntityTag::new_strong(format!("{:016x}", xxh3_64(text.as_bytes())));
    let is_known = is_known(request, &tag);
    let mut response = HttpResponse::Ok();
    response
        .content_type(kind_of(name))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(ETag(tag));
    if is_known {
        return response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish();
    }
    response.body(text)
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}
