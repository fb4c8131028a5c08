use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Limits;

/// Requests that run, and those that wait for their turn. More than that are turned away at once: a request that waits
/// longer than its client does is work for nobody.
#[derive(Debug)]
pub struct Lane {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Lane {
    /// A lane with so many turns.
    pub fn new(limits: &Limits) -> Self {
        Self { turns: Arc::new(Semaphore::new(limits.requests)), waiting: AtomicUsize::new(0) }
    }

    /// Whether one more would be turned away: who knows it early spares the work that comes before a turn.
    pub fn is_full(&self, limits: &Limits) -> bool {
        self.turns.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= limits.queue
    }

    /// A turn, at once or after a short wait; none when too many wait already or the wait was too long.
    pub async fn turn(&self, limits: &Limits) -> Option<OwnedSemaphorePermit> {
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Some(turn);
        }
        let _place = Place::take(&self.waiting, limits.queue)?;
        tokio::time::timeout(limits.queue_timeout(), self.turns.clone().acquire_owned()).await.ok()?.ok()
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        // Made before it is counted: refused ones are taken back, too.
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: fn() -> Limits = || Limits { requests: 1, queue: 1, queue_timeout_ms: 60_000, ..Limits::default() };

    #[tokio::test]
    async fn who_finds_no_turn_waits_and_who_finds_no_room_to_wait_is_turned_away() {
        let lane = Arc::new(Lane::new(&LIMITS()));
        let first = lane.turn(&LIMITS()).await.expect("a turn");
        let waiting = tokio::spawn({
            let lane = lane.clone();
            async move { lane.turn(&LIMITS()).await.is_some() }
        });
        while lane.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(lane.turn(&LIMITS()).await.is_none());
        drop(first);
        assert!(waiting.await.expect("no panic"));
    }

    #[tokio::test]
    async fn who_goes_while_waiting_leaves_room() {
        let lane = Lane::new(&LIMITS());
        let turn = lane.turn(&LIMITS()).await.expect("a turn");
        assert!(tokio::time::timeout(Duration::from_millis(1), lane.turn(&LIMITS())).await.is_err());
        assert_eq!(lane.waiting.load(Ordering::Relaxed), 0);
        drop(turn);
        assert!(lane.turn(&LIMITS()).await.is_some());
    }
}
