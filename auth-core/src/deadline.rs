//! The deadline of a store's calls.

use std::{future::Future, time::Duration};

use crate::{ConfigError, StoreError};

/// The default deadline of a store's calls: 2 seconds.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);

/// Returns `limit` if it can be the deadline of a store's calls.
///
/// # Errors
/// [`ConfigError`] naming `deadline` if `limit` is zero, because no call would succeed.
pub fn checked_deadline(limit: Duration) -> Result<Duration, ConfigError> {
    if limit.is_zero() {
        return Err(ConfigError::new(
            "deadline",
            "is zero, so that no call could succeed",
        ));
    }
    Ok(limit)
}

/// Runs a store's `call` with the deadline `limit`. After that it drops the call.
///
/// # Errors
/// The call's own error, or [`StoreError::timeout`] past the deadline.
pub async fn with_deadline<T, E: From<StoreError>>(
    store: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(StoreError::timeout(store, limit).into()),
    }
}
