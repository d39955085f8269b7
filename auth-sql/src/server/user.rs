use auth_core::{InsertUserError, StoreError, UpdateUserError};
use diesel::{
    Column,
    backend::Backend as DieselBackend,
    query_builder::QueryFragment,
    result::{DatabaseErrorKind, Error},
};
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Backend, Database, IndexColumns, Server,
    call::{IfLost, perform},
};

/// Inserts a user by `insert`, which answers the id, or nothing where the e-mail is taken; `_email` is the unique
/// column.
///
/// # Errors
/// Those of [`UserStore::insert`](auth_core::UserStore::insert).
pub async fn insert<S: Server, Id, T, C, F>(
    database: &Database<S>,
    table: T,
    _email: C,
    insert: F,
) -> Result<Id, InsertUserError>
where
    Id: Send + 'static,
    T: QueryFragment<Backend<S>>,
    C: Column,
    F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, Option<Id>> + Send + Sync + 'static,
    Backend<S>: Default,
    <Backend<S> as DieselBackend>::QueryBuilder: Default,
{
    let until = database.until();
    match perform(database, IfLost::Fail, insert).await? {
        Ok(id) => id.ok_or(InsertUserError::EmailTaken),
        Err(error) => match violated_index(database, until, &table, &error).await? {
            Some(index) if index.is_of(C::NAME) => Err(InsertUserError::EmailTaken),
            Some(index) if !index.is_primary => Err(InsertUserError::ProfileTaken),
            _ => Err(S::report(error).into()),
        },
    }
}

/// Updates a user by `update`, which answers how many rows it wrote; `_email` is the unique column.
///
/// # Errors
/// Those of [`UserStore::update`](auth_core::UserStore::update).
pub async fn update<S: Server, T, C, F>(
    database: &Database<S>,
    table: T,
    _email: C,
    update: F,
) -> Result<(), UpdateUserError>
where
    T: QueryFragment<Backend<S>>,
    C: Column,
    F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, usize> + Send + Sync + 'static,
    Backend<S>: Default,
    <Backend<S> as DieselBackend>::QueryBuilder: Default,
{
    let until = database.until();
    match perform(database, IfLost::Fail, update).await? {
        Ok(0) => Err(UpdateUserError::Conflict),
        Ok(_) => Ok(()),
        Err(error) => match violated_index(database, until, &table, &error).await? {
            Some(index) if index.is_of(C::NAME) => Err(UpdateUserError::EmailTaken),
            Some(index) if !index.is_primary => Err(UpdateUserError::ProfileTaken),
            _ => Err(S::report(error).into()),
        },
    }
}

/// The columns of the unique index of `table` that `error` is of, if it is of one: a server names the index, and its
/// name is the application's to choose. It is asked `until` the end of the call that failed.
pub(super) async fn violated_index<S: Server, T>(
    database: &Database<S>,
    until: Instant,
    table: &T,
    error: &Error,
) -> Result<Option<IndexColumns>, StoreError>
where
    T: QueryFragment<Backend<S>>,
    Backend<S>: Default,
    <Backend<S> as DieselBackend>::QueryBuilder: Default,
{
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation) = error else {
        return Ok(None);
    };
    let Some(name) = S::violated(&**violation).map(str::to_owned) else {
        return Ok(None);
    };
    let table = sql_name::<S, T>(table).map_err(S::report)?;
    let columns = perform(database, IfLost::Repeat, move |connection| {
        S::columns(connection, table.clone(), name.clone())
    });
    let columns = timeout_at(until, columns)
        .await
        .map_err(|_elapsed| StoreError::timeout(S::STORE, database.deadline))?;
    let columns = columns?.map_err(S::report)?;
    Ok(Some(columns).filter(|columns| !columns.names.is_empty()))
}

/// The name of `table` as it stands in a statement, in quotes and with its schema.
fn sql_name<S: Server, T>(table: &T) -> Result<String, Error>
where
    T: QueryFragment<Backend<S>>,
    Backend<S>: Default,
    <Backend<S> as DieselBackend>::QueryBuilder: Default,
{
    use diesel::query_builder::QueryBuilder as _;

    let mut sql = <Backend<S> as DieselBackend>::QueryBuilder::default();
    table.to_sql(&mut sql, &Backend::<S>::default())?;
    Ok(sql.finish())
}

/// Inserts a row by `$insert` and answers its id, or nothing where the e-mail is taken.
#[doc(hidden)]
#[macro_export]
macro_rules! __insert_user {
    (postgres, $connection:ident, $given:expr, $insert:expr) => {
        $insert
            .on_conflict(__table::normalized_email)
            .do_nothing()
            .returning(__table::id)
            .get_result::<__Id>($connection)
            .await
            .optional()
    };
    (mysql, $connection:ident, $given:expr, $insert:expr) => {{
        $insert.execute($connection).await?;
        match $given {
            Some(id) => Ok(Some(__Id::from(id))),
            None => __sql::diesel::select(__sql::diesel::dsl::sql::<
                __sql::diesel::dsl::SqlTypeOf<__table::id>,
            >("LAST_INSERT_ID()"))
            .get_result::<__Id>($connection)
            .await
            .map(Some),
        }
    }};
}

/// [`user_store!`](crate::user_store) on a server.
#[doc(hidden)]
#[macro_export]
macro_rules! __server_user_store {
    (
        $server:ident [$($attribute:tt)*] [$vis:vis] $name:ident [$($table:tt)+] $id:ty,
        $profile_type:ty, [$($profile:tt)+], [$(($($field:ident),+))?]
    ) => {
        $($attribute)*
        #[derive(Clone, Debug)]
        $vis struct $name($crate::$server::Database);

        impl $name {
            /// The store on a pool, or on a `Database`.
            #[must_use]
            $vis fn new(database: impl ::core::convert::Into<$crate::$server::Database>) -> Self {
                Self(database.into())
            }
        }

        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::{
                diesel::{
                    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
                },
                diesel_async::RunQueryDsl as _,
            };

            type __Id = <$id as __sql::ColumnId>::Column;

            macro_rules! __columns {
                () => {(
                    (
                        __table::id,
                        __table::email,
                        __table::normalized_email,
                        __table::password_hash,
                        __table::is_active,
                        __table::is_superuser,
                        __table::is_verified,
                        __table::security_epoch,
                        __table::revision,
                        __table::created_at,
                        __table::updated_at,
                    ),
                    $(($(__table::$field,)+),)?
                )};
            }

            macro_rules! __user {
                () => {
                    |(columns, $(($($field,)+),)?)| __sql::user::<$id, $profile_type>(columns, $($profile)+)
                };
            }

            #[__sql::async_trait]
            impl __sql::UserStore<$id, $profile_type> for $name {
                async fn insert(
                    &self,
                    new: __sql::NewUser<$id, $profile_type>,
                ) -> ::core::result::Result<__sql::User<$id, $profile_type>, __sql::InsertUserError> {
                    let row = new.clone();
                    let id = __sql::insert_user(&self.0, __table::table, __table::normalized_email, move |connection| {
                        let row = row.clone();
                        Box::pin(async move {
                            let $($profile)+ = row.profile;
                            let insert = __sql::diesel::insert_into(__table::table).values((
                                row.id.clone().map(|id| __table::id.eq(__Id::from(id))),
                                __table::email.eq(row.email.as_str()),
                                __table::normalized_email.eq(row.email.normalized().as_str()),
                                __table::password_hash.eq(row.password_hash.as_ref().map(|hash| hash.expose())),
                                __table::is_active.eq(row.is_active),
                                __table::is_superuser.eq(row.is_superuser),
                                __table::is_verified.eq(row.is_verified),
                                __table::security_epoch.eq(0),
                                __table::revision.eq(0),
                                __table::created_at.eq(__sql::InstantColumn(row.created_at)),
                                __table::updated_at.eq(__sql::InstantColumn(row.created_at)),
                                $(($(__table::$field.eq($field),)+),)?
                            ));
                            $crate::__insert_user!($server, connection, row.id, insert)
                        })
                    })
                    .await?;
                    Ok(new.into_user(__Id::into(id)))
                }

                async fn find(
                    &self,
                    id: &$id,
                ) -> ::core::result::Result<Option<__sql::User<$id, $profile_type>>, __sql::StoreError> {
                    let id = id.clone();
                    self.0
                        .read(move |connection| {
                            let user = __table::table
                                .filter(__table::id.eq(__Id::from(id.clone())))
                                .select(__columns!());
                            Box::pin(async move {
                                Ok(user.get_result(connection).await.optional()?.map(__user!()))
                            })
                        })
                        .await
                }

                async fn find_by_email(
                    &self,
                    email: &__sql::NormalizedEmail,
                ) -> ::core::result::Result<Option<__sql::User<$id, $profile_type>>, __sql::StoreError> {
                    let email = email.clone();
                    self.0
                        .read(move |connection| {
                            let user = __table::table
                                .filter(__table::normalized_email.eq(email.as_str().to_owned()))
                                .select(__columns!());
                            Box::pin(async move {
                                Ok(user.get_result(connection).await.optional()?.map(__user!()))
                            })
                        })
                        .await
                }

                async fn update(
                    &self,
                    user: &__sql::User<$id, $profile_type>,
                ) -> ::core::result::Result<(), __sql::UpdateUserError> {
                    let row = user.clone();
                    __sql::update_user(&self.0, __table::table, __table::normalized_email, move |connection| {
                        let row = row.clone();
                        Box::pin(async move {
                            let $($profile)+ = row.profile;
                            let unchanged =
                                __table::id.eq(__Id::from(row.id)).and(__table::revision.eq(row.revision));
                            __sql::diesel::update(__table::table.filter(unchanged))
                                .set((
                                    __table::email.eq(row.email.as_str()),
                                    __table::normalized_email.eq(row.email.normalized().as_str()),
                                    __table::password_hash.eq(row.password_hash.as_ref().map(|hash| hash.expose())),
                                    __table::is_active.eq(row.is_active),
                                    __table::is_superuser.eq(row.is_superuser),
                                    __table::is_verified.eq(row.is_verified),
                                    __table::security_epoch.eq(row.security_epoch),
                                    __table::revision.eq(row.revision + 1),
                                    __table::updated_at.eq(__sql::InstantColumn(row.updated_at)),
                                    $(($(__table::$field.eq($field),)+),)?
                                ))
                                .execute(connection)
                                .await
                        })
                    })
                    .await
                }

                async fn delete(&self, id: &$id) -> ::core::result::Result<bool, __sql::StoreError> {
                    let id = id.clone();
                    __sql::execute(&self.0, __sql::IfLost::Fail, move |connection| {
                        let user = __table::table.filter(__table::id.eq(__Id::from(id.clone())));
                        Box::pin(async move { __sql::diesel::delete(user).execute(connection).await })
                    })
                    .await
                    .map(|gone| gone > 0)
                }
            }

            #[__sql::async_trait]
            impl __sql::ListUsers<$id, $profile_type> for $name {
                async fn list(
                    &self,
                    after: Option<&$id>,
                    limit: ::core::num::NonZeroU32,
                ) -> ::core::result::Result<::std::vec::Vec<__sql::User<$id, $profile_type>>, __sql::StoreError> {
                    let after = after.cloned();
                    self.0
                        .read(move |connection| {
                            let after = after.clone().map(__Id::from);
                            let page = __table::table
                                .select(__columns!())
                                .order(__table::id)
                                .limit(limit.get().into());
                            Box::pin(async move {
                                let users = match after {
                                    Some(id) => page.filter(__table::id.gt(id)).load(connection).await?,
                                    None => page.load(connection).await?,
                                };
                                Ok(users.into_iter().map(__user!()).collect())
                            })
                        })
                        .await
                }
            }
        };
    };
}
