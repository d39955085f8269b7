//! Sessions to put into a store.

use auth_core::{
    Clock as _, ExposeSecret as _, SessionChange, ShardTag, StoredSession, Subject, SystemClock, TokenLookup,
    generate_token,
};
use time::Duration;
use uuid::Uuid;

/// A session of `user`, or of a visitor, that lives for `span`, or for ever, and its key.
pub(crate) fn session(user: Option<Uuid>, span: Option<Duration>) -> (TokenLookup, StoredSession<Uuid>) {
    let tag = match user {
        Some(user) => ShardTag::for_user(&user),
        None => ShardTag::random().expect("a tag"),
    };
    let secret = generate_token(tag).expect("an id");
    let key = TokenLookup::for_audience("session:cart", secret.expose_secret());
    let now = SystemClock.now();
    let mut session = StoredSession::new(r#"{"items":[]}"#.to_owned(), now);
    session.subject = user.map(|user_id| Subject::new(user_id, 0));
    session.expires_at = span.map(|span| now + span);
    (key, session)
}

/// A change of the data of `session`, which leaves its expiry.
pub(crate) fn change(
    session: &StoredSession<Uuid>,
    data: &str,
    revision: impl Into<Option<i64>>,
) -> SessionChange {
    let mut change = SessionChange::new(session.created_at + Duration::SECOND, session.expires_at);
    change.data = Some(data.to_owned());
    change.revision = revision.into();
    change
}
