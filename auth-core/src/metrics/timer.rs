#[cfg(feature = "metrics")]
use std::time::Instant;

#[cfg(feature = "metrics")]
use super::STORE_CALLS;

/// Records the time of a call to a store, from its beginning until this is dropped, also if the caller gives up.
///
/// ```
/// # use portcullis::{StoreError, metrics::Timer};
/// # struct Store;
/// # impl Store { async fn row(&self) -> Result<(), StoreError> { Ok(()) } }
/// # impl Store {
/// async fn find(&self) -> Result<(), StoreError> {
///     let _timed = Timer::of("my-store", "users.find");
///     self.row().await
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it records the time until it is dropped"]
pub struct Timer {
    #[cfg(feature = "metrics")]
    start: Instant,
    #[cfg(feature = "metrics")]
    call: [&'static str; 2],
}

impl Timer {
    /// Begins a call of the `operation`, such as `users.find`, of the kind of store called `store`.
    #[cfg_attr(
        not(feature = "metrics"),
        allow(unused_variables, reason = "there is nothing to record them")
    )]
    pub fn of(store: &'static str, operation: &'static str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            start: Instant::now(),
            #[cfg(feature = "metrics")]
            call: [store, operation],
        }
    }
}

#[cfg(feature = "metrics")]
impl Drop for Timer {
    fn drop(&mut self) {
        STORE_CALLS.observe(self.start.elapsed(), self.call.map(Into::into));
    }
}
