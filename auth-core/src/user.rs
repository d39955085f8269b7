//! The user and the store that holds it.

use std::{
    fmt::{Debug, Display},
    hash::Hash,
    str::FromStr,
};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Email, NormalizedEmail, StoreError};

/// What identifies a user: a type that can be written into a URL, a token and JSON, and be read back.
///
/// Implemented for [`Uuid`] (version 7, made here), [`i64`] and [`i32`] (made by the database) and [`String`] (a UUID
/// as text, made here). An application implements it for a type of its own with one function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot identify a user",
    label = "no id of a user",
    note = "ids are `Uuid`, `i64`, `i32` and `String`; for a type of your own implement `UserId`, which has one function"
)]
pub trait UserId:
    Clone + Eq + Hash + Debug + Display + FromStr + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    /// A new id, or `None` where the database makes it on insertion.
    fn generate() -> Option<Self>;
}

impl UserId for Uuid {
    fn generate() -> Option<Self> {
        Some(Uuid::now_v7())
    }
}

impl UserId for String {
    fn generate() -> Option<Self> {
        Some(Uuid::now_v7().to_string())
    }
}

impl UserId for i64 {
    fn generate() -> Option<Self> {
        None
    }
}

impl UserId for i32 {
    fn generate() -> Option<Self> {
        None
    }
}

/// An application's own fields of a user: a struct whose fields appear flat in the JSON of a user. `()` has none.
///
/// A field with `#[serde(default)]` may be left out at registration. A user sets every field of their own, unless the
/// service protects it (`protected_fields` of the HTTP layer).
///
/// An update merges a change into what the profile writes, and reads that. What this does to the fields that the change does
/// not name:
///
/// - **A field that Serde does not write** (`skip`, `skip_serializing`) would be erased. `hidden_field` of the `UserManager`'s
///   builder keeps it. One that is not named there is refused when the `UserManager` is built, if the type shows it, and else
///   by the update, which then writes nothing.
/// - **A field that does not read what it writes** (one name to write and another to read, a masking `serialize_with`) is
///   refused in the same way.
/// - **A field that is written with less precision**, as a time in whole seconds is, is cut to that precision. Any other loss
///   counts as this if it shows in no sample of the type, and what comes back is written as before.
///
/// Values are compared by their `Debug`: a field that Serde skips and `Debug` does not show is lost unseen.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the profile of a user",
    label = "no profile",
    note = "a profile derives `Clone`, `Debug`, `serde::Serialize` and `serde::Deserialize`, and borrows nothing"
)]
pub trait Profile: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static {}

impl<P: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static> Profile for P {}

/// A stored password hash: the string that names its scheme, parameters and salt.
///
/// It prints as `[REDACTED]` and is wiped from memory when dropped.
#[derive(Clone, Debug)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Wraps a hash as it stands in the store.
    pub fn new(hash: impl Into<String>) -> Self {
        Self(SecretString::from(hash.into()))
    }

    /// The string to store or to verify against.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User<Id = Uuid, P = ()> {
    /// The id.
    pub id: Id,
    /// The e-mail, as typed and as compared.
    pub email: Email,
    /// The password's hash. Absent for a user who has no password yet, or who only logs in through a provider.
    pub password_hash: Option<PasswordHash>,
    /// Whether the user may log in. Every credential of an inactive user is rejected.
    pub is_active: bool,
    /// Whether the user may manage others.
    pub is_superuser: bool,
    /// Whether the e-mail was confirmed.
    pub is_verified: bool,
    /// Grows on a password change, a reset, deactivation and "log out everywhere". A credential that was issued under
    /// another epoch is rejected.
    pub security_epoch: i64,
    /// Grows by one with each write: see [`UserStore::update`].
    pub revision: i64,
    /// When the user was created.
    pub created_at: OffsetDateTime,
    /// When the user was last written.
    pub updated_at: OffsetDateTime,
    /// The application's own fields.
    pub profile: P,
}

impl<Id, P> User<Id, P> {
    /// An active, unverified user without a password, at epoch and revision 0. A store that reads one back sets the other
    /// fields, which are public.
    #[must_use]
    pub fn new(id: Id, email: Email, profile: P, created_at: OffsetDateTime) -> Self {
        Self {
            id,
            email,
            password_hash: None,
            is_active: true,
            is_superuser: false,
            is_verified: false,
            security_epoch: 0,
            revision: 0,
            created_at,
            updated_at: created_at,
            profile,
        }
    }
}

/// A user to be inserted. Its epoch and revision start at 0, and `updated_at` is `created_at`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUser<Id = Uuid, P = ()> {
    /// The id. `None` if the database makes it.
    pub id: Option<Id>,
    /// The e-mail.
    pub email: Email,
    /// The password's hash, if there is one.
    pub password_hash: Option<PasswordHash>,
    /// See [`User::is_active`].
    pub is_active: bool,
    /// See [`User::is_superuser`].
    pub is_superuser: bool,
    /// See [`User::is_verified`].
    pub is_verified: bool,
    /// When the user is created, in whole milliseconds.
    pub created_at: OffsetDateTime,
    /// The application's own fields.
    pub profile: P,
}

impl<Id: UserId, P> NewUser<Id, P> {
    /// An active, unverified user without a password, with a new id unless the database makes it. The fields are public: set
    /// those that are to differ.
    #[must_use]
    pub fn new(email: Email, profile: P, created_at: OffsetDateTime) -> Self {
        Self {
            id: Id::generate(),
            email,
            password_hash: None,
            is_active: true,
            is_superuser: false,
            is_verified: false,
            created_at,
            profile,
        }
    }
}

impl<Id, P> NewUser<Id, P> {
    /// The user that stands in the store once `self` is inserted under `id`.
    pub fn into_user(self, id: Id) -> User<Id, P> {
        User {
            password_hash: self.password_hash,
            is_active: self.is_active,
            is_superuser: self.is_superuser,
            is_verified: self.is_verified,
            ..User::new(id, self.email, self.profile, self.created_at)
        }
    }
}

/// Where users live.
///
/// Each method is one atomic operation of the store, with a deadline. A dropped future leaves the change whole or
/// absent, and the store usable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no users with ids `{Id}` and profiles `{P}`",
    label = "no store of such users",
    note = "a store is made for one type of ids and one of profiles: `MemoryUserStore<Uuid, Member>`, for example",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait UserStore<Id = Uuid, P = ()>: Send + Sync {
    /// Inserts `user` and returns it with its id.
    ///
    /// # Errors
    /// [`InsertUserError::EmailTaken`] if the normalised e-mail is another user's. The store's unique index decides,
    /// never a look-up before the write: of any number of parallel calls with one e-mail exactly one succeeds.
    /// [`InsertUserError::ProfileTaken`] if a unique index of the application's own refuses the profile. If both are
    /// taken, either may be the answer. [`InsertUserError::ProfileRefused`] if the store cannot hold a value of the
    /// profile: nothing is written.
    async fn insert(&self, user: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError>;

    /// The user of `id`.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// The user whose normalised e-mail is exactly `email`.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError>;

    /// Writes every field of `user` but `id` and `created_at`, if the stored revision is still `user.revision`; the
    /// stored revision then is `user.revision + 1`.
    ///
    /// # Errors
    /// [`UpdateUserError::Conflict`] if the user is gone or was written since it was read: nothing is written.
    /// [`UpdateUserError::EmailTaken`] if the normalised e-mail is another user's: nothing is written.
    /// [`UpdateUserError::ProfileTaken`] if a unique index of the application's own refuses the profile: nothing is
    /// written. If both are taken, either may be the answer. [`UpdateUserError::ProfileRefused`] if the store cannot hold
    /// a value of the profile: nothing is written.
    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError>;

    /// Deletes the user of `id` and says whether there was one. Tokens in another store are not its business: `UserManager`
    /// revokes them before. The store never gives that id to another user: a
    /// credential of the one would open the other's account.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn delete(&self, id: &Id) -> Result<bool, StoreError>;
}

/// Why a user was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// The normalised e-mail is another user's.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// A field of the profile that the application made unique is another user's. Only a store with a unique index on
    /// it can tell. A taken id is none: it is the application's mistake, and a [`StoreError`].
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The store cannot hold a value of the profile, or the e-mail: it is too long, out of range, or breaks a rule of the column or the
    /// collection. To try it again changes nothing.
    #[error("the store cannot hold {}", .field.as_deref().unwrap_or("a value of the profile"))]
    ProfileRefused {
        /// The field, by its name in the store or in Rust, `email` for the e-mail; `None` if the store does not say which.
        field: Option<String>,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a user was not written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// The user is gone, or was written since it was read.
    #[error("the user was changed or deleted since it was read")]
    Conflict,
    /// The normalised e-mail is another user's.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// A field of the profile that the application made unique is another user's. Only a store with a unique index on
    /// it can tell. A taken id is none: it is the application's mistake, and a [`StoreError`].
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The store cannot hold a value of the profile, or the e-mail: it is too long, out of range, or breaks a rule of the column or the
    /// collection. To try it again changes nothing.
    #[error("the store cannot hold {}", .field.as_deref().unwrap_or("a value of the profile"))]
    ProfileRefused {
        /// The field, by its name in the store or in Rust, `email` for the e-mail; `None` if the store does not say which.
        field: Option<String>,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
