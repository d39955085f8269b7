//! The statements on a table of sessions.

/// Implements [`SessionTable`](crate::session::SessionTable) for the default table `$table` of a `$database`.
macro_rules! session_table {
    ($database:ident $table:tt) => {
        crate::session::session_table! {
            $database $table
            user_id epoch data revision created_at last_used_at expires_at absolute_expires_at
        }
    };
    ($database:ident [$($table:tt)+] $($column:ident)+) => {
        const _: () = {
            use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
            use $($table)+::{self as sessions, table};
            use auth_core::SessionChange;

            use crate::{
                __private::$database as Database, DigestColumn, InstantColumn,
                session::{SessionRow, SessionTable},
                statement::{PreparedOnce, Query, Statement, rows, same},
            };

            crate::__expiring_table! { $database table [$($table)+] }

            /// The session of `digest` and `revision`. In a range, so that any revision needs no other statement.
            macro_rules! of_revision {
                ($digest:ident, $revision:expr) => {{
                    let (first, last) = $revision.map_or((i64::MIN, i64::MAX), |revision| (revision, revision));
                    table.filter(sessions::digest.eq($digest)).filter(sessions::revision.between(first, last))
                }};
            }

            impl SessionTable<Database> for table {
                fn create(digest: DigestColumn, row: SessionRow) -> impl Statement<Database> {
                    let columns = ($(sessions::$column.eq(row.$column),)+);
                    diesel::insert_into(table).values((sessions::digest.eq(digest), columns))
                }

                fn replace(
                    old: DigestColumn,
                    revision: Option<i64>,
                    digest: DigestColumn,
                    row: SessionRow,
                ) -> impl Statement<Database> {
                    let columns = ($(sessions::$column.eq(row.$column),)+);
                    let replaced = (sessions::digest.eq(digest), columns);
                    PreparedOnce(diesel::update(of_revision!(old, revision)).set(replaced))
                }

                fn load(digest: DigestColumn) -> impl Query<Database, SessionRow> {
                    let session = table.filter(sessions::digest.eq(digest)).select(($(sessions::$column,)+));
                    rows(session, same::<SessionRow>)
                }

                fn save(digest: DigestColumn, change: SessionChange) -> impl Statement<Database> {
                    let (at, end) = (InstantColumn::new(change.at), sessions::expires_at);
                    let live = of_revision!(digest, change.revision).filter(end.is_null().or(end.gt(at)));
                    let data = change.data.map(|data| {
                        (sessions::data.eq(data), sessions::revision.eq(sessions::revision + 1_i64))
                    });
                    let end = end.eq(change.expires_at.map(InstantColumn::new));
                    let changed = (data, sessions::last_used_at.eq(at), end);
                    PreparedOnce(diesel::update(live).set(changed))
                }

                fn delete(digest: DigestColumn, revision: Option<i64>) -> impl Statement<Database> {
                    diesel::delete(of_revision!(digest, revision))
                }

                fn delete_all(user_id: String) -> impl Statement<Database> {
                    diesel::delete(table.filter(sessions::user_id.eq(user_id)))
                }
            }
        };
    };
}

pub(crate) use session_table;
