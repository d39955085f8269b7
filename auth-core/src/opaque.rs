//! Opaque tokens over any store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{
    AccessToken, AccessTokenStore, ClientInfo, Clock, Grant, InsertTokenError, IssueError, IssuedToken,
    Lifetime, PublicId, Refusal, Rejection, RevocableStrategy, ShardTag, StoreError, Strategy, Subject,
    SystemClock, TokenDigest, TokenKey, UserId, generate_token,
};

/// Longer strings are rejected unread; every token of ours has 46 bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// Opaque tokens in an [`AccessTokenStore`]: the database strategy over a database, the Redis strategy over Redis.
///
/// A token is revoked the moment its row is gone. The store sees digests only.
pub struct OpaqueStrategy<Id = Uuid> {
    store: Arc<dyn AccessTokenStore<Id>>,
    lifetime: Lifetime,
    cap: Option<NonZeroU32>,
    track_use: Option<time::Duration>,
    clock: Arc<dyn Clock>,
}

impl<Id: UserId> OpaqueStrategy<Id> {
    /// Tokens in `store` that live for `lifetime`.
    pub fn new(store: Arc<dyn AccessTokenStore<Id>>, lifetime: Lifetime) -> Self {
        Self {
            store,
            lifetime,
            cap: None,
            track_use: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Keeps at most `cap` tokens a user: a new one removes the oldest.
    #[must_use]
    pub fn cap(mut self, cap: NonZeroU32) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Writes down when a token is used, at most once each `interval`; such a use costs one more round trip, and is good
    /// also where it cannot be written down.
    /// Without it `last_used_at` stays at the time of issue.
    #[must_use]
    pub fn track_use(mut self, interval: Duration) -> Self {
        self.track_use = Some(interval.try_into().unwrap_or(time::Duration::MAX));
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for OpaqueStrategy<Id> {
    async fn issue(&self, subject: &Subject<Id>, client: &ClientInfo) -> Result<IssuedToken, IssueError> {
        let secret = generate_token(ShardTag::of(&subject.user_id))?;
        let now = self.clock.now();
        let token = AccessToken {
            id: PublicId::generate(),
            digest: TokenDigest::of(secret.expose_secret()),
            user_id: subject.user_id.clone(),
            epoch: subject.epoch,
            created_at: now,
            expires_at: self.lifetime.end(now),
            last_used_at: now,
            client: client.clone(),
        };
        match self.store.insert(&token, self.cap).await {
            Ok(()) => Ok(IssuedToken {
                issued_at: now,
                secret,
                expires_at: token.expires_at,
            }),
            Err(InsertTokenError::UnknownUser) => Err(IssueError::UnknownUser),
            Err(InsertTokenError::Store(error)) => Err(error.into()),
            // 256 random bits do not meet by chance: the generator is broken, and nothing must be issued.
            Err(error @ InsertTokenError::DigestTaken) => Err(StoreError::new("access tokens", error).into()),
        }
    }

    async fn read(&self, presented: &str) -> Result<Grant<Id>, Refusal> {
        // A JWT among them is turned away here, without a look-up.
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if presented.len() > MAX_TOKEN_BYTES || !presented.bytes().all(is_base64url) {
            return Err(Rejection::Malformed.into());
        }
        let key = TokenKey::of(presented);
        let token = self.store.find(&key).await?.ok_or(Rejection::Unknown)?;
        let now = self.clock.now();
        if !token.is_live(now) {
            return Err(Rejection::Expired.into());
        }
        if self
            .track_use
            .is_some_and(|interval| now - token.last_used_at >= interval)
        {
            // The credential is good, whether or not its use can be written down.
            let _written = self.store.touch(&key, now).await;
        }
        Ok(Grant {
            subject: Subject {
                user_id: token.user_id,
                epoch: token.epoch,
            },
            id: Some(token.id),
            issued_at: Some(token.created_at),
            expires_at: token.expires_at,
        })
    }
}

#[async_trait]
impl<Id: UserId> RevocableStrategy<Id> for OpaqueStrategy<Id> {
    async fn revoke(&self, presented: &str) -> Result<(), StoreError> {
        self.store
            .delete(&TokenKey::of(presented))
            .await
            .map(|_was_there| ())
    }
}
