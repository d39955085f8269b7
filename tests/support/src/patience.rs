//! What a test waits for, and how long.

use std::time::Duration;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `done`.
///
/// # Panics
/// If that takes more than a minute.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let becomes_true = async {
        while !done().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, becomes_true).await;
    assert!(in_time.is_ok(), "in vain: until {what}");
}

/// What comes of `work`, which a server may hold up.
///
/// # Panics
/// If that takes more than a minute.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_elapsed| panic!("in vain: {what}"))
}
