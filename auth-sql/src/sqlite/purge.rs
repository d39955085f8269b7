use auth_core::StoreError;
use diesel::{QueryResult, SqliteConnection};
use time::OffsetDateTime;

use super::Database;
use crate::{
    column::{DigestColumn, InstantColumn},
    purge::{DIGESTS_AT_ONCE, ExpiringTable, PurgeCalls},
    statement::{Query as _, Statement as _},
};

impl PurgeCalls for Database {
    async fn purge<T: ExpiringTable<Self>>(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| {
            let expired = T::expired(InstantColumn::new(now), limit.into()).load(connection)?;
            delete::<T>(connection, &expired)
        })
        .await
    }
}

pub(super) fn delete<T: ExpiringTable<Database>>(
    connection: &mut SqliteConnection,
    digests: &[DigestColumn],
) -> QueryResult<usize> {
    let chunks = digests.chunks(DIGESTS_AT_ONCE);
    chunks
        .map(|digests| T::delete_each(digests.to_vec()).execute(connection))
        .sum()
}
