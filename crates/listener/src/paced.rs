use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::Limits;

/// A body that ends with an error when it stands still, or moves too slowly on average. Whatever it keeps busy is given back
/// with it.
pub(crate) struct Paced<K> {
    body: Body,
    begun: Instant,
    moved: u64,
    stall_timeout: Duration,
    min_bytes_per_second: u64,
    /// Set while the next bytes are waited for.
    waiting: Option<Pin<Box<Sleep>>>,
    _keeps: K,
}

impl<K> Paced<K> {
    pub(crate) fn new(body: Body, limits: &Limits, keeps: K) -> Self {
        Self {
            body,
            begun: Instant::now(),
            moved: 0,
            stall_timeout: limits.stall_timeout(),
            min_bytes_per_second: limits.min_bytes_per_second,
            waiting: None,
            _keeps: keeps,
        }
    }

    fn is_too_slow(&self) -> bool {
        let counted = self.begun.elapsed().saturating_sub(self.stall_timeout);
        self.moved < counted.as_secs().saturating_mul(self.min_bytes_per_second)
    }
}

fn too_slow() -> axum::Error {
    axum::Error::new(io::Error::new(io::ErrorKind::TimedOut, "the bytes move too slowly"))
}

impl<K: Unpin> http_body::Body for Paced<K> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let stall_timeout = this.stall_timeout;
                let sleep = this.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_timeout)));
                ready!(sleep.as_mut().poll(cx));
                return Poll::Ready(Some(Err(too_slow())));
            }
        };
        this.waiting = None;
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame) };
        this.moved += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        Poll::Ready(Some(if this.is_too_slow() { Err(too_slow()) } else { Ok(frame) }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that keeps something until it has ended.
pub(crate) struct Keeping<K> {
    body: Body,
    _keeps: K,
}

impl<K> Keeping<K> {
    pub(crate) fn new(body: Body, keeps: K) -> Self {
        Self { body, _keeps: keeps }
    }
}

impl<K: Unpin> http_body::Body for Keeping<K> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
