//! Authentication for Rust web services: users, passwords, tokens and sessions, on the store that you already run.
//!
//! Pick the features that you need; none is on by default.
//!
//! | feature | module | what it is |
//! |---|---|---|
//! | | the root | the models, the contracts of stores and strategies, opaque tokens |
//! | `users` | [`users`] | the life of a user: passwords, verification, reset, events, mail |
//! | `http` | [`http`] | transports, backends, endpoints, free of any framework |
//! | `actix` | [`actix`] | routes, extractors and guards for actix-web |
//! | `openapi` | [`actix`] | an OpenAPI document and interactive docs |
//! | `jwt` | [`jwt`] | JSON Web Tokens |
//! | `sqlite` | [`sql`] | stores on SQLite |
//! | `memory` | [`memory`] | stores in memory, for tests and trials |
//! | `conformance` | [`conformance`] | the suite that every store passes, yours too |
//!
//! A whole service:
//!
//! ```no_run
#![cfg_attr(all(feature = "openapi", feature = "jwt", feature = "sqlite"), doc = include_str!("../examples/quickstart/src/main.rs"))]
//! ```

pub use auth_core::*;

#[cfg(feature = "actix")]
#[doc(inline)]
pub use auth_actix as actix;
#[cfg(feature = "http")]
#[doc(inline)]
pub use auth_http as http;
#[cfg(feature = "jwt")]
#[doc(inline)]
pub use auth_jwt as jwt;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use auth_sql as sql;
#[cfg(feature = "users")]
#[doc(inline)]
pub use auth_users as users;
