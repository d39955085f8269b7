//! Users in a table. A macro implements [`UserTable`], the part that differs from table to table.

use std::{future::Future, marker::PhantomData, num::NonZeroU32};

use async_trait::async_trait;
use auth_core::{
    Email, InsertUserError, ListUsers, NewUser, NormalizedEmail, Profile, StoreError, UpdateUserError, User,
    UserStore, metrics::Timer,
};
use diesel::{Queryable, result::Error};
use tokio::time::Instant;

use crate::{
    ColumnId, InstantColumn,
    column::{PasswordHashColumn, RolesColumn},
    refusal::{FieldColumn, Refusal, not_inserted, not_updated},
    statement::{AnyDatabase, OnDisconnect, Query, RowWrite, Statement, within},
};

/// The statements on a table of users in a `D`, with ids `Id` and profiles `P`.
pub trait UserTable<D: AnyDatabase, Id: ColumnId, P: Profile>: Send + Sync + 'static {
    /// The columns whose values come from a client, or that the database may refuse.
    const FIELDS: &'static [FieldColumn];

    /// Inserts a user, with the `id` if one is given, and returns the row's id. It writes no row if the e-mail is taken. On a
    /// database without `ON CONFLICT` it fails instead.
    fn insert(id: Option<Id>, created_at: InstantColumn, row: UserRow, profile: P) -> impl RowWrite<D, Id>;

    /// The user of `id`.
    fn find(id: Id::Column) -> impl Query<D, User<Id, P>>;

    /// The user of the normalised `email`.
    fn find_by_email(email: String) -> impl Query<D, User<Id, P>>;

    /// The first users, by id.
    fn list(limit: i64) -> impl Query<D, User<Id, P>>;

    /// The first users after the id `after`, by id.
    fn list_after(after: Id::Column, limit: i64) -> impl Query<D, User<Id, P>>;

    /// Writes `row` and `profile` to the user of `id`, if the row there still has the `revision`.
    fn update(id: Id::Column, revision: i64, row: UserRow, profile: P) -> impl Statement<D>;

    /// Deletes the user of `id`.
    fn delete(id: Id::Column) -> impl Statement<D>;
}

/// The reason for which a database refused a write.
pub trait UserCalls<T: UserTable<Self, Id, P>, Id: ColumnId, P: Profile>: AnyDatabase {
    /// The reason that a write of `email` and `profile` ended with `error`.
    fn refusal(
        &self,
        error: &Error,
        email: &Email,
        profile: &P,
    ) -> impl Future<Output = Result<Refusal, StoreError>> + Send;
}

/// Users in a table `T` of a database `D`.
///
/// [`user_store!`](crate::user_store) makes an alias of it.
#[derive(Clone, Debug)]
pub struct UsersIn<D, T> {
    database: D,
    table: PhantomData<T>,
}

impl<D: AnyDatabase, T> UsersIn<D, T> {
    /// A store on a pool or a `Database`. On SQLite, give all stores of a pool the same `Database`, so that their writers
    /// take turns.
    #[must_use]
    pub fn new(database: impl Into<D>) -> Self {
        Self {
            database: database.into(),
            table: PhantomData,
        }
    }
}

#[async_trait]
impl<D, T, Id, P> UserStore<Id, P> for UsersIn<D, T>
where
    D: UserCalls<T, Id, P>,
    T: UserTable<D, Id, P>,
    Id: ColumnId,
    P: Profile,
{
    async fn insert(&self, new: NewUser<Id, P>) -> Result<User<Id, P>, InsertUserError> {
        let _timed = Timer::of(D::STORE, "users.insert");
        let (row, until) = (new.clone(), Instant::now() + self.database.limit());
        let inserted = self.database.try_change(OnDisconnect::Fail, move |connection| {
            let (id, created_at) = (row.id.clone(), InstantColumn::new(row.created_at));
            T::insert(id, created_at, UserRow::inserted(&row), row.profile.clone()).write(connection)
        });
        let error = match inserted.await? {
            Ok(Some(id)) => return Ok(new.into_user(id)),
            Ok(None) => return Err(InsertUserError::EmailTaken),
            Err(error) => error,
        };
        let why = async {
            let refusal = self.database.refusal(&error, &new.email, &new.profile).await?;
            not_inserted(self, &new, refusal, D::report(error)).await
        };
        Err(within(&self.database, until, why).await?)
    }

    async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        let _timed = Timer::of(D::STORE, "users.find");
        let id = id.clone();
        self.database
            .read(move |connection| T::find(id.clone().into()).first(connection))
            .await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        let _timed = Timer::of(D::STORE, "users.find_by_email");
        let email = email.as_str().to_owned();
        self.database
            .read(move |connection| T::find_by_email(email.clone()).first(connection))
            .await
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let _timed = Timer::of(D::STORE, "users.update");
        let (row, until) = (user.clone(), Instant::now() + self.database.limit());
        let updated = self.database.try_change(OnDisconnect::Fail, move |connection| {
            let id = row.id.clone().into();
            T::update(id, row.revision, UserRow::updated(&row), row.profile.clone()).execute(connection)
        });
        let error = match updated.await? {
            Ok(0) => return Err(UpdateUserError::Conflict),
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let why = async {
            let refusal = self.database.refusal(&error, &user.email, &user.profile).await?;
            not_updated(self, user, refusal, D::report(error)).await
        };
        Err(within(&self.database, until, why).await?)
    }

    async fn delete(&self, id: &Id) -> Result<bool, StoreError> {
        let _timed = Timer::of(D::STORE, "users.delete");
        let id = id.clone();
        let gone = self.database.change(OnDisconnect::Fail, move |connection| {
            T::delete(id.clone().into()).execute(connection)
        });
        Ok(gone.await? > 0)
    }
}

#[async_trait]
impl<D, T, Id, P> ListUsers<Id, P> for UsersIn<D, T>
where
    D: UserCalls<T, Id, P>,
    T: UserTable<D, Id, P>,
    Id: ColumnId,
    P: Profile,
{
    async fn list(&self, after: Option<&Id>, limit: NonZeroU32) -> Result<Vec<User<Id, P>>, StoreError> {
        let _timed = Timer::of(D::STORE, "users.list");
        let after = after.cloned();
        self.database
            .read(move |connection| match after.clone() {
                Some(after) => T::list_after(after.into(), limit.get().into()).load(connection),
                None => T::list(limit.get().into()).load(connection),
            })
            .await
    }
}

/// The columns that every write of a user sets, beside those of the profile. Each field has the name and the place of its
/// column.
#[doc(hidden)]
#[derive(Queryable)]
pub struct UserRow {
    pub email: String,
    pub normalized_email: String,
    pub password_hash: Option<PasswordHashColumn>,
    pub is_active: bool,
    pub is_superuser: bool,
    pub is_verified: bool,
    pub roles: RolesColumn,
    pub security_epoch: i64,
    pub revision: i64,
    pub updated_at: InstantColumn,
}

/// An e-mail as typed and as compared.
pub type EmailColumns = (String, String);

pub(crate) fn email_columns(email: &Email) -> EmailColumns {
    (email.as_str().to_owned(), email.normalized().as_str().to_owned())
}

impl UserRow {
    /// The row of a `new` user.
    fn inserted<Id, P>(new: &NewUser<Id, P>) -> Self {
        let (email, normalized_email) = email_columns(&new.email);
        Self {
            email,
            normalized_email,
            password_hash: new.password_hash.clone().map(PasswordHashColumn),
            is_active: new.is_active,
            is_superuser: new.is_superuser,
            is_verified: new.is_verified,
            roles: RolesColumn::new(new.roles.clone()),
            security_epoch: 0,
            revision: 0,
            updated_at: InstantColumn::new(new.created_at),
        }
    }

    /// The next revision of `user`.
    fn updated<Id, P>(user: &User<Id, P>) -> Self {
        let (email, normalized_email) = email_columns(&user.email);
        Self {
            email,
            normalized_email,
            password_hash: user.password_hash.clone().map(PasswordHashColumn),
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            is_verified: user.is_verified,
            roles: RolesColumn::new(user.roles.clone()),
            security_epoch: user.security_epoch,
            revision: user.revision + 1,
            updated_at: InstantColumn::new(user.updated_at),
        }
    }
}

/// The user of a row and `profile`.
pub fn user<Id: ColumnId, P>(
    id: Id::Column,
    created_at: InstantColumn,
    row: UserRow,
    profile: P,
) -> User<Id, P> {
    let email = Email::from_stored(row.email, row.normalized_email);
    let mut user = User::new(id.into(), email, profile, created_at.instant());
    user.password_hash = row.password_hash.map(|column| column.0);
    user.is_active = row.is_active;
    user.is_superuser = row.is_superuser;
    user.is_verified = row.is_verified;
    user.roles = row.roles.into_roles();
    user.security_epoch = row.security_epoch;
    user.revision = row.revision;
    user.updated_at = row.updated_at.instant();
    user
}
