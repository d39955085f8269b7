use auth_core::{InsertUserError, UpdateUserError};
use diesel::{
    Column, QueryResult, SqliteConnection,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error},
};

use super::{Database, call::failed};

/// Inserts a user by `insert`, which answers the id, or nothing where the e-mail is taken; `_id` is the primary key.
pub async fn insert<Id: Send + 'static, C: Column>(
    database: &Database,
    _id: C,
    insert: impl FnOnce(&mut SqliteConnection) -> QueryResult<Option<Id>> + Send + 'static,
) -> Result<Id, InsertUserError> {
    match database.try_write(insert).await? {
        Ok(id) => id.ok_or(InsertUserError::EmailTaken),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation))
            if !is_of(&*violation, C::NAME) =>
        {
            Err(InsertUserError::ProfileTaken)
        }
        Err(error) => Err(failed(error).into()),
    }
}

/// Updates a user by `update`, which answers how many rows it wrote; `_email` is the unique column.
pub async fn update<C: Column>(
    database: &Database,
    _email: C,
    update: impl FnOnce(&mut SqliteConnection) -> QueryResult<usize> + Send + 'static,
) -> Result<(), UpdateUserError> {
    match database.try_write(update).await? {
        Ok(0) => Err(UpdateUserError::Conflict),
        Ok(_) => Ok(()),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, violation)) => {
            if is_of(&*violation, C::NAME) {
                Err(UpdateUserError::EmailTaken)
            } else {
                Err(UpdateUserError::ProfileTaken)
            }
        }
        Err(error) => Err(failed(error).into()),
    }
}

/// Whether the `violation` is of the unique index on `column` alone: SQLite names the columns, not the index.
fn is_of(violation: &dyn DatabaseErrorInformation, column: &str) -> bool {
    violation
        .message()
        .strip_prefix("UNIQUE constraint failed: ")
        .and_then(|columns| columns.rsplit_once('.'))
        .is_some_and(|(table, violated)| violated == column && !table.contains(", "))
}

/// [`user_store!`](crate::user_store) on SQLite.
#[doc(hidden)]
#[macro_export]
macro_rules! __sqlite_user_store {
    (
        [$($attribute:tt)*] [$vis:vis] $name:ident [$($table:tt)+] $id:ty,
        $profile_type:ty, [$($profile:tt)+], [$(($($field:ident),+))?]
    ) => {
        $($attribute)*
        #[derive(Clone, Debug)]
        $vis struct $name($crate::sqlite::Database);

        impl $name {
            /// The store on a pool, or on a `Database`: one for all stores of a pool lets their writers take turns.
            #[must_use]
            $vis fn new(database: impl ::core::convert::Into<$crate::sqlite::Database>) -> Self {
                Self(database.into())
            }
        }

        const _: () = {
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{
                BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
                RunQueryDsl as _,
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
                    let id = __sql::sqlite_user::insert(&self.0, __table::id, move |connection| {
                        let $($profile)+ = row.profile;
                        __sql::diesel::insert_into(__table::table)
                            .values((
                                row.id.map(|id| __table::id.eq(__Id::from(id))),
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
                            ))
                            .on_conflict(__table::normalized_email)
                            .do_nothing()
                            .returning(__table::id)
                            .get_result::<__Id>(connection)
                            .optional()
                    })
                    .await?;
                    Ok(new.into_user(id.into()))
                }

                async fn find(
                    &self,
                    id: &$id,
                ) -> ::core::result::Result<Option<__sql::User<$id, $profile_type>>, __sql::StoreError> {
                    let id = __Id::from(id.clone());
                    self.0
                        .read(move |connection| {
                            // Not `first`: its `LIMIT ?` would have SQLite compile the statement each time.
                            let user = __table::table
                                .filter(__table::id.eq(id))
                                .select(__columns!())
                                .get_result(connection)
                                .optional()?;
                            Ok(user.map(__user!()))
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
                                .filter(__table::normalized_email.eq(email.as_str()))
                                .select(__columns!())
                                .get_result(connection)
                                .optional()?;
                            Ok(user.map(__user!()))
                        })
                        .await
                }

                async fn update(
                    &self,
                    user: &__sql::User<$id, $profile_type>,
                ) -> ::core::result::Result<(), __sql::UpdateUserError> {
                    let row = user.clone();
                    __sql::sqlite_user::update(&self.0, __table::normalized_email, move |connection| {
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
                    })
                    .await
                }

                async fn delete(&self, id: &$id) -> ::core::result::Result<bool, __sql::StoreError> {
                    let id = __Id::from(id.clone());
                    self.0
                        .write(move |connection| {
                            let gone = __sql::diesel::delete(__table::table.filter(__table::id.eq(id))).execute(connection)?;
                            Ok(gone > 0)
                        })
                        .await
                }
            }

            #[__sql::async_trait]
            impl __sql::ListUsers<$id, $profile_type> for $name {
                async fn list(
                    &self,
                    after: Option<&$id>,
                    limit: ::core::num::NonZeroU32,
                ) -> ::core::result::Result<::std::vec::Vec<__sql::User<$id, $profile_type>>, __sql::StoreError> {
                    let after = after.cloned().map(__Id::from);
                    self.0
                        .read(move |connection| {
                            let page = __table::table
                                .select(__columns!())
                                .order(__table::id)
                                .limit(limit.get().into());
                            let users = match after {
                                Some(id) => page.filter(__table::id.gt(id)).load(connection)?,
                                None => page.load(connection)?,
                            };
                            Ok(users.into_iter().map(__user!()).collect())
                        })
                        .await
                }
            }
        };
    };
}
