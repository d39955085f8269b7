//! Opaque tokens over any store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{
    AccessToken, AccessTokenStore, ClientInfo, Clock, Credential, InsertTokenError, IssueError, Issued,
    IssuedToken, Lifetime, ReadError, Rejection, RevocableStrategy, ShardTag, StoreError, Strategy, Subject,
    SystemClock, TokenId, TokenLookup, UserId, generate_token,
};

/// Longer strings are rejected unread; every token of ours has 46 bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// Opaque tokens in an [`AccessTokenStore`]: the database strategy over a database, the Redis strategy over Redis.
///
/// A token is revoked the moment its row is gone. The store sees digests only. The name of the backend is part of the
/// digest, so several backends can share one store: each finds its own tokens alone. Rename a backend, and its tokens are
/// rejected, unless it [also accepts](Self::also_accept) those of the old name.
///
/// Reading an expired token deletes it, even on a GET, so it stays expired if the clock steps back. A node whose clock runs
/// fast therefore ends log-ins permanently. An expired token that was never presented is valid again if the clock steps back
/// before its expiry.
pub struct OpaqueStrategy<Id = Uuid> {
    store: Arc<dyn AccessTokenStore<Id>>,
    lifetime: Lifetime,
    accepted: Vec<Accepted>,
    cap: Option<NonZeroU32>,
    track_use: Option<time::Duration>,
    clock: Arc<dyn Clock>,
}

/// Tokens that are accepted beside those of the backend itself.
enum Accepted {
    /// Those that were issued for this audience.
    Audience(Box<str>),
    /// Those that are stored under the plain digest of their text.
    Imported,
}

impl<Id: UserId> OpaqueStrategy<Id> {
    /// Tokens in `store` that live for `lifetime`.
    pub fn new(store: Arc<dyn AccessTokenStore<Id>>, lifetime: Lifetime) -> Self {
        Self {
            store,
            lifetime,
            accepted: Vec::new(),
            cap: None,
            track_use: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Also accepts tokens that were issued for `audience`: the old name of a backend that was renamed, for example. A token
    /// that is not the backend's own then costs one more look-up.
    ///
    /// # Security
    /// If another backend has that name, its tokens are good here, too.
    #[must_use]
    pub fn also_accept(mut self, audience: impl Into<Box<str>>) -> Self {
        self.accepted.push(Accepted::Audience(audience.into()));
        self
    }

    /// Also accepts tokens of another system, which were copied into the store under [the plain
    /// digest](crate::TokenDigest::new) of their text. A token that is not the backend's own then costs one more
    /// look-up.
    ///
    /// # Security
    /// A plain digest says nothing of a backend. If two backends over one store accept such tokens, each of these
    /// tokens is good at both.
    #[must_use]
    pub fn also_accept_imported(mut self) -> Self {
        self.accepted.push(Accepted::Imported);
        self
    }

    /// Keeps at most `cap` tokens a user: a new one removes the oldest.
    #[must_use]
    pub fn cap(mut self, cap: NonZeroU32) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Records when a token is used, at most once each `interval`. Such a use costs one more round trip. If it cannot be
    /// recorded, the token is good all the same.
    ///
    /// Without this, `last_used_at` stays at the time of issue.
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

    /// The look-ups of a token that was presented to `audience`: that of the backend's own tokens first.
    fn look_ups<'a>(&'a self, audience: &str, presented: &'a str) -> impl Iterator<Item = TokenLookup> + 'a {
        let own = TokenLookup::for_audience(audience, presented);
        let others = self.accepted.iter().map(move |accepted| match accepted {
            Accepted::Audience(audience) => TokenLookup::for_audience(audience, presented),
            Accepted::Imported => TokenLookup::new(presented),
        });
        std::iter::once(own).chain(others)
    }

    async fn find(
        &self,
        audience: &str,
        presented: &str,
    ) -> Result<(TokenLookup, AccessToken<Id>), ReadError> {
        for look_up in self.look_ups(audience, presented) {
            if let Some(token) = self.store.find(&look_up).await? {
                return Ok((look_up, token));
            }
        }
        Err(Rejection::Unknown.into())
    }
}

/// True if it can be an opaque token. A JWT is rejected without a look-up.
fn is_plausible(presented: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    presented.len() <= MAX_TOKEN_BYTES && presented.bytes().all(is_base64url)
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for OpaqueStrategy<Id> {
    async fn issue(
        &self,
        audience: &str,
        subject: &Subject<Id>,
        client: &ClientInfo,
    ) -> Result<Issued, IssueError> {
        let secret = generate_token(ShardTag::for_user(&subject.user_id))?;
        let now = self.clock.now();
        let token = AccessToken {
            id: TokenId::generate(),
            digest: TokenLookup::for_audience(audience, secret.expose_secret()).digest,
            user_id: subject.user_id.clone(),
            epoch: subject.epoch,
            created_at: now,
            expires_at: self.lifetime.end(now),
            last_used_at: now,
            client: client.clone(),
        };
        match self.store.insert(&token, self.cap).await {
            Ok(()) => Ok(Issued::new(IssuedToken::new(secret, now, token.expires_at))),
            Err(InsertTokenError::UnknownUser) => Err(IssueError::UnknownUser),
            Err(InsertTokenError::Store(error)) => Err(error.into()),
            // 256 random bits do not meet by chance: the generator is broken, and nothing must be issued.
            Err(error @ InsertTokenError::DigestTaken) => {
                Err(StoreError::internal("access tokens", error).into())
            }
        }
    }

    /// As [`Strategy::read`] says; a token that has expired is deleted on the way.
    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        if !is_plausible(presented) {
            return Err(Rejection::Malformed.into());
        }
        let (key, token) = self.find(audience, presented).await?;
        let now = self.clock.now();
        if !token.is_live(now) {
            // Otherwise it would be valid again if the clock steps back. It is rejected, whether or not it can be removed.
            let _removed = self.store.delete(&key).await;
            return Err(Rejection::Expired.into());
        }
        if self
            .track_use
            .is_some_and(|interval| now - token.last_used_at >= interval)
        {
            // The credential is good, whether or not its use can be recorded.
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
    async fn revoke(&self, audience: &str, presented: &str) -> Result<(), StoreError> {
        for look_up in self.look_ups(audience, presented) {
            if self.store.delete(&look_up).await? {
                break;
            }
        }
        Ok(())
    }

    /// With the tokens of every other backend on the same store.
    async fn revoke_all(&self, user_id: &Id) -> Result<(), StoreError> {
        self.store.delete_all(user_id).await.map(drop)
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::{TokenDigest, memory::MemoryAccessTokenStore};

    type Store = Arc<MemoryAccessTokenStore<Uuid>>;

    fn subject() -> Subject {
        Subject {
            user_id: Uuid::now_v7(),
            epoch: 0,
        }
    }

    fn strategy(store: &Store) -> OpaqueStrategy {
        OpaqueStrategy::new(store.clone(), Lifetime::FOREVER)
    }

    async fn issued(strategy: &OpaqueStrategy, audience: &str) -> String {
        let issued = strategy
            .issue(audience, &subject(), &ClientInfo::default())
            .await
            .expect("issued");
        issued.access.secret.expose_secret().to_owned()
    }

    async fn is_valid(strategy: &OpaqueStrategy, audience: &str, token: &str) -> bool {
        match strategy.read(audience, token).await {
            Ok(_credential) => true,
            Err(ReadError::Rejected(Rejection::Unknown)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    #[tokio::test]
    async fn j9_over_one_store_a_token_is_good_for_its_own_audience_alone() {
        let strategy = strategy(&Store::default());
        let audiences = ["db", "cookie", "DB", ""];
        for own in audiences {
            let token = issued(&strategy, own).await;
            for other in audiences.into_iter().filter(|other| *other != own) {
                assert!(!is_valid(&strategy, other, &token).await, "{own} {other}");
                strategy.revoke(other, &token).await.expect("nothing to revoke");
            }
            assert!(is_valid(&strategy, own, &token).await, "{own}");
            strategy.revoke(own, &token).await.expect("revoked");
            assert!(!is_valid(&strategy, own, &token).await, "{own}");
        }
    }

    #[tokio::test]
    async fn a_renamed_backend_accepts_and_revokes_the_tokens_of_its_old_name_if_it_is_told_to() {
        let store = Store::default();
        let renamed = strategy(&store).also_accept("old");
        let (old, new) = (
            issued(&strategy(&store), "old").await,
            issued(&renamed, "new").await,
        );
        assert!(!is_valid(&strategy(&store), "new", &old).await);
        for token in [&old, &new] {
            assert!(is_valid(&renamed, "new", token).await);
        }
        assert!(!is_valid(&strategy(&store), "old", &new).await);
        renamed.revoke("new", &old).await.expect("revoked");
        assert!(!is_valid(&renamed, "new", &old).await);
        assert!(is_valid(&renamed, "new", &new).await);
    }

    #[tokio::test]
    async fn a_token_of_another_system_is_accepted_by_its_plain_digest_if_that_is_asked_for() {
        let store = Store::default();
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
        assert!(!is_valid(&strategy(&store), "db", foreign).await);
        let importing = strategy(&store).also_accept_imported();
        let credential = importing.read("db", foreign).await.expect("it lives on");
        assert_eq!(credential.subject.user_id, token.user_id);
        importing.revoke("db", foreign).await.expect("revoked");
        assert!(!is_valid(&importing, "db", foreign).await);
    }
}
