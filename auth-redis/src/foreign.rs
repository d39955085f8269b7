//! Tokens of another system, whose strings do not say where they stand.

use auth_core::{AccessToken, InsertTokenError, ShardTag, StoreError, TokenLookup, UserId};
use fred::{bytes_utils::Str, interfaces::KeysInterface as _};

use crate::{RedisAccessTokenStore, call::Limit, record::milliseconds, script::LEAD};

impl<Id: UserId> RedisAccessTokenStore<Id> {
    /// Inserts a token that another system issued: one whose [`TokenLookup`] has no tag. An ordinary insertion puts a token
    /// where only a key with a tag is looked for.
    ///
    /// Such a token costs a second key, and a second round trip at each call that names it. The key expires with the
    /// token; that of a token for ever stays, though it leads nowhere once the token is revoked.
    ///
    /// # Errors
    /// [`InsertTokenError::DigestTaken`] if a token of this digest is there already, or was another user's.
    pub async fn adopt(&self, token: &AccessToken<Id>) -> Result<(), InsertTokenError> {
        let name = self.redis.keys.foreign(&token.digest);
        let end = token.expires_at.map(milliseconds).map(|end| end.to_string());
        let args = vec![token.user_id.to_string(), end.unwrap_or_default()];
        let limit = self.redis.limit();
        // Before the token: a way may lead nowhere, but a token to which none leads could not be revoked.
        if !self.redis.run(limit, &LEAD, vec![name], args).await? {
            return Err(InsertTokenError::DigestTaken);
        }
        self.insert_within(limit, token, None).await
    }

    /// The name of the token of `key`; `None` if there is no such token.
    pub(crate) async fn name(&self, limit: Limit, key: &TokenLookup) -> Result<Option<String>, StoreError> {
        let tag = self.tag(limit, key).await?;
        Ok(tag.map(|tag| self.redis.keys.token(tag, &key.digest)))
    }

    /// The tag under which the token of `key` stands; `None` if there is no such token.
    pub(crate) async fn tag(&self, limit: Limit, key: &TokenLookup) -> Result<Option<ShardTag>, StoreError> {
        if key.tag.is_some() {
            return Ok(key.tag);
        }
        let name = self.redis.keys.foreign(&key.digest);
        let user_id = self.redis.call(limit, |attempt| {
            let name = name.clone();
            async move { attempt.client.get::<Option<Str>, _>(name).await }
        });
        Ok(user_id.await?.map(|user_id| ShardTag::for_user(&user_id)))
    }
}
