//! The suite can fail: for each of its promises a store with one defect breaks that promise, and is caught.
#![cfg(feature = "conformance")]

mod access_tokens;
mod handle;
mod sessions;
mod user_caches;
mod users;

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use auth_core::conformance;

/// Names one test for each promise, which runs it against a store with each of the defects.
macro_rules! breaks {
    ($suite:ident, $fixture:ident { $($promise:ident: $($defect:ident),+;)* }) => {
        $(
            #[test]
            fn $promise() {
                $(
                    crate::assert_caught(stringify!($defect), async {
                        let fixture = $fixture::new(Defect::$defect);
                        auth_core::conformance::$suite::$promise(&fixture).await;
                    });
                )+
            }
        )*
    };
}
pub(crate) use breaks;

fn assert_caught(defect: &str, test: impl Future<Output = ()>) {
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| conformance::run(test)));
    let Err(panic) = caught else {
        panic!("a store with the defect `{defect}` passes")
    };
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .expect("a message");
    for outage in [
        "the store failed",
        "the store answers in time",
        "a call completes",
    ] {
        assert!(!message.contains(outage), "caught for another reason: {message}");
    }
}

/// What lies between the two statements of a store that uses two: the round trip to a database, in which others run.
async fn meanwhile() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
