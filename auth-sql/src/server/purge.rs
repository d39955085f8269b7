use auth_core::StoreError;
use diesel::QueryResult;
use time::OffsetDateTime;

use super::{Database, Server};
use crate::{
    column::{DigestColumn, InstantColumn},
    purge::{DIGESTS_AT_ONCE, ExpiringTable, PurgeCalls},
    statement::{Query as _, Statement as _},
};

impl<S: Server> PurgeCalls for Database<S> {
    async fn purge<T: ExpiringTable<Self>>(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let expired = T::expired(InstantColumn::new(now), limit.into())
                    .load(connection)
                    .await?;
                delete::<S, T>(connection, expired).await
            })
        })
        .await
    }
}

pub(super) async fn delete<S: Server, T: ExpiringTable<Database<S>>>(
    connection: &mut S::Connection,
    digests: Vec<DigestColumn>,
) -> QueryResult<usize> {
    let mut deleted = 0;
    for digests in digests.chunks(DIGESTS_AT_ONCE) {
        deleted += T::delete_each(digests.to_vec()).execute(connection).await?;
    }
    Ok(deleted)
}
