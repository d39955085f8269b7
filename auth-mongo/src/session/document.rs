//! A session as a document.

use auth_core::{SessionChange, StoreError, StoredSession, Subject, TokenLookup};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;
use time::OffsetDateTime;

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
    let mut document = of_key(key);
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

/// The filter that finds the session of `key`.
pub(super) fn of_key(key: &TokenLookup) -> Document {
    doc! { "_id": digest(&key.digest) }
}

/// The filter that finds the session of `key` unless it has expired at `at`.
pub(super) fn of_live_key(key: &TokenLookup, at: OffsetDateTime) -> Document {
    doc! { "_id": digest(&key.digest), "$nor": [expired(at)] }
}

/// The filter that matches a session that has expired at `at`.
pub(super) fn expired(at: OffsetDateTime) -> Document {
    doc! { "expires_at": { "$lte": date(at) } }
}
