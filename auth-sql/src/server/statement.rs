use std::time::Duration;

use auth_core::StoreError;
use diesel::{OptionalExtension as _, QueryResult, result::Error};
use diesel_async::{
    RunQueryDsl as _,
    methods::{ExecuteDsl, LoadQuery},
};

use super::{Answer, Database, Server};
use crate::statement::{AnyDatabase, OnDisconnect, Query, Rows, Statement};

impl<S: Server> AnyDatabase for Database<S> {
    const STORE: &'static str = S::STORE;

    type Connection = S::Connection;
    type Answer<'c, T: Send + 'static> = Answer<'c, T>;

    fn limit(&self) -> Duration {
        self.deadline
    }

    fn report(error: Error) -> StoreError {
        S::report(error)
    }

    async fn read<T, F>(&self, call: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        Self::read(self, call).await
    }

    async fn try_change<T, F>(
        &self,
        on_disconnect: OnDisconnect,
        call: F,
    ) -> Result<QueryResult<T>, StoreError>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut S::Connection) -> Answer<'c, T> + Send + Sync + 'static,
    {
        self.try_call(on_disconnect, call).await
    }
}

#[diagnostic::do_not_recommend]
impl<S, Q> Statement<Database<S>> for Q
where
    S: Server,
    Q: ExecuteDsl<S::Connection> + Send + 'static,
{
    fn execute(self, connection: &mut S::Connection) -> Answer<'_, usize> {
        Box::pin(ExecuteDsl::execute(self, connection))
    }
}

impl<S, Q, U, T, F> Query<Database<S>, T> for Rows<Q, U, F>
where
    S: Server,
    Q: LoadQuery<'static, S::Connection, U> + Send + 'static,
    U: Send + 'static,
    T: Send + 'static,
    F: Fn(U) -> T + Send + 'static,
{
    fn first(self, connection: &mut S::Connection) -> Answer<'_, Option<T>> {
        Box::pin(async move {
            let row = self.query.get_result(connection).await.optional()?;
            Ok(row.map(self.read))
        })
    }

    fn load(self, connection: &mut S::Connection) -> Answer<'_, Vec<T>> {
        Box::pin(async move {
            let rows = self.query.load(connection).await?;
            Ok(rows.into_iter().map(self.read).collect())
        })
    }
}
