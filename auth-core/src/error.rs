//! What a store reports when it cannot answer, and what a bad configuration reports at start.

use std::{error::Error, fmt, future::Future, time::Duration};

/// A store did not answer, or answered something that cannot be understood.
///
/// It never means "not found" or "not logged in": a client that meets it is told 503 and keeps its credentials.
/// The source is for logs; no part of this error reaches a client.
#[derive(Debug)]
pub struct StoreError {
    store: &'static str,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Failed(Box<dyn Error + Send + Sync>),
    Timeout(Duration),
    Overloaded(Duration),
}

impl StoreError {
    /// `store` (say, `"sqlite"`) failed because of `source`.
    pub fn new(store: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            store,
            kind: Kind::Failed(source.into()),
        }
    }

    /// `store` did not answer within `limit`.
    #[must_use]
    pub fn timeout(store: &'static str, limit: Duration) -> Self {
        Self {
            store,
            kind: Kind::Timeout(limit),
        }
    }

    /// `store` has more work than it can do in time, and expects to have room again after `retry_after`.
    #[must_use]
    pub fn overloaded(store: &'static str, retry_after: Duration) -> Self {
        Self {
            store,
            kind: Kind::Overloaded(retry_after),
        }
    }

    /// The name of the store.
    #[must_use]
    pub fn store(&self) -> &'static str {
        self.store
    }

    /// Whether the store let its deadline pass.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Timeout(_))
    }

    /// When to try again, if the store knows.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Overloaded(retry_after) => Some(retry_after),
            Kind::Failed(_) | Kind::Timeout(_) => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Failed(source) => write!(f, "{}: {source}", self.store),
            Kind::Timeout(limit) => write!(f, "{}: no answer within {limit:?}", self.store),
            Kind::Overloaded(retry_after) => {
                write!(
                    f,
                    "{}: overloaded, with room again in about {retry_after:.1?}",
                    self.store
                )
            }
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Failed(source) => Some(&**source),
            Kind::Timeout(_) | Kind::Overloaded(_) => None,
        }
    }
}

/// A setting with which nothing may start.
///
/// Its `Debug` is its message, since that is what a `main` that returns it prints.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ConfigError {
    /// `setting` cannot be used because of `problem`, which never repeats a secret.
    pub fn new(setting: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.to_string(),
        }
    }

    /// The name of the setting.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

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
