//! Opaque tokens over any store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{
    AccessToken, AccessTokenStore, ClientInfo, Clock, Credential, InsertTokenError, IssueError, IssuedToken,
    Lifetime, ReadError, Rejection, RevocableStrategy, ShardTag, StoreError, Strategy, Subject, SystemClock,
    TokenId, TokenLookup, UserId, generate_token,
};

/// Longer strings are rejected unread; every token of ours has 46 bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// Opaque tokens in an [`AccessTokenStore`]: the database strategy over a database, the Redis strategy over Redis.
///
/// A token is revoked the moment its row is gone. The store sees digests only.
///
/// **Reading an expired token deletes it**, on a GET request too, so that it stays expired where the clock steps back. So
/// a node whose clock runs ahead ends sessions for good, and an expired token that nobody presented meanwhile is valid
/// again once the clock stands before its expiry.
pub struct OpaqueStrategy<Id = Uuid> {
    store: Arc<dyn AccessTokenStore<Id>>,
    lifetime: Lifetime,
    audience: Option<Arc<str>>,
    cap: Option<NonZeroU32>,
    track_use: Option<time::Duration>,
    clock: Arc<dyn Clock>,
}

impl<Id: UserId> OpaqueStrategy<Id> {
    /// Tokens in `store` that live for `lifetime`. Where another strategy uses the same store, tell them apart by
    /// [`audience`](Self::audience).
    pub fn new(store: Arc<dyn AccessTokenStore<Id>>, lifetime: Lifetime) -> Self {
        Self {
            store,
            lifetime,
            audience: None,
            cap: None,
            track_use: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Issues and reads tokens for `audience` alone, say the name of the backend. Two strategies over one store need it:
    /// without, each takes the other's tokens, so that a cookie's would be good in an `Authorization` header, too.
    ///
    /// It is part of the digest that the store sees, so another audience finds none of the tokens that were issued
    /// before. A token without an audience has the plain SHA-256 of the token, by which tokens of another system are
    /// taken over.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<Arc<str>>) -> Self {
        self.audience = Some(audience.into());
        self
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

    fn key(&self, token: &str) -> TokenLookup {
        match &self.audience {
            Some(audience) => TokenLookup::for_audience(audience, token),
            None => TokenLookup::new(token),
        }
    }
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for OpaqueStrategy<Id> {
    async fn issue(&self, subject: &Subject<Id>, client: &ClientInfo) -> Result<IssuedToken, IssueError> {
        let secret = generate_token(ShardTag::for_user(&subject.user_id))?;
        let now = self.clock.now();
        let token = AccessToken {
            id: TokenId::generate(),
            digest: self.key(secret.expose_secret()).digest,
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
            Err(error @ InsertTokenError::DigestTaken) => {
                Err(StoreError::internal("access tokens", error).into())
            }
        }
    }

    /// As [`Strategy::read`] says; a token that has expired is deleted on the way.
    async fn read(&self, presented: &str) -> Result<Credential<Id>, ReadError> {
        // A JWT among them is turned away here, without a look-up.
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if presented.len() > MAX_TOKEN_BYTES || !presented.bytes().all(is_base64url) {
            return Err(Rejection::Malformed.into());
        }
        let key = self.key(presented);
        let token = self.store.find(&key).await?.ok_or(Rejection::Unknown)?;
        let now = self.clock.now();
        if !token.is_live(now) {
            // It would come back where the clock steps back. Rejected it is, whether or not it can be removed.
            let _removed = self.store.delete(&key).await;
            return Err(Rejection::Expired.into());
        }
        if self
            .track_use
            .is_some_and(|interval| now - token.last_used_at >= interval)
        {
            // The credential is good, whether or not its use can be written down.
            let _written = self.store.touch(&key, now).await;
        }
        Ok(Credential {
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
        self.store.delete(&self.key(presented)).await.map(|_was_there| ())
    }

    /// With the tokens of every other strategy on the same store, whatever their audience.
    async fn revoke_all(&self, user_id: &Id) -> Result<(), StoreError> {
        self.store.delete_all(user_id).await.map(drop)
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::{TokenDigest, memory::MemoryAccessTokenStore};

    #[tokio::test]
    async fn j9_over_one_store_a_token_is_good_for_its_own_audience_alone() {
        let store = Arc::new(MemoryAccessTokenStore::<Uuid>::new());
        let strategy = || OpaqueStrategy::new(store.clone(), Lifetime::FOREVER);
        let strategies = [
            strategy(),
            strategy().audience("db"),
            strategy().audience("cookie"),
        ];
        let subject = Subject {
            user_id: Uuid::now_v7(),
            epoch: 0,
        };
        for (own, issuer) in strategies.iter().enumerate() {
            let issued = issuer
                .issue(&subject, &ClientInfo::default())
                .await
                .expect("issued");
            let token = issued.secret.expose_secret();
            for (other, reader) in strategies.iter().enumerate() {
                if other == own {
                    continue;
                }
                let read = reader.read(token).await;
                assert!(
                    matches!(read, Err(ReadError::Rejected(Rejection::Unknown))),
                    "{own} {other}: {read:?}"
                );
                reader.revoke(token).await.expect("nothing to revoke");
            }
            assert_eq!(issuer.read(token).await.expect("its own").subject, subject);
            issuer.revoke(token).await.expect("revoked");
            issuer.read(token).await.expect_err("revoked");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_system_is_taken_over_by_its_plain_digest() {
        let store = Arc::new(MemoryAccessTokenStore::new());
        let now = SystemClock.now();
        let foreign = "GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc";
        let token = AccessToken {
            id: TokenId::generate(),
            digest: TokenDigest::new(foreign),
            user_id: Uuid::now_v7(),
            epoch: 0,
            created_at: now,
            expires_at: None,
            last_used_at: now,
            client: ClientInfo::default(),
        };
        store.insert(&token, None).await.expect("inserted");
        let strategy = OpaqueStrategy::new(store.clone(), Lifetime::FOREVER);
        let credential = strategy.read(foreign).await.expect("it lives on");
        assert_eq!(credential.subject.user_id, token.user_id);
        let audience = OpaqueStrategy::new(store, Lifetime::FOREVER).audience("db");
        audience.read(foreign).await.expect_err("it has no audience");
    }
}
