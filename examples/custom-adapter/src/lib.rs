//! An example of your own adapter: users and access tokens in redb, a key-value store in a file.
//!
//! `README.md` explains how to write one, promise by promise.

mod database;
pub mod service;
mod tokens;
mod users;

pub use database::Database;
pub use tokens::RedbAccessTokenStore;
pub use users::RedbUserStore;
