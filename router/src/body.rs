//! The bodies of requests, as they arrive: they take room in memory together, not each for itself.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::Stream;
use healthbridge_listener::Held;
use hive_router::ntex::{
    http::{Payload, error::PayloadError},
    util::Bytes,
    web::{DefaultError, WebRequest},
};

/// Lets the request's body take room as it arrives.
pub(crate) fn bound(request: &mut WebRequest<DefaultError>, held: Arc<Held>) {
    let payload = request.take_payload();
    request.set_payload(Payload::from_stream(Arriving { payload, held }));
}

struct Arriving {
    payload: Payload,
    held: Arc<Held>,
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.payload.poll_recv(cx)) {
                // Nothing more of it is kept, but it is read: a client that is cut off while it sends misses the answer.
                Some(Ok(bytes)) if !self.held.grow(bytes.len()) => {}
                None if self.held.is_refused() => {
                    return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::OutOfMemory).into())));
                }
                arrived => return Poll::Ready(arrived),
            }
        }
    }
}
