//! A hash that waits for a thread.

use std::time::{Duration, Instant};

use auth_core::StoreError;
use tokio::sync::oneshot;

use crate::password_hasher::Memory;

/// A job that a thread takes from a queue.
pub(super) trait Job: Send {
    /// True if a caller still waits, and can get the answer in time if the hash takes as long as `expected`.
    fn is_worth_it(&self, expected: Duration) -> bool;

    /// True if no caller waits any more.
    fn is_abandoned(&self) -> bool;

    /// Hashes.
    fn run(self: Box<Self>, memory: &mut Memory) -> Ran;

    /// Sends `error` instead of hashing.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// A hash that has run.
pub(super) struct Ran {
    /// True if it was computed. It fails at once if there is no memory.
    pub(super) has_hashed: bool,
    /// Sends the answer to the waiting caller.
    pub(super) hand_over: Box<dyn FnOnce() + Send>,
}

/// A call that waits for its answer.
pub(super) struct Task<T, F> {
    pub(super) hash: F,
    pub(super) tell: oneshot::Sender<Result<T, StoreError>>,
    pub(super) deadline: Instant,
}

impl<T, F> Job for Task<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Memory) -> Result<T, StoreError> + Send,
{
    fn is_worth_it(&self, expected: Duration) -> bool {
        !self.is_abandoned() && Instant::now() + expected <= self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.tell.is_closed()
    }

    fn run(self: Box<Self>, memory: &mut Memory) -> Ran {
        let answer = (self.hash)(memory);
        let tell = self.tell;
        Ran {
            has_hashed: answer.is_ok(),
            // This fails if the caller has left, which is fine.
            hand_over: Box::new(move || drop(tell.send(answer))),
        }
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        drop(self.tell.send(Err(error)));
    }
}
