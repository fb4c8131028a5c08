use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests run at once, and how many wait for it. More than that are turned away at once: a request that waits
/// longer than its client does is work for nobody.
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    patience: Duration,
}

/// A place that is free again when this is dropped.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new(places: usize, most_waiting: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), waiting: AtomicUsize::new(0), most_waiting, patience }
    }

    /// A place, after a short wait if need be; nothing where too many wait already, or none became free in time.
    pub(crate) async fn enter(&self) -> Option<Place> {
        if let Ok(permit) = self.places.clone().try_acquire_owned() {
            return Some(Place { _permit: permit });
        }
        let _waiting = Waiting::begin(&self.waiting, self.most_waiting)?;
        let waited = tokio::time::timeout(self.patience, self.places.clone().acquire_owned()).await;
        waited.ok()?.ok().map(|permit| Place { _permit: permit })
    }
}

/// Counts who waits, also when the client goes meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(count);
        (before < most).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_waits_and_who_finds_no_room_to_wait_is_turned_away() {
        let gate = Arc::new(Gate::new(1, 1, Duration::from_secs(60)));
        let first = gate.enter().await.expect("a place");
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter().await.is_some() }
        });
        while gate.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(gate.enter().await.is_none());
        drop(first);
        assert!(waiting.await.expect("no panic"));
    }

    #[tokio::test]
    async fn who_goes_while_waiting_leaves_room() {
        let gate = Gate::new(1, 1, Duration::from_secs(60));
        let place = gate.enter().await.expect("a place");
        assert!(tokio::time::timeout(Duration::from_millis(1), gate.enter()).await.is_err());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
        drop(place);
        assert!(gate.enter().await.is_some());
    }
}
