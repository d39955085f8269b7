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
            use $($table)+ as __table;
            use $crate::__private as __sql;
            use __sql::diesel::{ExpressionMethods as _, QueryDsl as _};

            type __Database = $crate::__database!($database);

            impl __sql::ExpiringTable<__Database> for $name {
                fn expired(
                    now: __sql::OffsetDateTime,
                    limit: u32,
                ) -> impl __sql::Query<__Database, __sql::DigestColumn> {
                    let expired = __table::table
                        .filter(__table::expires_at.le(__sql::InstantColumn(now)))
                        .select(__table::digest)
                        .limit(limit.into());
                    __sql::rows(expired $($skip_locked)*, __sql::same)
                }

                fn delete_each(
                    digests: ::std::vec::Vec<__sql::DigestColumn>,
                ) -> impl __sql::Statement<__Database> {
                    __sql::diesel::delete(__table::table.filter(__table::digest.eq_any(digests)))
                }
            }
        };
    };
}
