//! How long a store's call may take.

use std::{future::Future, time::Duration};

use crate::{ConfigError, StoreError};

/// The deadline of a store's calls unless the application sets another: 2 seconds.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);

/// `limit` as the deadline of a store's calls.
///
/// # Errors
/// [`ConfigError`] naming `deadline` if `limit` is zero: no call would ever succeed.
pub fn checked_deadline(limit: Duration) -> Result<Duration, ConfigError> {
    if limit.is_zero() {
        return Err(ConfigError::new(
            "deadline",
            "is zero, so that no call could succeed",
        ));
    }
    Ok(limit)
}

/// Runs a store's `call` under a deadline of `limit`; past it the call is dropped.
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
