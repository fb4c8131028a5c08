use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Limits;

/// So many bodies of the largest size may be in memory before their requests run.
const BODIES: usize = 32;

/// The memory that bodies may take together as they arrive.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Room for these limits' bodies.
    pub fn new(limits: &Limits) -> Self {
        let bytes = limits.max_body_bytes.saturating_mul(BODIES).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// What a body holds of it: nothing yet.
    pub fn enter(&self) -> Held {
        let nothing = self.0.clone().try_acquire_many_owned(0).ok();
        Held { room: self.clone(), bytes: Mutex::new(nothing) }
    }
}

/// What one body holds of the room, given back with it.
#[derive(Debug)]
pub struct Held {
    room: Room,
    /// None once there was no more room.
    bytes: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Held {
    /// Takes room for what has arrived and not for what is announced: who announces much and sends little takes little.
    /// Where there is none, the body gives back what it holds and gets no more.
    pub fn grow(&self, bytes: usize) -> bool {
        let more = u32::try_from(bytes).ok().and_then(|bytes| self.room.0.clone().try_acquire_many_owned(bytes).ok());
        let mut held = self.bytes();
        match (held.as_mut(), more) {
            (Some(held), Some(more)) => held.merge(more),
            _ => *held = None,
        }
        held.is_some()
    }

    /// Whether there was no room for it.
    pub fn is_refused(&self) -> bool {
        self.bytes().is_none()
    }

    fn bytes(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_finds_no_room_makes_room_and_gets_no_more_of_it() {
        let room = Room::new(&Limits { max_body_bytes: 1, ..Limits::default() });
        let (first, second) = (room.enter(), room.enter());
        assert!(first.grow(BODIES / 2) && second.grow(BODIES / 2));
        assert!(!first.grow(1) && first.is_refused());
        assert!(second.grow(BODIES / 2) && !first.grow(0));
        drop(second);
        assert!(room.enter().grow(BODIES) && !first.grow(1));
    }
}
