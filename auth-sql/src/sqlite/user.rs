use auth_core::StoreError;
use diesel::result::{DatabaseErrorKind, Error};

use super::call::failed;
use crate::refusal::{FieldColumn, Refusal};

/// What SQLite says of a value that a column cannot hold, if that has no kind of its own.
const REFUSED_VALUES: [&str; 3] = ["cannot store ", "datatype mismatch", "string or blob too big"];

/// Why SQLite answered a write of a user's row with `error`, and the error to report if the values have no part in it.
pub fn refusal(error: Error, columns: &[FieldColumn]) -> (Refusal, StoreError) {
    let message = match &error {
        Error::DatabaseError(_, problem) => problem.message(),
        _ => "",
    };
    let name = match &error {
        // Of a check it names the constraint, or its text, which may have any character.
        Error::DatabaseError(DatabaseErrorKind::CheckViolation, _) => {
            message.split_once(": ").map(|(_, name)| name)
        }
        _ => message.rsplit_once('.').map(|(_table, column)| column),
    };
    let refusal = Refusal::of(&error, name, columns).unwrap_or_else(|| {
        if REFUSED_VALUES
            .iter()
            .any(|beginning| message.starts_with(beginning))
        {
            Refusal::value(name, columns)
        } else {
            Refusal::Failed
        }
    });
    (refusal, failed(error))
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
                    let row = new.clone();
                    let inserted = self.0.try_write(move |connection| {
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
                    let error = match inserted {
                        Ok(Some(id)) => return Ok(new.into_user(id.into())),
                        Ok(None) => return Err(__sql::InsertUserError::EmailTaken),
                        Err(error) => error,
                    };
                    let (refusal, failed) = __sql::sqlite_user::refusal(error, __FIELDS);
                    Err(__sql::not_inserted(self, &new, refusal, failed).await?)
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
                    let updated = self.0.try_write(move |connection| {
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
                    .await?;
                    let error = match updated {
                        Ok(0) => return Err(__sql::UpdateUserError::Conflict),
                        Ok(_) => return Ok(()),
                        Err(error) => error,
                    };
                    let (refusal, failed) = __sql::sqlite_user::refusal(error, __FIELDS);
                    Err(__sql::not_updated(self, user, refusal, failed).await?)
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
