use std::time::Duration;

use auth_core::StoreError;
use diesel::{
    OptionalExtension as _, QueryResult, SqliteConnection,
    query_builder::{QueryFragment, QueryId},
    query_dsl::{LoadQuery, methods::ExecuteDsl},
    result::Error,
    sqlite::Sqlite,
};

use super::{
    Database,
    call::{STORE, failed},
};
use crate::statement::{AnyDatabase, OnDisconnect, Query, Rows, Statement};

impl AnyDatabase for Database {
    const STORE: &'static str = STORE;

    type Connection = SqliteConnection;
    type Answer<'c, T: Send + 'static> = QueryResult<T>;

    fn limit(&self) -> Duration {
        self.deadline
    }

    fn report(error: Error) -> StoreError {
        failed(error)
    }

    async fn read<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut SqliteConnection) -> QueryResult<T> + Send + Sync + 'static,
    {
        Self::read(self, call).await
    }

    /// A connection to a file is never lost.
    async fn try_change<T, F>(
        &self,
        _on_disconnect: OnDisconnect,
        call: F,
    ) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut SqliteConnection) -> QueryResult<T> + Send + Sync + 'static,
    {
        self.try_write(call).await
    }
}

#[diagnostic::do_not_recommend]
impl<Q> Statement<Database> for Q
where
    Q: QueryFragment<Sqlite> + QueryId + Send + 'static,
{
    fn execute(self, connection: &mut SqliteConnection) -> QueryResult<usize> {
        ExecuteDsl::execute(self, connection)
    }
}

#[diagnostic::do_not_recommend]
impl<Q, U, T, F> Query<Database, T> for Rows<Q, U, F>
where
    Q: LoadQuery<'static, SqliteConnection, U> + Send + 'static,
    U: 'static,
    T: Send + 'static,
    F: Fn(U) -> T + Send + 'static,
{
    fn first(self, connection: &mut SqliteConnection) -> QueryResult<Option<T>> {
        // Without the `LIMIT ?` of `RunQueryDsl::first`, for which SQLite would compile the statement each time.
        let row = self.query.get_result(connection).optional()?;
        Ok(row.map(self.read))
    }

    fn load(self, connection: &mut SqliteConnection) -> QueryResult<Vec<T>> {
        let rows = self.query.load(connection)?;
        Ok(rows.into_iter().map(self.read).collect())
    }
}
