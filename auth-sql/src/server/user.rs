use auth_core::StoreError;
use diesel::result::Error;
use tokio::time::{Instant, timeout_at};

use super::{Answer, Database, Failure, Server};
use crate::{
    refusal::{FieldColumn, Refusal},
    statement::OnDisconnect,
};

/// Why the server answered a write of a user's row with `error`. If only the server can tell, `find_refused` asks it for
/// the field.
///
/// # Errors
/// [`StoreError`] if the server does not answer.
pub async fn refusal<S: Server, F>(
    database: &Database<S>,
    error: &Error,
    columns: &[FieldColumn],
    find_refused: F,
) -> Result<Refusal, StoreError>
where
    F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, Option<&'static str>> + Send + Sync + 'static,
{
    let name = match error {
        Error::DatabaseError(_, problem) => S::named(&**problem),
        _ => None,
    };
    if let Some(refusal) = Refusal::of(error, name, columns) {
        return Ok(refusal);
    }
    Ok(match (error, Failure::of::<S>(error)) {
        (Error::DatabaseError(_, problem), _) if S::refuses_value(&**problem) => {
            Refusal::value(name, columns)
        }
        (_, Failure::Stale | Failure::Unclear) => {
            match database.try_call(OnDisconnect::Retry, find_refused).await? {
                Ok(Some(field)) => Refusal::field(field),
                Ok(None) | Err(_) => Refusal::Failed,
            }
        }
        _ => Refusal::Failed,
    })
}

/// The outcome of `look_up`, which is made on account of a call that ends at `until`.
///
/// # Errors
/// Those of `look_up`, and [`StoreError`] past the end of the call.
pub async fn within<S: Server, T>(
    database: &Database<S>,
    until: Instant,
    look_up: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout_at(until, look_up)
        .await
        .unwrap_or_else(|_elapsed| Err(StoreError::timeout(S::STORE, database.deadline)))
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

/// A call that asks the server which `$field` it refuses, or whether the e-mail, by an update of no row. PostgreSQL looks
/// at the values before it looks for rows, and does not say by itself which column is too narrow. MySQL does.
#[doc(hidden)]
#[macro_export]
macro_rules! __refused_field {
    ($row:expr, [$($profile:tt)+], [$(($($field:ident),+))?]) => {{
        let row = $row;
        move |connection| {
            let row = row.clone();
            Box::pin(async move {
                let $($profile)+ = row.profile;
                // As it stands in no cache, it is planned with the values.
                let nobody = || {
                    __table::table.filter(__sql::diesel::dsl::sql::<__sql::diesel::sql_types::Bool>("FALSE"))
                };
                __sql::diesel::update(nobody())
                    .set(__table::is_active.eq(row.is_active))
                    .execute(connection)
                    .await?;
                let email = (
                    __table::email.eq(row.email.as_str()),
                    __table::normalized_email.eq(row.email.normalized().as_str()),
                );
                // If the column is refused with its own value, too, the reason is another: a right, or a lost connection.
                if __sql::diesel::update(nobody()).set(email).execute(connection).await.is_err() {
                    let itself = __table::email.eq(__table::email);
                    __sql::diesel::update(nobody()).set(itself).execute(connection).await?;
                    return Ok(Some("email"));
                }
                $($(
                    let update = __sql::diesel::update(nobody()).set(__table::$field.eq($field));
                    if update.execute(connection).await.is_err() {
                        let itself = __table::$field.eq(__table::$field);
                        __sql::diesel::update(nobody()).set(itself).execute(connection).await?;
                        return Ok(Some(::core::stringify!($field)));
                    }
                )+)?
                Ok(None)
            })
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

            const __FIELDS: &[__sql::FieldColumn] = &[
                (<__table::email as __sql::diesel::Column>::NAME, ::core::option::Option::Some("email")),
                (<__table::normalized_email as __sql::diesel::Column>::NAME, ::core::option::Option::Some("email")),
                (<__table::password_hash as __sql::diesel::Column>::NAME, ::core::option::Option::None),
                $($((<__table::$field as __sql::diesel::Column>::NAME, ::core::option::Option::Some(::core::stringify!($field))),)+)?
            ];

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
                    let (row, until) = (new.clone(), self.0.until());
                    let inserted = self.0.try_call(__sql::OnDisconnect::Fail, move |connection| {
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
                    let error = match inserted {
                        Ok(Some(id)) => return Ok(new.into_user(id.into())),
                        Ok(None) => return Err(__sql::InsertUserError::EmailTaken),
                        Err(error) => error,
                    };
                    Err(__sql::within(&self.0, until, async {
                        let refusal = __sql::refusal(
                            &self.0,
                            &error,
                            __FIELDS,
                            $crate::__refused_field!(new.clone(), [$($profile)+], [$(($($field),+))?]),
                        )
                        .await?;
                        __sql::not_inserted(self, &new, refusal, self.0.report(error)).await
                    })
                    .await?)
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
                    let (row, until) = (user.clone(), self.0.until());
                    let updated = self.0.try_call(__sql::OnDisconnect::Fail, move |connection| {
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
                    .await?;
                    let error = match updated {
                        Ok(0) => return Err(__sql::UpdateUserError::Conflict),
                        Ok(_) => return Ok(()),
                        Err(error) => error,
                    };
                    Err(__sql::within(&self.0, until, async {
                        let refusal = __sql::refusal(
                            &self.0,
                            &error,
                            __FIELDS,
                            $crate::__refused_field!(user.clone(), [$($profile)+], [$(($($field),+))?]),
                        )
                        .await?;
                        __sql::not_updated(self, user, refusal, self.0.report(error)).await
                    })
                    .await?)
                }

                async fn delete(&self, id: &$id) -> ::core::result::Result<bool, __sql::StoreError> {
                    let id = id.clone();
                    let gone = self.0.try_call(__sql::OnDisconnect::Fail, move |connection| {
                        let user = __table::table.filter(__table::id.eq(__Id::from(id.clone())));
                        Box::pin(async move { __sql::diesel::delete(user).execute(connection).await })
                    })
                    .await?;
                    gone.map(|gone| gone > 0).map_err(|error| self.0.report(error))
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
