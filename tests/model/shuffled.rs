//! A store whose calls take their time, so that two steps meet in every order.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis::{
    StoreError, async_trait,
    store::{
        AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, InsertTokenError,
        RotateTokens, TokenId, TokenLookup,
    },
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::random::Random;

/// Waits that follow from a seed.
pub(crate) struct Waits(Mutex<Random>);

impl Waits {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }

    /// Lets the others go first, some times.
    pub(crate) async fn wait(&self) {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner).below(4);
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }
}

/// `store`, with a wait before and after each call.
pub(crate) struct Shuffled {
    pub(crate) store: Arc<dyn RotateTokens>,
    pub(crate) waits: Arc<Waits>,
}

impl Shuffled {
    async fn slowly<T>(&self, call: impl Future<Output = T>) -> T {
        self.waits.wait().await;
        let answer = call.await;
        self.waits.wait().await;
        answer
    }
}

#[async_trait]
impl AccessTokenStore for Shuffled {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.slowly(self.store.insert(token, cap)).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.slowly(self.store.find(key)).await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.slowly(self.store.touch(key, at, expires_at)).await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.slowly(self.store.delete(key)).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.slowly(self.store.delete_all(user_id)).await
    }
}

#[async_trait]
impl AccessTokenIndex for Shuffled {
    async fn list(&self, user_id: &Uuid, epoch: i64) -> Result<Vec<AccessToken>, StoreError> {
        self.slowly(self.store.list(user_id, epoch)).await
    }

    async fn delete_by_id(&self, user_id: &Uuid, id: TokenId) -> Result<bool, StoreError> {
        self.slowly(self.store.delete_by_id(user_id, id)).await
    }
}

#[async_trait]
impl RotateTokens for Shuffled {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced>, StoreError> {
        self.slowly(self.store.advance(key, step)).await
    }
}
