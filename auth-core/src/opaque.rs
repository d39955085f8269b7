//! Opaque tokens over any store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Abilities, AccessToken, AccessTokenIndex, AccessTokenStore, Clock, ConfigError, Credential, DEFAULT_CAP,
    IdleLimit, IssueError, Issued, IssuedToken, Lifetime, NewLogIn, ReadError, Rejection, ReplaceStrategy,
    RevocableStrategy, ShardTag, StoreError, Strategy, Subject, SystemClock, TokenId, TokenKind, TokenLookup,
    UserId, generate_token,
};

/// Longer strings are rejected unread; every token of ours has 46 bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// Opaque tokens in an [`AccessTokenStore`]: the database strategy over a database, the Redis strategy over Redis.
///
/// A token is revoked the moment its row is gone. The store sees digests only. The name of the backend is part of the
/// digest, so several backends can share one store: each finds its own tokens alone. Rename a backend, and its tokens are
/// rejected, unless it [also accepts](Self::also_accept) those of the old name.
///
/// Reading a token past its lifetime deletes it, even on a GET, so it stays expired if the clock steps back. A token that was not
/// used for its idle limit is deleted a minute later, because another node may just have extended it. An expired token that was
/// never presented is valid again if the clock steps back before its expiry.
pub struct OpaqueStrategy<Id = Uuid> {
    store: Arc<dyn AccessTokenStore<Id>>,
    /// The same store, if it can list.
    index: Option<Arc<dyn AccessTokenIndex<Id>>>,
    lifetime: Lifetime,
    idle: Option<IdleLimit>,
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

impl Accepted {
    fn audience(&self) -> Option<&str> {
        match self {
            Self::Audience(audience) => Some(audience),
            Self::Imported => None,
        }
    }
}

impl<Id: UserId> OpaqueStrategy<Id> {
    /// Tokens in `store` that live for `lifetime`.
    pub fn new(store: Arc<dyn AccessTokenIndex<Id>>, lifetime: Lifetime) -> Self {
        Self {
            index: Some(Arc::clone(&store)),
            ..Self::unlisted(store, lifetime)
        }
    }

    /// Tokens in a `store` that cannot list them, so that users cannot see where they are logged in.
    pub fn unlisted(store: Arc<dyn AccessTokenStore<Id>>, lifetime: Lifetime) -> Self {
        Self {
            store,
            index: None,
            lifetime,
            idle: None,
            accepted: Vec::new(),
            cap: Some(DEFAULT_CAP),
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

    /// Keeps at most `cap` tokens a user: a new one removes the oldest, or one that has expired. Tokens of other backends do not
    /// count, nor does the one that the client presents and that the new one [replaces](ReplaceStrategy). Without this,
    /// it is [`DEFAULT_CAP`].
    #[must_use]
    pub fn cap(mut self, cap: NonZeroU32) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Keeps any number of tokens a user.
    ///
    /// # Security
    /// Whoever can log in can then fill the store, and make lists and revocations of their tokens slow. Redis serves nobody
    /// else meanwhile. Put a limit of log-ins in front of the application.
    #[must_use]
    pub fn uncapped(mut self) -> Self {
        self.cap = None;
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

    /// Ends a token that was not used for `limit`. However often it is used, it ends with its lifetime.
    ///
    /// A use within the last tenth of a limit, but at most a minute, since a recorded one is not recorded: so the store is
    /// written rarely, and a token can end that much too early. A use that is recorded costs one more round trip.
    ///
    /// # Errors
    /// [`ConfigError`] naming `idle limit` if it is unlimited, or not shorter than the lifetime.
    pub fn idle(mut self, limit: Lifetime) -> Result<Self, ConfigError> {
        self.idle = Some(IdleLimit::new(limit, self.lifetime)?);
        Ok(self)
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

    /// The end of a token that is used at `now`.
    fn end_after_use(&self, token: &AccessToken<Id>, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let Some(end) = self.idle.and_then(|idle| idle.end(now)) else {
            return token.expires_at;
        };
        // A row that is older than the field, or was copied from another system, names no limit.
        let limit = token
            .absolute_expires_at
            .or_else(|| self.lifetime.end(token.created_at));
        Some(limit.map_or(end, |limit| limit.min(end)))
    }

    async fn find(
        &self,
        audience: &str,
        presented: &str,
        is_latest: bool,
    ) -> Result<(TokenLookup, AccessToken<Id>), ReadError> {
        for look_up in self.look_ups(audience, presented) {
            let found = match is_latest {
                true => self.store.find_latest(&look_up).await?,
                false => self.store.find(&look_up).await?,
            };
            if let Some(token) = found {
                return Ok((look_up, token));
            }
        }
        Err(Rejection::Unknown.into())
    }

    async fn read_by(
        &self,
        audience: &str,
        presented: &str,
        is_latest: bool,
    ) -> Result<Credential<Id>, ReadError> {
        if !is_plausible(presented) {
            return Err(Rejection::Malformed.into());
        }
        let (key, mut token) = self.find(audience, presented, is_latest).await?;
        let now = self.clock.now();
        if !token.is_live(now) && token.provenance.may_be_behind {
            token = self.store.find_latest(&key).await?.ok_or(Rejection::Unknown)?;
        }
        if !token.is_live(now) {
            if token.is_over(now) {
                // Otherwise it would be valid again if the clock steps back. It is rejected, whether or not it can be removed.
                let _removed = self.store.delete(&key).await;
            }
            return Err(Rejection::Expired.into());
        }
        let is_tracked = self
            .track_use
            .is_some_and(|interval| now - token.last_used_at >= interval);
        let is_due = self.idle.is_some_and(|idle| idle.is_due(token.last_used_at, now));
        if is_tracked || is_due {
            // The credential is good, whether or not its use can be recorded.
            let end = self.end_after_use(&token, now);
            let _written = self.store.touch(&key, now, end).await;
        }
        let mut credential = Credential::new(Subject::new(token.user_id, token.epoch));
        credential.id = Some(token.id);
        credential.issued_at = Some(token.created_at);
        credential.expires_at = token.expires_at;
        credential.actor = token.actor;
        credential.loaded_user = token.provenance.loaded_user;
        Ok(credential)
    }
}

/// True if it can be an opaque token. A JWT is rejected without a look-up.
fn is_plausible(presented: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    // Not `all`, because this takes several bytes at a time.
    let is_all = || presented.bytes().fold(true, |all, byte| all & is_base64url(byte));
    presented.len() <= MAX_TOKEN_BYTES && is_all()
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for OpaqueStrategy<Id> {
    async fn issue(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError> {
        let secret = generate_token(ShardTag::for_user(&log_in.subject.user_id))?;
        let now = self.clock.now();
        let digest = TokenLookup::for_audience(log_in.audience, secret.expose_secret()).digest;
        let mut token = AccessToken::new(TokenId::generate(), digest, log_in.subject.clone(), now);
        token.backend = log_in.audience.to_owned();
        token = token.ending(log_in.bounded(self.lifetime.end(now)));
        token.expires_at = self.end_after_use(&token, now);
        token.actor = log_in.actor.map(str::to_owned);
        token.client = log_in.client.clone();
        self.store.insert(&token, log_in.under(self.cap)).await?;
        // A client keeps it up to its absolute limit: an idle limit is the server's to judge.
        let issued = IssuedToken::new(secret, now, token.absolute_expires_at);
        Ok(Issued::new(issued))
    }

    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.read_by(audience, presented, false).await
    }

    async fn read_latest(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.read_by(audience, presented, true).await
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

    fn abilities(&self) -> Abilities<'_, Id> {
        Abilities {
            log_ins: self.index.as_deref(),
            replace: Some(self),
            also_accepts: self.accepted.iter().filter_map(Accepted::audience).collect(),
            ..Abilities::none()
        }
    }
}

#[async_trait]
impl<Id: UserId> ReplaceStrategy<Id> for OpaqueStrategy<Id> {
    async fn replaceable(
        &self,
        audience: &str,
        kind: TokenKind,
        presented: &str,
    ) -> Result<Option<TokenLookup>, StoreError> {
        if kind != TokenKind::Access || !is_plausible(presented) {
            return Ok(None);
        }
        if self.accepted.is_empty() {
            // If it has no row, there is nothing to be left out.
            return Ok(Some(TokenLookup::for_audience(audience, presented)));
        }
        match self.find(audience, presented, false).await {
            Ok((look_up, _token)) => Ok(Some(look_up)),
            Err(ReadError::Rejected(_)) => Ok(None),
            Err(ReadError::Unavailable(error)) => Err(error),
        }
    }

    async fn end(&self, log_in: &TokenLookup) -> Result<(), StoreError> {
        self.store.delete(log_in).await.map(drop)
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests;
