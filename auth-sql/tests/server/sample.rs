//! Users and tokens.

use auth_core::{AccessToken, NewUser, PasswordHash, SessionChange, Subject, TokenId, TokenLookup, UserId};
use time::{Duration, OffsetDateTime};

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

/// A change of a session that expires a day later.
pub(crate) fn change(data: Option<&str>, revision: Option<i64>) -> SessionChange {
    let mut change = SessionChange::new(now(), Some(now() + Duration::DAY));
    change.data = data.map(str::to_owned);
    change.revision = revision;
    change
}
