//! Users and access tokens in redb, a key-value store in a file: an adapter of one's own.
//!
//! `README.md` beside it says how to write one, promise by promise.

mod database;
pub mod service;
mod tokens;
mod users;

pub use database::Database;
pub use tokens::RedbAccessTokenStore;
pub use users::RedbUserStore;
