//! The application's code, whose panics end here.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

/// The application's code panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs the application's `code`, and catches its panic.
pub(crate) async fn caught<T>(code: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(code)
        .catch_unwind()
        .await
        .map_err(|_payload| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn e5_a_panic_in_an_applications_code_is_caught() {
        let panicking = async { panic!("on purpose") };
        assert!(caught::<()>(panicking).await.is_err());
        assert_eq!(caught(async { 7 }).await.expect("no panic"), 7);
    }
}
