//! Reference stores in memory, for tests and trials, and as examples of the contracts.
//!
//! Nothing survives the process. Only [`PurgeExpired`](crate::PurgeExpired) removes expired tokens and sessions.

mod access_token;
mod session;
mod user;

pub use access_token::MemoryAccessTokenStore;
pub use session::MemorySessionStore;
pub use user::MemoryUserStore;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ignores poisoning: no code under the lock leaves the data half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
