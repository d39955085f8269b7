//! Tokens that another system issued. Such a token has no shard tag, so an alias key leads from its digest to its user.

use auth_core::{
    AccessToken, InsertTokenError, ShardTag, StoreError, TokenLookup, UserId, unix_milliseconds,
};
use fred::bytes_utils::Str;

use crate::{RedisAccessTokenStore, call::Limit, script::PUT_ALIAS};

impl<Id: UserId> RedisAccessTokenStore<Id> {
    /// Inserts a token that another system issued, whose [`TokenLookup`] has no tag.
    ///
    /// [`insert`](auth_core::AccessTokenStore::insert) does not do for such a token: look-ups without a tag would not find
    /// it.
    ///
    /// The token needs a second key, its alias, and each call that names it needs a second round trip. The alias
    /// expires at the token's `absolute_expires_at`: set it by [`AccessToken::ending`]. Without that limit the alias stays
    /// after the token is gone, and then leads to nothing.
    ///
    /// # Errors
    /// [`InsertTokenError::DigestTaken`] if there is a token of this digest, or another user had one.
    pub async fn adopt(&self, token: &AccessToken<Id>) -> Result<(), InsertTokenError> {
        let name = self.redis.keys.alias(&token.digest);
        let end = token
            .absolute_expires_at
            .map(|end| unix_milliseconds(end).to_string());
        let args = vec![token.user_id.to_string().into(), end.unwrap_or_default().into()];
        let limit = self.redis.limit();
        // The alias first: an alias without a token does no harm, but a token without an alias could not be revoked.
        if !self.redis.run(limit, &PUT_ALIAS, vec![name], args).await? {
            return Err(InsertTokenError::DigestTaken);
        }
        self.insert_within(limit, token, None).await
    }

    /// The shard tag of the token of `key`; `None` if there is no such token.
    pub(crate) async fn tag(&self, limit: Limit, key: &TokenLookup) -> Result<Option<ShardTag>, StoreError> {
        if key.tag.is_some() {
            return Ok(key.tag);
        }
        let name = self.redis.keys.alias(&key.digest);
        let user_id: Option<Str> = self.redis.get(limit, name).await?;
        Ok(user_id.map(|user_id| ShardTag::for_user(&user_id)))
    }
}
