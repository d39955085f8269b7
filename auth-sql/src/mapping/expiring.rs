/// The statements of a purge on a table with the columns `digest` and `expires_at`. The databases differ in how locked rows are
/// skipped.
#[doc(hidden)]
#[macro_export]
macro_rules! __expiring_table {
    (Sqlite $name:ident $table:tt) => {
        $crate::__purge_statements! { Sqlite $name $table [] }
    };
    ($database:ident $name:ident $table:tt) => {
        $crate::__purge_statements! { $database $name $table [.for_update().skip_locked()] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __purge_statements {
    ($database:ident $name:ident [$($table:tt)+] [$($skip_locked:tt)*]) => {
        const _: () = {
            use $crate::__private as __sql;
            use __sql::diesel::{ExpressionMethods as _, QueryDsl as _};
            use $($table)+::{digest as __digest, expires_at as __expires_at, table as __table};

            type __Database = __sql::$database;

            impl __sql::ExpiringTable<__Database> for $name {
                fn expired(
                    __now: __sql::InstantColumn,
                    __limit: i64,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let __expired = __table.filter(__expires_at.le(__now)).select(__digest).limit(__limit);
                    __sql::rows(__expired $($skip_locked)*, __sql::same)
                }

                fn delete_each(__keys: ::std::vec::Vec<__sql::DigestColumn>) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table.filter(__digest.eq_any(__keys)))
                }
            }
        };
    };
}
