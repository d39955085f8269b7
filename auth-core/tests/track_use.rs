//! Writing down that a token was used is no condition of its being good.
#![cfg(feature = "memory")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, Cap, ClientInfo, ExposeSecret as _, InsertTokenError, Lifetime,
    ManualClock, NewLogIn, OpaqueStrategy, StoreError, Strategy as _, Subject, TokenLookup,
    memory::MemoryAccessTokenStore,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A store that is read and not written, as one is whose disk is full.
#[derive(Default)]
struct ReadOnly(MemoryAccessTokenStore);

#[async_trait]
impl AccessTokenStore for ReadOnly {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.0.insert(token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.0.find(key).await
    }

    async fn touch(
        &self,
        _key: &TokenLookup,
        _at: OffsetDateTime,
        _expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        Err(StoreError::refused("read-only", "the disk is full"))
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.0.delete(key).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.0.delete_all(user_id).await
    }
}

#[tokio::test]
async fn a_token_whose_use_cannot_be_written_down_is_good() {
    let clock = Arc::new(ManualClock::default());
    let strategy = OpaqueStrategy::unlisted(Arc::new(ReadOnly::default()), Lifetime::FOREVER)
        .track_use(Duration::from_secs(60))
        .clock(clock.clone());
    let subject = Subject::new(Uuid::now_v7(), 0);
    let issued = strategy
        .issue(&NewLogIn::new("api", &subject, &ClientInfo::default()))
        .await
        .expect("issue");
    clock.advance(time::Duration::hours(1));
    let credential = strategy
        .read("api", issued.access.secret.expose_secret())
        .await
        .expect("a good token");
    assert_eq!(credential.subject, subject);
}
