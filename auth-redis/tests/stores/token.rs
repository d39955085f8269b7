//! Tokens to put into a store.

use auth_core::{
    AccessToken, ClientInfo, Clock as _, ExposeSecret as _, ShardTag, SystemClock, TokenId, TokenLookup,
    generate_token,
};
use time::Duration;
use uuid::Uuid;

/// A token of `user` that lives for `span`, or for ever, and its key.
pub(crate) fn token(user: Uuid, span: Option<Duration>) -> (TokenLookup, AccessToken<Uuid>) {
    let secret = generate_token(ShardTag::for_user(&user)).expect("a token");
    let key = TokenLookup::new(secret.expose_secret());
    let now = SystemClock.now();
    let token = AccessToken {
        id: TokenId::generate(),
        digest: key.digest,
        user_id: user,
        epoch: 0,
        created_at: now,
        expires_at: span.map(|span| now + span),
        last_used_at: now,
        client: ClientInfo::default(),
    };
    (key, token)
}

/// A token of `user` that lives for an hour.
pub(crate) fn hour(user: Uuid) -> (TokenLookup, AccessToken<Uuid>) {
    token(user, Some(Duration::HOUR))
}
