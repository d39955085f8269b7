//! Tokens to put into a store.

use auth_core::{
    AccessToken, Clock as _, ExposeSecret as _, ShardTag, Subject, SystemClock, TokenId, TokenLookup,
    generate_token,
};
use time::Duration;
use uuid::Uuid;

/// A token of `user` that lives for `span`, or for ever, and its key.
pub(crate) fn token(user: Uuid, span: Option<Duration>) -> (TokenLookup, AccessToken<Uuid>) {
    let secret = generate_token(ShardTag::for_user(&user)).expect("a token");
    let key = TokenLookup::new(secret.expose_secret());
    let now = SystemClock.now();
    let token = AccessToken::new(TokenId::generate(), key.digest, Subject::new(user, 0), now);
    (key, token.ending(span.map(|span| now + span)))
}

/// A token of `user` that lives for an hour.
pub(crate) fn hour(user: Uuid) -> (TokenLookup, AccessToken<Uuid>) {
    token(user, Some(Duration::HOUR))
}
