//! Another process, which holds a lock.

use diesel_async::{SimpleAsyncConnection as _, pooled_connection::deadpool::Object};

use crate::backend::{Connection, Place};

/// Its connection, in a transaction that has run `statement`.
pub(crate) async fn holding(place: &Place, statement: &str) -> Object<Connection> {
    let mut other = place.pool(1).get().await.expect("another process");
    other.batch_execute("BEGIN").await.expect("a transaction");
    other.batch_execute(statement).await.expect("the lock");
    other
}
