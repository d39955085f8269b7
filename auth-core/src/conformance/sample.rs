//! Users and tokens to put into a store.

use std::{collections::HashMap, sync::LazyLock};

use secrecy::ExposeSecret as _;
use time::{Duration, OffsetDateTime};

use super::{AccessTokenFixture, UserFixture, answered, parallel::at_once};
use crate::{
    AccessToken, AccessTokenStore, ClientInfo, Clock as _, Email, NewUser, PasswordHash, RoleName, ShardTag,
    Subject, SystemClock, TokenDigest, TokenId, TokenLookup, User, UserId, UserStore as _, generate_token,
};

/// A present instant that does not move during a test, with milliseconds that a coarser store would lose.
pub(super) fn start() -> OffsetDateTime {
    static START: LazyLock<OffsetDateTime> = LazyLock::new(|| {
        let now = SystemClock.now();
        now.replace_millisecond(123).unwrap_or(now)
    });
    *START
}

#[track_caller]
pub(super) fn email(typed: &str) -> Email {
    match typed.parse() {
        Ok(email) => email,
        Err(error) => panic!("{typed}: {error}"),
    }
}

#[track_caller]
pub(super) fn role(name: &str) -> RoleName {
    match name.parse() {
        Ok(name) => name,
        Err(error) => panic!("{error}"),
    }
}

/// The `n`-th new user. Users of different numbers differ in each field that has enough values.
pub(super) fn new_user<F: UserFixture>(fixture: &F, n: u32) -> NewUser<F::Id, F::Profile> {
    NewUser {
        id: F::Id::generate(),
        email: email(&format!("Zoë.Member-{n}@Example.COM")),
        password_hash: n
            .is_multiple_of(2)
            .then(|| PasswordHash::new(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${n}"))),
        is_active: n % 3 != 1,
        is_superuser: n % 3 == 1,
        is_verified: n % 4 < 2,
        // None, one, and several.
        roles: (0..n % 3).map(|m| role(&format!("Role_{m}.of-{n}"))).collect(),
        created_at: start() + Duration::milliseconds(i64::from(n) * 1001),
        profile: fixture.profile(n),
    }
}

pub(super) async fn insert<F: UserFixture>(
    fixture: &F,
    user: NewUser<F::Id, F::Profile>,
) -> User<F::Id, F::Profile> {
    answered(fixture.store().insert(user).await)
}

/// Inserts the `n`-th user.
pub(super) async fn inserted<F: UserFixture>(fixture: &F, n: u32) -> User<F::Id, F::Profile> {
    insert(fixture, new_user(fixture, n)).await
}

/// `user` with each field changed to that of the `n`-th user, but for the id, the creation and the revision.
pub(super) fn changed<F: UserFixture>(
    fixture: &F,
    user: &User<F::Id, F::Profile>,
    n: u32,
) -> User<F::Id, F::Profile> {
    let other = new_user(fixture, n);
    User {
        id: user.id.clone(),
        email: other.email,
        password_hash: match user.password_hash {
            Some(_) => None,
            None => Some(PasswordHash::new(format!("changed {n}"))),
        },
        is_active: !user.is_active,
        is_superuser: !user.is_superuser,
        is_verified: !user.is_verified,
        roles: other.roles,
        // More than 32 bits hold.
        security_epoch: user.security_epoch + (1 << 40) + i64::from(n),
        revision: user.revision,
        created_at: user.created_at,
        updated_at: user.updated_at + Duration::milliseconds(1007),
        profile: fixture.profile(n),
    }
}

/// Fails unless `actual` is `expected` in each field.
#[track_caller]
pub(super) fn assert_same<Id: UserId, P: std::fmt::Debug + PartialEq>(
    actual: Option<User<Id, P>>,
    expected: &User<Id, P>,
    promise: &str,
) {
    let Some(actual) = actual else {
        panic!("{promise}: the user is not there")
    };
    let differing = differing_field(&actual, expected);
    assert!(
        differing.is_none(),
        "{promise}: another `{}`",
        differing.unwrap_or_default()
    );
}

/// The first field in which the users differ; `None` if they are the same.
pub(super) fn differing_field<Id: UserId, P: PartialEq>(
    a: &User<Id, P>,
    b: &User<Id, P>,
) -> Option<&'static str> {
    let hash = |user: &User<Id, P>| user.password_hash.as_ref().map(|hash| hash.expose().to_owned());
    let fields = [
        ("id", a.id == b.id),
        ("email", a.email.as_str() == b.email.as_str()),
        ("normalised email", a.email.normalized() == b.email.normalized()),
        ("password_hash", hash(a) == hash(b)),
        ("is_active", a.is_active == b.is_active),
        ("is_superuser", a.is_superuser == b.is_superuser),
        ("is_verified", a.is_verified == b.is_verified),
        ("roles", a.roles == b.roles),
        ("security_epoch", a.security_epoch == b.security_epoch),
        ("revision", a.revision == b.revision),
        ("created_at", a.created_at == b.created_at),
        ("updated_at", a.updated_at == b.updated_at),
        ("profile", a.profile == b.profile),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}

/// The key of a real token of `user`, as a client would present it.
pub(super) fn token_key(user: &impl UserId) -> TokenLookup {
    TokenLookup::new(answered(generate_token(ShardTag::for_user(user))).expose_secret())
}

/// The backend of every token here.
pub(super) const BACKEND: &str = "web";

/// The epoch of every token here.
pub(super) const EPOCH: i64 = 7;

/// The user's `n`-th token, issued `n` seconds after the start, and its key.
pub(super) fn token<Id: UserId>(user: &Id, n: u32) -> (TokenLookup, AccessToken<Id>) {
    let key = token_key(user);
    (key, token_of(user, key.digest, n))
}

/// The user's `n`-th token, of a given digest.
pub(super) fn token_of<Id: UserId>(user: &Id, digest: TokenDigest, n: u32) -> AccessToken<Id> {
    let created_at = start() + Duration::seconds(i64::from(n));
    let subject = Subject::new(user.clone(), EPOCH);
    let mut token = AccessToken::new(TokenId::generate(), digest, subject, created_at);
    token.backend = BACKEND.to_owned();
    token.expires_at = Some(created_at + Duration::days(7) + Duration::milliseconds(1));
    token.absolute_expires_at = Some(created_at + Duration::days(30) + Duration::milliseconds(3));
    token.last_used_at = created_at + Duration::milliseconds(2);
    token.client = ClientInfo {
        user_agent: Some(format!("ClientInfo/{n}")),
        address: Some("2001:db8::7".to_owned()),
        label: Some(format!("label {n}")),
    };
    token
}

/// Inserts the user's `n`-th token, under no cap.
pub(super) async fn inserted_token<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    user: &Id,
    n: u32,
) -> (TokenLookup, AccessToken<Id>) {
    let (key, token) = token(user, n);
    answered(store.insert(&token, None).await);
    (key, token)
}

/// More tokens than fit in a page of 100 or 256.
pub(super) const HUNDREDS: u32 = 300;

/// The number of calls that the suite makes at once.
pub(super) const BATCH: usize = 50;

/// Inserts the user's first [`HUNDREDS`] of tokens, each issued a second after the one before, which expired at `end` if
/// that is given.
pub(super) async fn inserted_hundreds<F: AccessTokenFixture>(
    fixture: &F,
    user: &F::Id,
    end: Option<OffsetDateTime>,
) -> Vec<TokenLookup> {
    let mut tokens: Vec<_> = (0..HUNDREDS).map(|n| token(user, n)).collect();
    let keys = tokens.iter().map(|(key, _)| *key).collect();
    while !tokens.is_empty() {
        let batch = tokens.split_off(tokens.len().saturating_sub(BATCH));
        at_once(batch.into_iter().map(|(_, mut token)| {
            let store = fixture.store();
            token.expires_at = end.or(token.expires_at);
            async move { answered(store.insert(&token, None).await) }
        }))
        .await;
    }
    keys
}

/// Two users whose ids have one shard tag, each made by `user`.
pub(super) async fn users_of_one_shard_tag<Id: UserId>(user: impl AsyncFn(Option<Id>) -> Id) -> [Id; 2] {
    let mut seen = HashMap::new();
    loop {
        // An id that is generated here belongs to a user once there are two.
        let made = Id::generate();
        let id = match &made {
            Some(id) => id.clone(),
            None => user(None).await,
        };
        if let Some(other) = seen.insert(ShardTag::for_user(&id), id.clone()) {
            return match made {
                Some(_) => [user(Some(other)).await, user(Some(id)).await],
                None => [other, id],
            };
        }
    }
}

/// Pairs of ids that differ only in case, or in a trailing space. An id with only one spelling, such as a number or a
/// UUID, has no such pair.
pub(super) fn ids_that_look_alike<Id: UserId>() -> Vec<[Id; 2]> {
    let text = Id::generate().map(|id| id.to_string()).unwrap_or_default();
    let swapped = text.chars().map(|letter| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    });
    let swapped = swapped.collect();
    let mut shorter = text.clone();
    // No longer than an id is anyway, as a column may have no room for more.
    shorter.pop();
    let spaced = format!("{shorter} ");
    let pairs = [[text, swapped], [shorter, spaced]];
    let parsed = pairs.map(|pair| pair.map(|text| text.parse().ok()));
    let parsed = parsed.into_iter().filter_map(|[one, other]| Some([one?, other?]));
    parsed.filter(|[one, other]: &[Id; 2]| one != other).collect()
}

/// For each key, whether the store finds a token.
pub(super) async fn present<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    keys: &[TokenLookup],
) -> Vec<bool> {
    let mut present = Vec::with_capacity(keys.len());
    for key in keys {
        present.push(answered(store.find(key).await).is_some());
    }
    present
}
