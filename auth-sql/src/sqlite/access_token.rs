use auth_core::{AccessToken, Advance, Advanced, Cap, StoreError, TokenDigest, TokenKind};
use diesel::QueryResult;

use super::{Database, purge::delete};
use crate::{
    ColumnId, DigestColumn,
    access_token::{AccessTokenCalls, AccessTokenTable, surplus},
    statement::{Query as _, RowWrite as _, Statement as _},
};

impl<T: AccessTokenTable<Self, Id>, Id: ColumnId> AccessTokenCalls<T, Id> for Database {
    async fn insert(
        &self,
        token: AccessToken<Id>,
        cap: Option<Cap>,
    ) -> Result<QueryResult<usize>, StoreError> {
        self.try_write(move |connection| {
            let inserted = T::insert(token.clone().into()).execute(connection)?;
            if let (1.., Some(cap)) = (inserted, cap) {
                let older = surplus::<Self, T, Id>(&token, cap).load(connection)?;
                delete::<T>(connection, &older)?;
            }
            Ok(inserted)
        })
        .await
    }

    async fn advance(&self, digest: TokenDigest, step: Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let digest = DigestColumn(digest);
        self.write(move |connection| {
            let advanced = match step.kind {
                TokenKind::Access => T::advance_access(digest, step).write(connection)?,
                TokenKind::Refresh => T::advance_refresh(digest, step).write(connection)?,
            };
            if let Some(token) = advanced {
                return Ok(Some(Advanced::new(token, true)));
            }
            let stored = T::find(digest).first(connection)?;
            Ok(stored.map(|token| Advanced::new(token, false)))
        })
        .await
    }
}
