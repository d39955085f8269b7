//! The seed of random calls.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// The seed that `TEST_SEED` has, or a new one.
pub(super) fn seed() -> u64 {
    match std::env::var("TEST_SEED") {
        Ok(seed) => seed.parse().expect("TEST_SEED is a number of 64 bits"),
        Err(_absent) => fastrand::u64(..),
    }
}

/// Runs `calls`, which are drawn from `seed`. If they fail, the message says the seed.
pub(super) async fn drawn_from<T>(seed: u64, calls: impl Future<Output = T>) -> T {
    let mut calls = pin!(calls);
    poll_fn(|context| {
        // Nobody sees what a panic leaves behind: this goes on with it.
        match catch_unwind(AssertUnwindSafe(|| calls.as_mut().poll(context))) {
            Ok(Poll::Ready(answer)) => Poll::Ready(answer),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                let problem = text.unwrap_or("a call failed");
                panic!("{problem}; the calls are those of TEST_SEED={seed}");
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "7 is not 8; the calls are those of TEST_SEED=18446744073709551615")]
    fn a_failure_says_the_seed() {
        crate::conformance::run(drawn_from(u64::MAX, async {
            tokio::task::yield_now().await;
            panic!("{} is not 8", 7);
        }));
    }
}
