//! Sessions to put into a store.

use secrecy::ExposeSecret as _;
use time::Duration;

use crate::{
    SessionChange, SessionStore, ShardTag, StoredSession, Subject, TokenDigest, TokenLookup, UserId,
    conformance::{answered, sample::start},
    generate_token,
};

/// The kind of every session here.
const KIND: &str = "session:conformance";

/// The key of a real session of `user`, or of a visitor, as a client would present it.
pub(super) fn session_key<Id: UserId>(user: Option<&Id>) -> TokenLookup {
    let tag = user.map_or_else(|| answered(ShardTag::random()), ShardTag::for_user);
    TokenLookup::for_audience(KIND, answered(generate_token(tag)).expose_secret())
}

/// The same key with another digest.
pub(super) fn with_digest(key: TokenLookup, bytes: [u8; 32]) -> TokenLookup {
    TokenLookup {
        digest: TokenDigest::from_bytes(bytes),
        ..key
    }
}

/// The `n`-th session of `user`, or of a visitor, which began `n` seconds after the start, and its key.
pub(in super::super) fn session<Id: UserId>(user: Option<&Id>, n: u32) -> (TokenLookup, StoredSession<Id>) {
    let created_at = start() + Duration::seconds(i64::from(n));
    let mut session = StoredSession::new(format!(r#"{{"n":{n},"seen":["é"]}}"#), created_at);
    session.subject = user.map(|user| Subject::new(user.clone(), 7));
    session.last_used_at = created_at + Duration::milliseconds(2);
    session.expires_at = Some(created_at + Duration::days(7) + Duration::milliseconds(1));
    session.absolute_expires_at = Some(created_at + Duration::days(30) + Duration::milliseconds(3));
    (session_key(user), session)
}

/// Creates the `n`-th session of `user`, or of a visitor.
pub(super) async fn created<Id: UserId>(
    store: &impl SessionStore<Id>,
    user: Option<&Id>,
    n: u32,
) -> (TokenLookup, StoredSession<Id>) {
    let (key, session) = session(user, n);
    answered(store.create(&key, &session, None).await);
    (key, session)
}

/// The `n`-th change of the data, made `n` minutes after the start.
pub(super) fn change(n: u32, revision: Option<i64>) -> SessionChange {
    let at = start() + Duration::minutes(i64::from(n)) + Duration::milliseconds(1);
    let mut change = SessionChange::new(at, Some(at + Duration::days(8)));
    change.data = Some(format!(r#"{{"changed":{n}}}"#));
    change.revision = revision;
    change
}

/// The session after `change`.
pub(super) fn changed<Id: UserId>(session: &StoredSession<Id>, change: &SessionChange) -> StoredSession<Id> {
    let mut changed = session.clone();
    if let Some(data) = &change.data {
        changed.data.clone_from(data);
        changed.revision += 1;
    }
    changed.last_used_at = change.at;
    changed.expires_at = change.expires_at;
    changed
}

/// For each key, whether the store finds a session.
pub(in super::super) async fn loaded<Id: UserId>(
    store: &impl SessionStore<Id>,
    keys: &[TokenLookup],
) -> Vec<bool> {
    let mut loaded = Vec::with_capacity(keys.len());
    for key in keys {
        loaded.push(answered(store.load(key).await).is_some());
    }
    loaded
}
