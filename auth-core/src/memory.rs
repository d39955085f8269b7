//! Reference stores in memory: for tests and trials, and to show what the contracts mean.
//!
//! Nothing survives the process, and nothing is evicted but by [`PurgeExpired`](crate::PurgeExpired).

mod access_token;
mod user;

pub use access_token::MemoryAccessTokenStore;
pub use user::MemoryUserStore;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The data is never left half-written under the lock, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
