//! HEAD: answered as the GET that it stands for, without its body.

use std::convert::Infallible;

use actix_web::Error;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use futures_util::stream;

/// What a request is answered with; of a HEAD the server itself leaves out the body.
pub(super) async fn answered<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let response = next.call(request).await?.map_into_boxed_body();
    let is_endless = is_head && response.response().body().size() == BodySize::Stream;
    Ok(if is_endless { response.map_body(|_, _| ended()) } else { response })
}

/// A stream that is over, in place of one that would be followed without being read.
fn ended() -> BoxBody {
    BoxBody::new(BodyStream::new(stream::empty::<Result<Bytes, Infallible>>()))
}
