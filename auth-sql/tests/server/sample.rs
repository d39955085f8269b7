//! Users and tokens.

use auth_core::{AccessToken, NewUser, PasswordHash, Subject, TokenId, TokenLookup, UserId};
use time::OffsetDateTime;

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("an instant")
}

pub(crate) fn new_user<Id: UserId, P>(name: &str, profile: P) -> NewUser<Id, P> {
    let mut new = NewUser::new(
        format!("{name}@example.com").parse().expect("an e-mail"),
        profile,
        now(),
    );
    new.password_hash = Some(PasswordHash::new("$argon2id$the-hash"));
    new
}

pub(crate) fn new_token<Id: UserId>(user: &Id, secret: &str) -> (TokenLookup, AccessToken<Id>) {
    let key = TokenLookup::new(secret);
    let token = AccessToken::new(
        TokenId::generate(),
        key.digest,
        Subject::new(user.clone(), 0),
        now(),
    );
    (key, token)
}
