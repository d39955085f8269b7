//! Support for the tests of a service or an adapter.
//!
//! | feature | | |
//! |---|---|---|
//! | | [`ManualClock`] | a time that a test sets |
//! | `memory` | `memory` | stores that live as long as the test |
//! | `testing` | `Mailbox` | a mailer that keeps the mails; with `users` |
//! | `testing` | `Journal` | an observer that keeps the events; with `users` |
//! | `testing` | `log_in_as` | a log-in without a password; with `actix` |
//! | `conformance` | `conformance` | the suite that every store passes, and a macro for each part of it |

#[cfg(all(feature = "testing", feature = "actix"))]
pub use auth_actix::testing::{LoggedIn, log_in_as};
pub use auth_core::ManualClock;
#[cfg(feature = "memory")]
#[doc(inline)]
pub use auth_core::memory;
#[cfg(feature = "conformance")]
#[doc(inline)]
pub use auth_core::{
    access_token_ids_conformance, access_token_index_conformance, access_token_store_conformance,
    conformance, list_users_conformance, purge_expired_conformance, purge_sessions_conformance,
    rotate_ids_conformance, rotate_tokens_conformance, session_ids_conformance, session_store_conformance,
    user_cache_conformance, user_ids_conformance, user_store_conformance,
};
#[cfg(all(feature = "testing", feature = "users"))]
pub use auth_users::{Journal, Mailbox};
