//! The part of Portcullis that the author of a store or strategy must import, and nothing more.
//!
//! - [`User`] and its [`UserStore`]; [`AccessToken`] and its [`AccessTokenStore`].
//! - [`StoredSession`], a session with data of its own, and its [`SessionStore`].
//! - [`Strategy`] issues and reads tokens. [`OpaqueStrategy`] works over any [`AccessTokenStore`].
//! - [`Roles`] and the [`Permission`]s that they grant.
//! - [`Outcome`]: the four ways in which reading a credential can end.
//! - [`Email`], [`Clock`], [`Lifetime`] and the errors that they share.
//!
//! The traits of stores, strategies and clocks are object-safe and have no default bodies: an application holds
//! `Arc<dyn …>`.
//!
//! # Features
//!
//! - `memory`: reference stores in memory, for tests and trials.
//! - `conformance`: the test suite that every store runs, yours too.
//! - `metrics`: the [`metrics`] go to the recorder of the application.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod access_token;
mod cap;
mod clock;
mod config_error;
#[cfg(feature = "conformance")]
pub mod conformance;
mod deadline;
mod email;
mod idle_limit;
mod instant;
mod lifetime;
mod list_users;
#[cfg(feature = "memory")]
pub mod memory;
pub mod metrics;
#[cfg(doctest)]
mod must_not_compile;
mod opaque;
mod outcome;
mod profile_shape;
mod role;
mod secret;
mod server_address;
mod session;
mod store_error;
mod strategy;
mod token;
mod user;
mod user_cache;
mod user_id;

pub use access_token::{
    AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, ClientInfo, Generation,
    InsertTokenError, Provenance, PurgeExpired, RotateTokens, TokenId, TokenKind,
};
pub use cap::Cap;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config_error::ConfigError;
pub use deadline::{DEFAULT_DEADLINE, checked_deadline, with_deadline};
pub use email::{ClosedNetworks, Email, InvalidEmail, NormalizedEmail, OutdatedEmail, outdated_emails};
pub use idle_limit::IdleLimit;
pub use instant::{from_unix_milliseconds, unix_milliseconds};
pub use lifetime::Lifetime;
pub use list_users::ListUsers;
pub use opaque::OpaqueStrategy;
pub use outcome::{Outcome, Rejection, admit, admit_latest};
pub use profile_shape::{ProfileShape, sample_profile, written_fields};
pub use role::{MAX_ROLES, Permission, RoleName, Roles, Scope};
pub use secret::SigningSecret;
pub use server_address::{ServerAddress, Unreachable, unreadable_url};
pub use session::{MAX_SESSION_BYTES, Predecessor, SessionChange, SessionStore, SessionWrite, StoredSession};
pub use store_error::{StoreError, StoreErrorKind};
pub use strategy::{
    Abilities, Credential, DEFAULT_CAP, IssueError, Issued, IssuedToken, NewLogIn, ReadError,
    RefreshStrategy, ReplaceStrategy, RevocableStrategy, RotateStrategy, Strategy, Subject,
};
pub use token::{ShardTag, TokenDigest, TokenLookup, generate_token};
pub use user::{InsertUserError, NewUser, PasswordHash, Profile, UpdateUserError, User, UserId, UserStore};
pub use user_cache::{CacheFence, CacheMark, CacheTicket, Cached, CachedUsers, LoadedUser, UserCache};
pub use user_id::user_id_from_text;

/// The attribute for implementing a trait with `async` functions: `#[async_trait] impl UserStore for …`.
pub use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretString};
