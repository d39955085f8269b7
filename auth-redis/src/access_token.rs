use std::{cmp::Reverse, fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, InsertTokenError, RotateTokens,
    ShardTag, StoreError, TokenId, TokenKind, TokenLookup, UserId, metrics::Timer,
};
use fred::{bytes::Bytes, types::Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Redis,
    call::{Limit, STORE},
    key,
    look_up::{OpenUser, OpenedUser},
    record::{self, Instant},
    redis::{unreadable, value},
    script::{ADVANCE, DELETE, DELETE_ALL, DELETE_BY_ID, INSERT, LIST, REWRITE, Script, TOUCH},
};

/// Access tokens on Redis.
///
/// A look-up is one `GET`, or one script if it [brings the user along](crate::RedisUserCache::access_tokens). Every other call is
/// one script, so a token and its user's index change together, and a cap holds under parallel log-ins. Listing a user's tokens,
/// removing them all or one by its id, and inserting one at the cap take the server time in proportion to their number.
///
/// A key expires with its token, by the server's clock, and so does the index with the last of its tokens. A token without an
/// expiry stays until it is revoked. Instants are kept in milliseconds; one before 1970 becomes 1970.
///
/// A call that failed at its deadline changes no token later, unless it was to revoke it: see [`Redis`].
///
/// If the connection breaks, a call is sent a second time. A deletion can then report that there was nothing to delete, and
/// [`advance`](RotateTokens::advance) that another call made the step, although the first attempt did it.
///
/// Rows that earlier versions wrote are read and revoked as they are. The first change of such a row writes it in the present
/// form, which costs two more round trips. Earlier versions cannot read that form: stop them before you start this one.
pub struct RedisAccessTokenStore<Id = Uuid> {
    pub(crate) redis: Redis,
    /// Reads the user of a log-in from the value of its key in a cache, if a look-up is to bring that along.
    pub(crate) open_user: Option<Arc<OpenUser<Id>>>,
    _id: PhantomData<fn() -> Id>,
}

impl<Id: UserId> RedisAccessTokenStore<Id> {
    /// A store on a [`Redis`]. A pool or a client gets the default settings of [`Redis`].
    #[must_use]
    pub fn new(redis: impl Into<Redis>) -> Self {
        Self {
            redis: redis.into(),
            open_user: None,
            _id: PhantomData,
        }
    }

    /// A store whose look-ups bring the cached user along.
    pub(crate) fn with_users(
        redis: Redis,
        open: impl Fn(&str, &Id, &[u8]) -> Option<OpenedUser> + Send + Sync + 'static,
    ) -> Self {
        Self {
            open_user: Some(Arc::new(open)),
            ..Self::new(redis)
        }
    }

    pub(crate) async fn insert_within(
        &self,
        limit: Limit,
        token: &AccessToken<Id>,
        cap: Option<Cap>,
    ) -> Result<(), InsertTokenError> {
        let value = value(record::write(token, record::delay(token.created_at)))?;
        let (tag, keys) = (ShardTag::for_user(&token.user_id), &self.redis.keys);
        let names = vec![keys.token(tag, &token.digest), keys.index(tag, &token.user_id)];
        let replaced = cap.and_then(|cap| cap.replaced);
        let replaced = replaced.map(|digest| key::encode(&digest)).unwrap_or_default();
        let args: Vec<Value> = vec![
            value,
            key::encode(&token.digest).into(),
            cap.map_or(0, |cap| cap.most.get()).into(),
            keys.tokens(tag).into(),
            replaced.into(),
        ];
        let index = names[1].clone();
        if !self.redis.run(limit, &INSERT, names, args).await? {
            return Err(InsertTokenError::DigestTaken);
        }
        if cap.is_some() {
            // Others may have been pushed out.
            self.redis.forget(&index);
        }
        Ok(())
    }

    /// Runs a `script` that changes the token of `key`. Returns the token as it is now, and whether this call changed it.
    async fn change(
        &self,
        key: &TokenLookup,
        script: &'static Script,
        change: impl IntoIterator<Item = Value>,
    ) -> Result<Option<(AccessToken<Id>, bool)>, StoreError> {
        let limit = self.redis.limit();
        let Some(tag) = self.tag(limit, key).await? else {
            return Ok(None);
        };
        let (keys, digest) = (&self.redis.keys, key::encode(&key.digest));
        let name = keys.token(tag, &key.digest);
        let mut args: Vec<Value> = vec![keys.indexes(tag).into(), digest.clone().into()];
        args.extend(change);
        loop {
            let (name, args) = (name.clone(), args.clone());
            let changed = self.redis.run(limit, script, vec![name.clone()], args).await;
            self.redis.forget(&name);
            let Some((found, by_this_call)): Option<(Bytes, bool)> = changed? else {
                return Ok(None);
            };
            let row = record::read::<Id>(key.digest, &found).map_err(unreadable)?;
            let Some(order) = row.old_order else {
                return Ok(Some((row.token, by_this_call)));
            };
            let names = vec![name, keys.index(tag, &row.token.user_id)];
            let args = vec![
                found.into(),
                value(record::write(&row.token, row.delay))?,
                (order + &digest).into(),
                digest.clone().into(),
            ];
            let () = self.redis.run(limit, &REWRITE, names, args).await?;
        }
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenStore<Id> for RedisAccessTokenStore<Id> {
    async fn insert(&self, token: &AccessToken<Id>, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        let _timed = Timer::of(STORE, "access_tokens.insert");
        self.insert_within(self.redis.limit(), token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        match (&self.redis.near, key.tag) {
            (Some(near), Some(tag)) => self.find_near(near, self.redis.limit(), tag, key).await,
            _ => self.find_latest(key).await,
        }
    }

    async fn find_latest(&self, key: &TokenLookup) -> Result<Option<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.find");
        let limit = self.redis.limit();
        match self.tag(limit, key).await? {
            Some(tag) => self.find_on_server(limit, tag, key).await,
            None => Ok(None),
        }
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.touch");
        let change = [Instant::at(at), Instant::of(expires_at)];
        self.change(key, &TOUCH, change.map(Value::from)).await.map(drop)
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete");
        let limit = self.redis.limit();
        let Some(tag) = self.tag(limit, key).await? else {
            return Ok(false);
        };
        let keys = &self.redis.keys;
        let args = vec![keys.indexes(tag).into(), key::encode(&key.digest).into()];
        let name = keys.token(tag, &key.digest);
        let deleted: u64 = self
            .redis
            .revoke(limit, &DELETE, vec![name.clone()], args)
            .await?;
        self.redis.forget(&name);
        Ok(deleted > 0)
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete_all");
        let (tag, keys, limit) = (ShardTag::for_user(user_id), &self.redis.keys, self.redis.limit());
        let index = keys.index(tag, user_id);
        let args = vec![keys.tokens(tag).into()];
        let deleted = self
            .redis
            .revoke(limit, &DELETE_ALL, vec![index.clone()], args)
            .await?;
        self.redis.forget(&index);
        Ok(deleted)
    }
}

#[async_trait]
impl<Id: UserId> AccessTokenIndex<Id> for RedisAccessTokenStore<Id> {
    async fn list(&self, user_id: &Id, epoch: i64) -> Result<Vec<AccessToken<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.list");
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        let (names, args) = (vec![keys.index(tag, user_id)], vec![keys.tokens(tag).into()]);
        let found: Vec<Bytes> = self.redis.run(self.redis.limit(), &LIST, names, args).await?;
        let (pairs, _none_left) = found.as_chunks();
        let mut rows = Vec::with_capacity(pairs.len());
        for [digest, value] in pairs {
            let digest = key::decode(digest)
                .ok_or_else(|| unreadable("an index has an entry that this crate did not write"))?;
            let row = record::read::<Id>(digest, value).map_err(unreadable)?;
            if row.token.epoch == epoch {
                rows.push(row);
            }
        }
        rows.sort_by_key(|row| Reverse((row.token.created_at, row.delay)));
        Ok(rows.into_iter().map(|row| row.token).collect())
    }

    async fn delete_by_id(&self, user_id: &Id, id: TokenId) -> Result<bool, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.delete_by_id");
        let (tag, keys) = (ShardTag::for_user(user_id), &self.redis.keys);
        let args = vec![keys.tokens(tag).into(), id.0.as_bytes().as_slice().into()];
        let (limit, index) = (self.redis.limit(), keys.index(tag, user_id));
        let deleted: u64 = self
            .redis
            .revoke(limit, &DELETE_BY_ID, vec![index.clone()], args)
            .await?;
        self.redis.forget(&index);
        Ok(deleted > 0)
    }
}

#[async_trait]
impl<Id: UserId> RotateTokens<Id> for RedisAccessTokenStore<Id> {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced<Id>>, StoreError> {
        let _timed = Timer::of(STORE, "access_tokens.advance");
        let kind = match step.kind {
            TokenKind::Access => "access",
            TokenKind::Refresh => "refresh",
        };
        let number = |number: i64| Value::from(number.to_be_bytes().as_slice());
        let keep_until = step.keep_until.map(Instant::at).map(Value::from);
        let change = [
            Instant::at(step.at).into(),
            Value::from_static_str(kind),
            number(step.from),
            number(step.from.wrapping_add(1)),
            keep_until.unwrap_or(Value::from_static_str("")),
        ];
        let advanced = self.change(key, &ADVANCE, change).await?;
        Ok(advanced.map(|(token, by_this_call)| Advanced::new(token, by_this_call)))
    }
}

impl<Id> Clone for RedisAccessTokenStore<Id> {
    fn clone(&self) -> Self {
        Self {
            redis: self.redis.clone(),
            open_user: self.open_user.clone(),
            _id: PhantomData,
        }
    }
}

impl<Id> fmt::Debug for RedisAccessTokenStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisAccessTokenStore").field(&self.redis).finish()
    }
}
