use std::{fmt, marker::PhantomData, num::NonZeroU32};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, InsertTokenError, ShardTag, StoreError, TokenId,
    TokenLookup, UserId,
};
use fred::{bytes_utils::Str, types::Key};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Redis,
    call::{Attempt, Limit, STORE},
    key, record,
    redis::unreadable,
    script::{DELETE, DELETE_ALL, DELETE_BY_ID, INSERT, LIST, TOUCH},
};

/// Access tokens on Redis.
///
/// A look-up is one `GET`. Every other call is one script, so a token and its user's index change together, and a cap
/// holds under parallel log-ins. Listing a user's tokens, or removing them all, takes the server time in proportion to
/// their number.
///
/// A key expires with its token, by the server's clock. A token without an expiry stays until it is revoked.
///
/// If the connection breaks, a deletion is sent a second time. It can then report that there was nothing to delete, although
/// the first attempt deleted the token.
pub struct RedisAccessTokenStore<Id = Uuid> {
    pub(crate) redis: Redis,
    _id: PhantomData<fn() -> Id>,
}

impl<Id: UserId> RedisAccessTokenStore<Id> {
    /// A store on a [`Redis`]. A pool or a client gets the default settings of [`Redis`].
    #[must_use]
    pub fn new(redis: impl Into<Redis>) -> Self {
        Self {
            redis: redis.into(),
            _id: PhantomData,
        }
    }

    pub(crate) async fn insert_within(
        &self,
        limit: Limit,
        token: &AccessToken<Id>,
        cap: Option<NonZeroU32>,
    ) -> Result<(), InsertTokenError> {
        let written = record::write(token).map_err(|error| StoreError::internal(STORE, error))?;
        let tag = ShardTag::for_user(&token.user_id);
        let (keys, digest) = (&self.redis.keys, key::encode(&token.digest));
        let names = vec![keys.token(tag, &token.digest), keys.index(tag, &token.user_id)];
        let end = token.expires_at.map(record::milliseconds);
        let args = vec![
            written.value,
            written.order + &digest,
            end.map_or_else(|| "+inf".to_owned(), |end| end.to_string()),
            cap.map_or(0, NonZeroU32::get).to_string(),
            keys.tokens(tag),
        ];
        let insert = |attempt: Attempt| {
            let (names, mut args) = (names.clone(), args.clone());
            // A second attempt may find the token that the first one inserted.
            args.push(if attempt.repeated {
                record::id_field(token.id)
            } else {
                String::new()
            });
            attempt.run(&INSERT, names, args)
        };
        match self.redis.call(limit, &insert).await? {
            true => Ok(()),
            false => Err(InsertTokenError::DigestTaken),
        }
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenStore<Id> for RedisAccessTokenStore<Id> {
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<NonZeroU32>) -> Result<(), InsertTokenError> {
        self.insert_within(self.redis.limit(), token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        let limit = self.redis.limit();
        let Some(name) = self.name(limit, key).await?.map(Key::from) else {
            return Ok(None);
        };
        let value: Option<Str> = self
            .redis
            .call(limit, &|attempt| attempt.get(name.clone()))
            .await?;
        let token = value.map(|value| record::read(key.digest, &value).map(|(token, _order)| token));
        token.transpose().map_err(unreadable)
    }

    async fn touch(&self, key: &TokenLookup, at: OffsetDateTime) -> Result<(), StoreError> {
        let limit = self.redis.limit();
        let Some(name) = self.name(limit, key).await? else {
            return Ok(());
        };
        let args = vec![record::LAST_USED_AT.to_string(), record::last_used_at(at)];
        self.redis.run(limit, &TOUCH, vec![name], args).await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let limit = self.redis.limit();
        let Some(tag) = self.tag(limit, key).await? else {
            return Ok(false);
        };
        let keys = &self.redis.keys;
        let args = vec![keys.indexes(tag), key::encode(&key.digest)];
        let deleted = self
            .redis
            .revoke(limit, &DELETE, vec![keys.token(tag, &key.digest)], args)
            .await?;
        Ok(deleted > 0)
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        self.redis
            .revoke(
                self.redis.limit(),
                &DELETE_ALL,
                vec![keys.index(tag, user_id)],
                vec![keys.tokens(tag)],
            )
            .await
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenIndex<Id> for RedisAccessTokenStore<Id> {
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError> {
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        let (names, args) = (vec![keys.index(tag, user_id)], vec![keys.tokens(tag)]);
        let found: Vec<Str> = self.redis.run(self.redis.limit(), &LIST, names, args).await?;
        let (pairs, _none_left) = found.as_chunks();
        let mut tokens = Vec::with_capacity(pairs.len());
        for [digest, value] in pairs {
            let digest = key::decode(digest)
                .ok_or_else(|| unreadable("an index has an entry that this crate did not write"))?;
            let (token, order) = record::read::<Id>(digest, value).map_err(unreadable)?;
            if token.epoch == epoch {
                tokens.push((order, token));
            }
        }
        tokens.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(tokens.into_iter().map(|(_order, token)| token).collect())
    }

    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        let args = vec![keys.tokens(tag), record::id_field(id)];
        let deleted = self
            .redis
            .revoke(
                self.redis.limit(),
                &DELETE_BY_ID,
                vec![keys.index(tag, user_id)],
                args,
            )
            .await?;
        Ok(deleted > 0)
    }
}

impl<Id> Clone for RedisAccessTokenStore<Id> {
    fn clone(&self) -> Self {
        Self {
            redis: self.redis.clone(),
            _id: PhantomData,
        }
    }
}

impl<Id> fmt::Debug for RedisAccessTokenStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisAccessTokenStore").field(&self.redis).finish()
    }
}
