//! What the tests of a service or an adapter need.
//!
//! - [`ManualClock`]: a time that a test sets.
//! - `memory` (with the feature of that name): stores that live as long as the test.
//! - `conformance` (with the feature of that name): the suite that every store passes.

pub use auth_core::ManualClock;
#[cfg(feature = "conformance")]
#[doc(inline)]
pub use auth_core::{
    access_token_index_conformance, access_token_store_conformance, conformance, list_users_conformance,
    purge_expired_conformance, user_store_conformance,
};
#[cfg(feature = "memory")]
#[doc(inline)]
pub use auth_core::memory;
