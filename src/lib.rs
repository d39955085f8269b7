//! Authentication for Rust web services: users, passwords and tokens, on the store that you already run.
//!
//! Choose the features that you need. None is on by default.
//!
//! | feature | module | what it is |
//! |---|---|---|
//! | | the root | the user, its e-mail and profile, opaque tokens, secrets and errors |
//! | | [`store`] | the contracts of stores and strategies, for an adapter of your own |
//! | | [`testing`] | a clock that a test sets |
//! | `users` | [`users`] | accounts: passwords, verification, reset, events, mail |
//! | `http` | [`http`] | transports, backends, endpoints and sessions with data, free of any framework |
//! | `actix` | [`actix`] | routes, extractors and guards for actix-web |
//! | `openapi` | [`actix`] | an OpenAPI document and interactive docs: `Auth::openapi`, `Auth::docs` |
//! | `jwt` | [`jwt`] | JSON Web Tokens, plain and tracked, and refresh tokens |
//! | `sqlite`, `postgres`, `mysql` | [`sql`] | stores on SQLite, PostgreSQL, MySQL and MariaDB |
//! | `mongo` | [`mongo`] | stores on MongoDB |
//! | `redis` | [`redis`] | access tokens and sessions on Redis and Valkey, a cache of users, and a near cache |
//! | `memory` | [`testing`] | stores in memory, for tests and trials |
//! | `testing` | [`testing`] | the same, a mailbox and a log-in without a password, for the tests of your handlers |
//! | `metrics` | [`metrics`](mod@metrics) | counters, gauges and times for the recorder of your application |
//! | `conformance` | [`testing`] | the suite that every store passes, yours too |
//!
//! The [`guide`] shows how to do the usual things. The smallest service, with everything in memory:
//!
#![cfg_attr(all(feature = "actix", feature = "memory"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "actix", feature = "memory")), doc = "```ignore")]
//! use std::{error::Error, sync::Arc};
//!
//! use actix_web::{App, HttpServer, web};
//! use portcullis::{
//!     Lifetime, OpaqueStrategy, SigningSecret,
//!     actix::{Auth, CurrentUser},
//!     http::AuthBackend,
//!     testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
//!     users::UserManager,
//! };
//!
//! async fn hello(user: CurrentUser) -> String {
//!     format!("Hello, {}!", user.email)
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let users: Arc<MemoryUserStore> = Arc::default();
//!     let users = UserManager::builder(users, &SigningSecret::generate()?).build()?;
//!     let tokens = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), Lifetime::from_secs(3600)?);
//!     let auth = Auth::builder(users).backend(AuthBackend::bearer("bearer", tokens)).build()?;
//!     let app = move || App::new().route("/hello", web::get().to(hello)).configure(auth.routes());
//!     HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await?;
//!     Ok(())
//! }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub use auth_core::{
    CachedUsers, ClosedNetworks, ConfigError, Credential, Email, ExposeSecret, InvalidEmail, Lifetime,
    OpaqueStrategy, Permission, Profile, RoleName, Roles, SecretString, SigningSecret, StoreError,
    StoreErrorKind, User, UserId, async_trait,
};

#[doc(inline)]
pub use auth_core::metrics;

pub mod store;
pub mod testing;

#[cfg(any(doc, doctest))]
pub mod guide;

#[cfg(feature = "actix")]
#[doc(inline)]
pub use auth_actix as actix;
#[cfg(feature = "http")]
#[doc(inline)]
pub use auth_http as http;
#[cfg(feature = "jwt")]
#[doc(inline)]
pub use auth_jwt as jwt;
#[cfg(feature = "mongo")]
#[doc(inline)]
pub use auth_mongo as mongo;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use auth_redis as redis;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
#[doc(inline)]
pub use auth_sql as sql;
#[cfg(feature = "users")]
#[doc(inline)]
pub use auth_users as users;
