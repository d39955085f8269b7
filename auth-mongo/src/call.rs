//! One call of the server: its deadline, and what its failure may tell.

use std::{future::Future, time::Duration};

use auth_core::{StoreError, with_deadline};

pub(crate) const STORE: &str = "mongodb";

/// Runs `call` to its end or until `limit`, also where the caller goes away.
///
/// A task of its own, as the driver closes the connection of a call that is dropped: clients that reset would make it
/// open, encrypt and authenticate one after the other.
pub(crate) async fn call<T, E>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let task = tokio::spawn(with_deadline(STORE, limit, call));
    match task.await {
        Ok(answer) => answer,
        Err(error) => Err(StoreError::new(STORE, error).into()),
    }
}
