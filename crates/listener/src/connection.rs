use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::{Limits, serve::refused};

/// What a connection is doing, from which its deadline follows.
pub(crate) struct Activity {
    part: &'static str,
    header_timeout: Duration,
    idle_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// Requests whose answers have not ended.
    under_way: usize,
    /// When the first byte of the next head came.
    head_since: Option<Instant>,
    idle_since: Instant,
    /// Whether there was a request yet: the first one must come as soon as its head would have to.
    served: bool,
}

impl Activity {
    pub(crate) fn new(part: &'static str, limits: &Limits) -> Self {
        let state = State { under_way: 0, head_since: None, idle_since: Instant::now(), served: false };
        Self {
            part,
            header_timeout: limits.header_timeout(),
            idle_timeout: limits.idle_timeout(),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head is there; it is under way until what this gives is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut state = self.state();
        state.under_way += 1;
        state.head_since = None;
        state.served = true;
        UnderWay(self.clone())
    }

    fn heard(&self) {
        let mut state = self.state();
        if state.under_way == 0 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// When the connection ends unless more comes, and whether that would be a head that is too slow.
    fn deadline(&self) -> Option<(Instant, bool)> {
        let state = self.state();
        match state.head_since {
            _ if state.under_way > 0 => None,
            _ if !state.served => Some((state.idle_since + self.header_timeout, true)),
            Some(begun) => Some((begun + self.header_timeout, true)),
            _ => Some((state.idle_since + self.idle_timeout, false)),
        }
    }
}

/// Marks a request as under way.
pub(crate) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        state.idle_since = Instant::now();
    }
}

/// A connection with deadlines: for the next head while nothing is under way, and for its client to read.
pub(crate) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
    stall_timeout: Duration,
    reading: Option<(Instant, Pin<Box<Sleep>>)>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>, limits: &Limits) -> Self {
        Self { stream, activity, stall_timeout: limits.stall_timeout(), reading: None, writing: None }
    }

    /// Pending until the deadline, an error then.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((deadline, is_head)) = self.activity.deadline() else { return Poll::Pending };
        match &mut self.reading {
            Some((armed, _)) if *armed == deadline => {}
            Some((armed, sleep)) => {
                *armed = deadline;
                sleep.as_mut().reset(deadline);
            }
            none => *none = Some((deadline, Box::pin(tokio::time::sleep_until(deadline)))),
        }
        if let Some((_, sleep)) = &mut self.reading {
            ready!(sleep.as_mut().poll(cx));
        }
        if is_head {
            refused(self.activity.part, "slow_head");
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// An error when the client has read nothing for too long.
    fn wait_for_reader<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let stall_timeout = self.stall_timeout;
        let sleep = self.writing.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_timeout)));
        ready!(sleep.as_mut().poll(cx));
        refused(self.activity.part, "slow_reader");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    self.activity.heard();
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.wait_for_head(cx),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wait_for_reader(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wait_for_reader(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
