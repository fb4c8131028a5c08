use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a listener takes of its clients, the same for every part. Each has a default that suits a hospital.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How long the head of a request may take, and a new connection until its first one, in milliseconds.
    pub header_timeout_ms: u64,
    /// How long a connection may be silent between two requests, in milliseconds. Longer than clients keep one they mean to
    /// use again (the router: 50 s), whose next request would be lost otherwise.
    pub idle_timeout_ms: u64,
    /// How long a JSON body may take, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long an object's bytes may stand still on their way in or out, in milliseconds; likewise any answer that its
    /// client does not read.
    pub stall_timeout_ms: u64,
    /// How many bytes a second an object must make on average, once its stall time is over.
    pub min_bytes_per_second: u64,
    /// The largest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// The largest JSON body, in bytes.
    pub max_body_bytes: usize,
    /// Most connections at once. One more is closed as soon as it comes.
    pub connections: usize,
    /// Most requests that run at once.
    pub requests: usize,
    /// Most requests that wait for their turn. One more is refused at once, with 503 and `Retry-After`.
    pub queue: usize,
    /// How long a request may wait for its turn, in milliseconds; then it is refused, too.
    pub queue_timeout_ms: u64,
    /// How long the router waits for a subgraph's answer, in milliseconds.
    pub subgraph_timeout_ms: u64,
    /// How long what has begun may take to end when the part stops, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout_ms: 10_000,
            idle_timeout_ms: 75_000,
            body_timeout_ms: 10_000,
            stall_timeout_ms: 30_000,
            min_bytes_per_second: 16 * 1024,
            max_header_bytes: 64 * 1024,
            max_body_bytes: 2 * 1024 * 1024,
            connections: 1024,
            requests: 64,
            queue: 128,
            queue_timeout_ms: 500,
            subgraph_timeout_ms: 30_000,
            drain_timeout_ms: 10_000,
        }
    }
}

impl Limits {
    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        Duration::from_millis(self.stall_timeout_ms)
    }

    pub(crate) fn queue_timeout(&self) -> Duration {
        Duration::from_millis(self.queue_timeout_ms)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}
