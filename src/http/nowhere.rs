//! What is answered where no route is: that there is nothing, or which methods there are. The API's
//! own description knows them, so nothing is listed twice.

use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::Problem;
use super::openapi::document;

/// Every described address with its methods.
static DESCRIBED: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let paths = document().paths.paths;
    let described = paths.into_iter().map(|(path, item)| {
        let methods = [
            ("GET, HEAD", item.get.is_some()),
            ("POST", item.post.is_some()),
            ("DELETE", item.delete.is_some()),
        ];
        let taken: Vec<_> =
            methods.iter().filter(|(_, is_taken)| *is_taken).map(|(m, _)| *m).collect();
        (ResourceDef::new(path), taken.join(", "))
    });
    described.collect()
});

/// Answers a request that no route took.
pub(super) async fn nowhere(request: HttpRequest) -> HttpResponse {
    let here = DESCRIBED.iter().filter(|(address, _)| address.is_match(request.path()));
    let methods: Vec<&str> = here.map(|(_, methods)| methods.as_str()).collect();
    if methods.is_empty() {
        let detail = "there is nothing at this address; /docs lists what there is";
        return Problem::not_found(detail).error_response();
    }
    let methods = methods.join(", ");
    let detail = format!("this address takes {methods}, not {}", request.method());
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    let mut response = problem.error_response();
    if let Ok(methods) = methods.parse() {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}
