//! Users and tokens.

use auth_core::{AccessToken, ClientInfo, NewUser, PasswordHash, TokenId, TokenLookup, UserId};
use time::OffsetDateTime;

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("an instant")
}

pub(crate) fn new_user<Id: UserId, P>(name: &str, profile: P) -> NewUser<Id, P> {
    NewUser {
        id: Id::generate(),
        email: format!("{name}@example.com").parse().expect("an e-mail"),
        password_hash: Some(PasswordHash::new("$argon2id$the-hash")),
        is_active: true,
        is_superuser: false,
        is_verified: false,
        created_at: now(),
        profile,
    }
}

pub(crate) fn new_token<Id: UserId>(user: &Id, secret: &str) -> (TokenLookup, AccessToken<Id>) {
    let key = TokenLookup::new(secret);
    let token = AccessToken {
        id: TokenId::generate(),
        digest: key.digest,
        user_id: user.clone(),
        epoch: 0,
        created_at: now(),
        expires_at: None,
        last_used_at: now(),
        client: ClientInfo::default(),
    };
    (key, token)
}
