//! The user and the store that holds it.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
    hash::Hash,
    str::FromStr,
};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Email, LoadedUser, NormalizedEmail, RoleName, StoreError};

/// The id of a user: a type that can be written into a URL, a token and JSON, and be read back.
///
/// It is implemented for [`Uuid`] (this library makes them, version 7), [`i64`] and [`i32`] (the database makes them) and
/// [`String`] (this library makes them, a UUID as text). For your own type, implement one function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot identify a user",
    label = "no id of a user",
    note = "ids are `Uuid`, `i64`, `i32` and `String`; for a type of your own implement `UserId`, which has one function"
)]
pub trait UserId:
    Clone + Eq + Hash + Debug + Display + FromStr + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static
{
    /// A new id, or `None` if the database makes it on insertion.
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

/// The application's own fields of a user: a struct whose fields are top-level fields in the user's JSON. `()` has none.
///
/// A client may leave a field with `#[serde(default)]` out at registration. Users can set all fields of their own,
/// except those that the service protects (`protected_fields` of the HTTP layer).
///
/// # Updates
///
/// An update serialises the profile, merges the change into that, and reads the result. This affects fields that the
/// change does not name:
///
/// - **A field that Serde does not write** (`skip`, `skip_serializing`) would be lost. Name it with `hidden_field` of
///   the `UserManager`'s builder to keep it. If you don't, building the `UserManager` fails if the type shows the
///   problem. Otherwise the update fails, and writes nothing.
/// - **A field that does not read what it writes** (another name to write than to read, a masking `serialize_with`)
///   fails in the same way.
/// - **A field that is written with less precision**, for example a time in whole seconds, is cut to that precision.
///   Any other loss is treated as this if no sample of the type shows it and the value that was read is written
///   unchanged.
///
/// Values are compared by their `Debug`. A field that Serde skips and `Debug` does not show is lost without an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the profile of a user",
    label = "no profile",
    note = "a profile derives `Clone`, `Debug`, `serde::Serialize` and `serde::Deserialize`, and borrows nothing"
)]
pub trait Profile: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static {}

impl<P: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + Unpin + 'static> Profile for P {}

/// A stored password hash: a string with its scheme, parameters and salt.
///
/// It prints as `[REDACTED]` and is wiped from memory when dropped.
#[derive(Clone, Debug)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Wraps a stored hash.
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
    /// True if the user may log in. Every credential of an inactive user is rejected.
    pub is_active: bool,
    /// True if the user may manage others.
    pub is_superuser: bool,
    /// True if the e-mail was confirmed.
    pub is_verified: bool,
    /// The names of the user's roles, at most [`MAX_ROLES`](crate::MAX_ROLES). What a role grants is not stored:
    /// [`Roles`](crate::Roles) has it. A change ends no credential.
    pub roles: BTreeSet<RoleName>,
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
    /// An active, unverified user without a password or a role, at epoch and revision 0. A store that reads one back sets the other
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
            roles: BTreeSet::new(),
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
    /// See [`User::roles`]. Nobody checks them here: more than [`MAX_ROLES`](crate::MAX_ROLES) may not fit into a column.
    pub roles: BTreeSet<RoleName>,
    /// When the user is created, in whole milliseconds.
    pub created_at: OffsetDateTime,
    /// The application's own fields.
    pub profile: P,
}

impl<Id: UserId, P> NewUser<Id, P> {
    /// An active, unverified user without a password or a role, with a new id unless the database makes it. The fields are public: set
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
            roles: BTreeSet::new(),
            created_at,
            profile,
        }
    }
}

impl<Id, P> NewUser<Id, P> {
    /// The user that the store has after it inserted `self` under `id`.
    pub fn into_user(self, id: Id) -> User<Id, P> {
        User {
            password_hash: self.password_hash,
            is_active: self.is_active,
            is_superuser: self.is_superuser,
            is_verified: self.is_verified,
            roles: self.roles,
            ..User::new(id, self.email, self.profile, self.created_at)
        }
    }
}

/// A store of users.
///
/// Each method is one atomic operation with a deadline. After a dropped future, the change is complete or absent, and
/// the store is usable.
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
    /// - [`InsertUserError::EmailTaken`] if another user has the normalised e-mail. A unique index must decide this,
    ///   not a look-up before the write: of any number of parallel calls with the same e-mail, exactly one succeeds.
    /// - [`InsertUserError::ProfileTaken`] if a unique index of the application refuses the profile. If both are taken,
    ///   either error may be returned.
    /// - [`InsertUserError::ProfileRefused`] if the store cannot hold a value of the profile. Then nothing is written.
    async fn insert(&self, user: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError>;

    /// The user of `id`.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// The user of `id` as stored now. Only for a store that [`find`](Self::find)s users in a cache does this differ from `find`.
    /// It is called before a credential is refused because of an older state of its user.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find_latest(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError>
    where
        Id: Sync,
    {
        self.find(id).await
    }

    /// The user that a store of log-ins loaded in its own look-up, if it is from the cache that this store reads, and
    /// [`find`](Self::find) of `id` might return it. By default it is not, so that `find` is called.
    fn accept_loaded(&self, _user: LoadedUser, _id: &Id) -> Option<User<Id, P>> {
        None
    }

    /// The user whose normalised e-mail is exactly `email`.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError>;

    /// Writes every field of `user` except `id` and `created_at`, if the stored revision is still `user.revision`. The
    /// stored revision becomes `user.revision + 1`.
    ///
    /// # Errors
    /// Nothing is written, and the error is
    ///
    /// - [`UpdateUserError::Conflict`] if the user was deleted, or written since it was read;
    /// - [`UpdateUserError::EmailTaken`] if another user has the normalised e-mail;
    /// - [`UpdateUserError::ProfileTaken`] if a unique index of the application refuses the profile (if both are taken,
    ///   either error may be returned);
    /// - [`UpdateUserError::ProfileRefused`] if the store cannot hold a value of the profile.
    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError>;

    /// Deletes the user of `id`. Returns true if there was one. It need not remove the user's tokens: `UserManager`
    /// revokes those first.
    ///
    /// # Security
    /// The store must never give the id to another user: a credential of the deleted user would open that account.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn delete(&self, id: &Id) -> Result<bool, StoreError>;
}

/// The reason that a user was not inserted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsertUserError {
    /// Another user has the normalised e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Another user has the value of a unique field of the profile. Only a store with a unique index on the field can
    /// tell. A taken id is a [`StoreError`] instead, because it is a mistake of the application.
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The store cannot hold the e-mail or a value of the profile. It is too long, out of range, or violates a rule of
    /// the column or collection. Retrying does not help.
    #[error("the store cannot hold {}", .field.as_deref().unwrap_or("a value of the profile"))]
    ProfileRefused {
        /// The name of the field in the store or in Rust, `email` for the e-mail. `None` if the store does not say which.
        field: Option<String>,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason that a user was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateUserError {
    /// The user was deleted, or written since it was read.
    #[error("the user was changed or deleted since it was read")]
    Conflict,
    /// Another user has the normalised e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Another user has the value of a unique field of the profile. Only a store with a unique index on the field can
    /// tell. A taken id is a [`StoreError`] instead, because it is a mistake of the application.
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The store cannot hold the e-mail or a value of the profile. It is too long, out of range, or violates a rule of
    /// the column or collection. Retrying does not help.
    #[error("the store cannot hold {}", .field.as_deref().unwrap_or("a value of the profile"))]
    ProfileRefused {
        /// The name of the field in the store or in Rust, `email` for the e-mail. `None` if the store does not say which.
        field: Option<String>,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
