//! Stores on SQL databases, through Diesel.
//!
//! A database is a Cargo feature and a module; none is on by default.

mod access_token;
mod column;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod user;

pub use column::{ColumnId, DigestColumn, InstantColumn, UuidColumn};

/// What the macros name. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "sqlite")]
    pub use crate::sqlite::{access_token as sqlite_access_token, user as sqlite_user};
    pub use crate::{
        access_token::{AccessTokenColumns, access_token},
        column::{ColumnId, DigestColumn, InstantColumn, UuidColumn},
        user::{UserColumns, user},
    };
    pub use ::{async_trait::async_trait, diesel, time::OffsetDateTime};
    pub use auth_core::{
        AccessToken, AccessTokenIndex, AccessTokenStore, InsertTokenError, InsertUserError, NewUser,
        NormalizedEmail, PublicId, PurgeExpired, StoreError, TokenKey, UpdateUserError, User, UserStore,
    };
}
