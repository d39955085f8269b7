//! A session as a document.

use auth_core::{Clock as _, SessionChange, StoreError, StoredSession, Subject, SystemClock, TokenLookup};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::{
    DocumentId,
    digest::digest,
    failure::unreadable,
    instant::{date, instant},
};

/// A session as Serde reads it, directly from the server's answer.
#[derive(Deserialize)]
pub(super) struct SessionDocument {
    user_id: Option<Bson>,
    epoch: Option<i64>,
    data: String,
    revision: i64,
    created_at: DateTime,
    last_used_at: DateTime,
    expires_at: Option<DateTime>,
    absolute_expires_at: Option<DateTime>,
}

impl SessionDocument {
    /// # Errors
    /// [`StoreError`] if the user's id has another type, or a date is out of range.
    pub(super) fn session<Id: DocumentId>(self) -> Result<StoredSession<Id>, StoreError> {
        let mut session = StoredSession::new(self.data, instant(self.created_at)?);
        session.subject = match (self.user_id, self.epoch) {
            (None, None) => None,
            (Some(user_id), Some(epoch)) => Some(Subject::new(
                Id::from_bson(user_id).ok_or_else(unreadable)?,
                epoch,
            )),
            _ => return Err(unreadable()),
        };
        session.revision = self.revision;
        session.last_used_at = instant(self.last_used_at)?;
        session.expires_at = self.expires_at.map(instant).transpose()?;
        session.absolute_expires_at = self.absolute_expires_at.map(instant).transpose()?;
        Ok(session)
    }
}

/// The document of the `session` of `key`. Absent values have no field.
pub(super) fn document<Id: DocumentId>(key: &TokenLookup, session: &StoredSession<Id>) -> Document {
    let mut document = of_digest(key);
    if let Some(subject) = &session.subject {
        document.insert("user_id", subject.user_id.to_bson());
        document.insert("epoch", subject.epoch);
    }
    document.insert("data", &session.data);
    document.insert("revision", session.revision);
    document.insert("created_at", date(session.created_at));
    document.insert("last_used_at", date(session.last_used_at));
    for (name, end) in [
        ("expires_at", session.expires_at),
        ("absolute_expires_at", session.absolute_expires_at),
    ] {
        if let Some(end) = end {
            document.insert(name, date(end));
        }
    }
    document
}

/// The update that makes `change`.
pub(super) fn update(change: &SessionChange) -> Document {
    let mut set = doc! { "last_used_at": date(change.at) };
    let mut update = Document::new();
    match change.expires_at {
        Some(end) => _ = set.insert("expires_at", date(end)),
        None => _ = update.insert("$unset", doc! { "expires_at": "" }),
    }
    if let Some(data) = &change.data {
        set.insert("data", data);
        update.insert("$inc", doc! { "revision": 1_i64 });
    }
    update.insert("$set", set);
    update
}

/// The field of a session that was replaced: the digest of the one that took its place.
pub(super) const REPLACED_BY: &str = "replaced_by";

/// How long a replaced session stays, so that whoever makes the call again learns what became of it.
const REPLACED_FOR: Duration = Duration::minutes(1);

/// The filter that finds the document of `key`, also if it was replaced.
pub(super) fn of_digest(key: &TokenLookup) -> Document {
    doc! { "_id": digest(&key.digest) }
}

/// The filter that finds the session of `key`.
pub(super) fn of_key(key: &TokenLookup) -> Document {
    let mut filter = of_digest(key);
    filter.insert(REPLACED_BY, doc! { "$exists": false });
    filter
}

/// The filter that finds the session of `key` unless it has expired at `at`.
pub(super) fn of_live_key(key: &TokenLookup, at: OffsetDateTime) -> Document {
    let mut filter = of_key(key);
    filter.insert("$nor", vec![expired(at)]);
    filter
}

/// The update that leaves of a session only that the one of `key` took its place.
pub(super) fn replaced_by(key: &TokenLookup) -> Document {
    // By the system's clock, because the server removes it by its own.
    let end = SystemClock.now() + REPLACED_FOR;
    doc! {
        "$set": { REPLACED_BY: digest(&key.digest), "expires_at": date(end) },
        "$unset": {
            "user_id": "", "epoch": "", "data": "", "revision": "", "created_at": "", "last_used_at": "",
            "absolute_expires_at": "",
        },
    }
}

/// True if `document` says that the session of `key` took its place.
pub(super) fn is_replaced_by(document: &Document, key: &TokenLookup) -> bool {
    document.get(REPLACED_BY) == Some(&digest(&key.digest))
}

/// The filter that matches a session that has expired at `at`.
pub(super) fn expired(at: OffsetDateTime) -> Document {
    doc! { "expires_at": { "$lte": date(at) } }
}
