//! A bound on what a socket may send without completing a message.
//!
//! actix-http 3.20 looks at the size of a frame only when the whole of it has arrived
//! (`ws/frame.rs`), so a frame that never ends would fill the memory. Frames that do end are
//! measured there, exactly.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::dev;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{FromRequest, HttpRequest};
use futures_util::Stream;

/// More than what one look at the connection can bring beyond the message that it completes.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// Counts what arrived since the last message.
#[derive(Clone, Default)]
pub(super) struct Leash(Rc<Cell<usize>>);

impl Leash {
    /// The same payload, which fails once it is `bytes_max` past the last message.
    pub(super) async fn bind(
        &self,
        request: &HttpRequest,
        payload: Payload,
        bytes_max: usize,
    ) -> Result<Payload, actix_web::Error> {
        let bytes_max = bytes_max.saturating_add(READ_AHEAD_BYTES);
        let bound = Bound { payload: payload.into_inner(), leash: self.clone(), bytes_max };
        let mut payload: dev::Payload = dev::Payload::Stream { payload: Box::pin(bound) };
        Payload::from_request(request, &mut payload).await
    }

    /// A message is complete.
    pub(super) fn loosen(&self) {
        self.0.set(0);
    }
}

struct Bound {
    payload: dev::Payload,
    leash: Leash,
    bytes_max: usize,
}

impl Stream for Bound {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.payload).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            let counted = self.leash.0.get().saturating_add(bytes.len());
            self.leash.0.set(counted);
            if counted > self.bytes_max {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
        }
        next
    }
}
