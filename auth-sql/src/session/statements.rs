//! The statements on a table of sessions.

/// Implements [`SessionTable`](crate::session::SessionTable) for the default table `$table` of a `$database`.
macro_rules! session_table {
    ($database:ident [$($table:tt)+]) => {
        const _: () = {
            use $($table)+ as sessions;
            use auth_core::{SessionChange, StoredSession, TokenDigest, UserId};
            use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
            use sessions::table;

            use crate::{
                DigestColumn, InstantColumn,
                session::{SessionColumns, SessionTable},
                statement::{PreparedOnce, Query, Statement, rows, same},
            };

            type Database = crate::__database!($database);

            crate::__expiring_table! { $database table [$($table)+] }

            /// The session of `digest` and `revision`. In a range, so that any revision needs no other statement.
            macro_rules! of_revision {
                ($digest:ident, $revision:expr) => {{
                    let (first, last) = $revision.map_or((i64::MIN, i64::MAX), |revision| (revision, revision));
                    table
                        .filter(sessions::digest.eq(DigestColumn($digest)))
                        .filter(sessions::revision.between(first, last))
                }};
            }

            impl SessionTable<Database> for table {
                fn create<Id: UserId>(digest: TokenDigest, session: StoredSession<Id>) -> impl Statement<Database> {
                    let subject = session.subject.as_ref();
                    diesel::insert_into(table).values((
                        sessions::digest.eq(DigestColumn(digest)),
                        sessions::user_id.eq(subject.map(|subject| subject.user_id.to_string())),
                        sessions::epoch.eq(subject.map(|subject| subject.epoch)),
                        sessions::data.eq(session.data),
                        sessions::revision.eq(session.revision),
                        sessions::created_at.eq(InstantColumn(session.created_at)),
                        sessions::last_used_at.eq(InstantColumn(session.last_used_at)),
                        sessions::expires_at.eq(session.expires_at.map(InstantColumn)),
                        sessions::absolute_expires_at.eq(session.absolute_expires_at.map(InstantColumn)),
                    ))
                }

                fn load(digest: TokenDigest) -> impl Query<Database, SessionColumns> {
                    let session = table.filter(sessions::digest.eq(DigestColumn(digest))).select((
                        (sessions::user_id, sessions::epoch),
                        (sessions::data, sessions::revision),
                        (
                            sessions::created_at,
                            sessions::last_used_at,
                            sessions::expires_at,
                            sessions::absolute_expires_at,
                        ),
                    ));
                    rows(session, same::<SessionColumns>)
                }

                fn save(digest: TokenDigest, change: SessionChange) -> impl Statement<Database> {
                    let end = sessions::expires_at;
                    let live = of_revision!(digest, change.revision)
                        .filter(end.is_null().or(end.gt(InstantColumn(change.at))));
                    let data = change.data.map(|data| {
                        (
                            sessions::data.eq(data),
                            sessions::revision.eq(sessions::revision + 1_i64),
                        )
                    });
                    PreparedOnce(diesel::update(live).set((
                        data,
                        sessions::last_used_at.eq(InstantColumn(change.at)),
                        end.eq(change.expires_at.map(InstantColumn)),
                    )))
                }

                fn delete(digest: TokenDigest, revision: Option<i64>) -> impl Statement<Database> {
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
