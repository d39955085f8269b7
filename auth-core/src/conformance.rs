//! The test suite for stores. Run it on the real server. Each promise is an async function, and macros make each a test.
//!
//! You write a fixture: it provides an empty store, a second handle to its data, and a handle whose calls must fail.
//! The macro does the rest. For a store of users:
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis::testing::{conformance::{self, UserFixture}, memory::MemoryUserStore};
//! use uuid::Uuid;
//!
//! struct Users(Arc<MemoryUserStore>);
//!
//! impl UserFixture for Users {
//!     type Id = Uuid;
//!     type Profile = ();
//!     type Store = MemoryUserStore;
//!
//!     fn store(&self) -> Arc<MemoryUserStore> {
//!         Arc::clone(&self.0)
//!     }
//!
//!     /// With a server, open another pool here. The memory of this process has no other handle, and never fails.
//!     async fn another_process(&self) -> Arc<MemoryUserStore> {
//!         self.store()
//!     }
//!
//!     async fn out_of_reach(&self) -> Option<Arc<MemoryUserStore>> {
//!         None
//!     }
//!
//!     fn profile(&self, _n: u32) {}
//! }
//!
//! /// Called once for each test. With a server, create a database with a unique name here.
//! async fn users() -> Users {
//!     Users(Arc::default())
//! }
//!
//! portcullis::testing::user_store_conformance!(users);
//!
//! /// Each macro makes functions where it is called, so a second one in a file needs a module.
//! mod list {
//!     portcullis::testing::list_users_conformance!(super::users);
//! }
//!
//! // You can also try a single promise.
//! conformance::run(async {
//!     conformance::user_store::an_inserted_user_is_found_with_every_field(&users().await).await;
//! });
//! ```
//!
//! For a store of access tokens:
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis::testing::{conformance::{self, AccessTokenFixture}, memory::MemoryAccessTokenStore};
//! use uuid::Uuid;
//!
//! struct Tokens(Arc<MemoryAccessTokenStore>);
//!
//! impl AccessTokenFixture for Tokens {
//!     type Id = Uuid;
//!     type Store = MemoryAccessTokenStore;
//!
//!     fn store(&self) -> Arc<MemoryAccessTokenStore> {
//!         Arc::clone(&self.0)
//!     }
//!
//!     /// If tokens have a foreign key to the users, insert one here.
//!     async fn user(&self, id: Option<Uuid>) -> Uuid {
//!         id.unwrap_or_else(Uuid::now_v7)
//!     }
//!
//!     async fn another_process(&self) -> Arc<MemoryAccessTokenStore> {
//!         self.store()
//!     }
//!
//!     async fn out_of_reach(&self) -> Option<Arc<MemoryAccessTokenStore>> {
//!         None
//!     }
//! }
//!
//! async fn tokens() -> Tokens {
//!     Tokens(Arc::default())
//! }
//!
//! portcullis::testing::access_token_store_conformance!(tokens);
//!
//! mod index {
//!     portcullis::testing::access_token_index_conformance!(super::tokens);
//! }
//!
//! mod rotation {
//!     portcullis::testing::rotate_tokens_conformance!(super::tokens);
//! }
//!
//! mod purge {
//!     portcullis::testing::purge_expired_conformance!(super::tokens);
//! }
//!
//! conformance::run(async {
//!     conformance::opaque_strategy::a_revoked_token_is_rejected_for_good(&tokens().await).await;
//! });
//! ```
//!
//! A store of sessions has a [`SessionFixture`] of the same shape, and `session_store_conformance` and
//! `purge_sessions_conformance`. A cache of users has a [`UserCacheFixture`] and `user_cache_conformance`.
//!
//! If your store takes several types of ids, run the whole suites on one of them. On each other type, run
//! `user_ids_conformance`, `access_token_ids_conformance`, `rotate_ids_conformance` and `session_ids_conformance`: they
//! have the promises that depend on the type of the ids. So do those of `list_users_conformance`, all of them.
//!
//! Attributes after the function apply to every test, for example
//! `user_store_conformance!(users, #[ignore = "needs PostgreSQL"])`. The macros need nothing in your `Cargo.toml`,
//! because each test runs under [`run`].
//!
//! # What a store's operator should know
//!
//! The suite makes up to 50 calls at once, cancels calls at each of their awaits, and gives one user up to 300 tokens. It
//! needs the store's clock to be roughly right: tokens that a test wants to keep expire an hour or more after the
//! present.
//!
//! The calls of some tests are random. If one fails, it says the seed: set `TEST_SEED` to it, and the same calls are made
//! again.
//!
//! # Panics
//!
//! Every function of the suite panics if the promise in its name is broken, or if the store returns an error that the
//! promise does not allow.

pub mod access_token_index;
pub mod access_token_store;
mod cancel;
mod fixture;
pub mod list_users;
pub mod opaque_strategy;
mod parallel;
pub mod purge_expired;
pub mod purge_sessions;
pub mod rotate_tokens;
mod sample;
mod seed;
pub mod session_store;
mod suite;
pub mod user_cache;
pub mod user_store;

use std::{
    fmt::{Debug, Display},
    future::Future,
    time::Duration,
};

pub use fixture::{AccessTokenFixture, SessionFixture, UserCacheFixture, UserFixture};

use crate::StoreError;

/// The time limit of a test.
const TEST_LIMIT: Duration = Duration::from_secs(180);

/// Runs one test as the macros do: on its own runtime with four worker threads, so that calls really run in parallel.
///
/// # Panics
/// If the test panics, takes more than three minutes, or no runtime can be started.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime for the test");
    runtime.block_on(async {
        tokio::time::timeout(TEST_LIMIT, test)
            .await
            .expect("the store answers in time");
    });
}

/// The answer of the store. Panics on an error, for promises that allow none.
#[track_caller]
fn answered<T, E: Display>(answer: Result<T, E>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => panic!("the store failed: {error}"),
    }
}

/// Fails unless the `call` of a store that reaches nothing did.
#[track_caller]
fn failed<T: Debug>(call: &str, answer: Result<T, StoreError>) {
    assert!(
        answer.is_err(),
        "out of reach, `{call}` is a failure, not {answer:?}"
    );
}
