//! Users in a table. A macro implements [`UserTable`], the part that differs from table to table.

use std::{future::Future, marker::PhantomData, num::NonZeroU32};

use async_trait::async_trait;
use auth_core::{
    Email, InsertUserError, ListUsers, NewUser, NormalizedEmail, PasswordHash, Profile, StoreError,
    UpdateUserError, User, UserStore,
};
use diesel::result::Error;
use tokio::time::Instant;

use crate::{
    ColumnId, InstantColumn,
    refusal::{FieldColumn, Refusal, not_inserted, not_updated},
    statement::{AnyDatabase, OnDisconnect, Query, RowWrite, Statement, within},
};

/// The statements on a table of users in a `D`, with ids `Id` and profiles `P`.
pub trait UserTable<D: AnyDatabase, Id: ColumnId, P: Profile>: Send + Sync + 'static {
    /// The columns whose values come from a client, or that the database may refuse.
    const FIELDS: &'static [FieldColumn];

    /// Inserts a user and returns the row's id. It writes no row if the e-mail is taken. On a database without `ON
    /// CONFLICT` it fails instead.
    fn insert(new: NewUser<Id, P>) -> impl RowWrite<D, Id>;

    /// The user of `id`.
    fn find(id: Id) -> impl Query<D, User<Id, P>>;

    /// The user of `email`.
    fn find_by_email(email: NormalizedEmail) -> impl Query<D, User<Id, P>>;

    /// The first users, by id.
    fn list(limit: u32) -> impl Query<D, User<Id, P>>;

    /// The first users after the id `after`, by id.
    fn list_after(after: Id, limit: u32) -> impl Query<D, User<Id, P>>;

    /// Writes `user` with the next revision, if the row still has the user's revision.
    fn update(user: User<Id, P>) -> impl Statement<D>;

    /// Deletes the user of `id`.
    fn delete(id: Id) -> impl Statement<D>;
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
        let (row, until) = (new.clone(), Instant::now() + self.database.limit());
        let inserted = self.database.try_change(OnDisconnect::Fail, move |connection| {
            T::insert(row.clone()).write(connection)
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
        let id = id.clone();
        self.database
            .read(move |connection| T::find(id.clone()).first(connection))
            .await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Id, P>>, StoreError> {
        let email = email.clone();
        self.database
            .read(move |connection| T::find_by_email(email.clone()).first(connection))
            .await
    }

    async fn update(&self, user: &User<Id, P>) -> Result<(), UpdateUserError> {
        let (row, until) = (user.clone(), Instant::now() + self.database.limit());
        let updated = self.database.try_change(OnDisconnect::Fail, move |connection| {
            T::update(row.clone()).execute(connection)
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
        let id = id.clone();
        let gone = self.database.change(OnDisconnect::Fail, move |connection| {
            T::delete(id.clone()).execute(connection)
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
        let after = after.cloned();
        self.database
            .read(move |connection| match after.clone() {
                Some(after) => T::list_after(after, limit.get()).load(connection),
                None => T::list(limit.get()).load(connection),
            })
            .await
    }
}

/// The columns of a user that every table has, in the order of the stores' `SELECT`.
pub(crate) type UserColumns<Id> = (
    <Id as ColumnId>::Column,
    String,
    String,
    Option<String>,
    bool,
    bool,
    bool,
    i64,
    i64,
    InstantColumn,
    InstantColumn,
);

/// The user of `columns` and `profile`.
pub fn user<Id: ColumnId, P>(columns: UserColumns<Id>, profile: P) -> User<Id, P> {
    let (
        id,
        email,
        normalized_email,
        password_hash,
        is_active,
        is_superuser,
        is_verified,
        security_epoch,
        revision,
        created_at,
        updated_at,
    ) = columns;
    let mut user = User::new(
        id.into(),
        Email::from_stored(email, normalized_email),
        profile,
        created_at.0,
    );
    user.password_hash = password_hash.map(PasswordHash::new);
    user.is_active = is_active;
    user.is_superuser = is_superuser;
    user.is_verified = is_verified;
    user.security_epoch = security_epoch;
    user.revision = revision;
    user.updated_at = updated_at.0;
    user
}
