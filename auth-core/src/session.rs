//! Sessions with data, and the stores that hold them.

use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{InsertTokenError, StoreError, Subject, TokenLookup};

/// The longest data of a session, in bytes of its JSON text. A store must keep that much.
pub const MAX_SESSION_BYTES: usize = 16 * 1024;

/// A session with data in its stored form. Its key is the [`TokenLookup`] of its id.
///
/// Its `Debug` does not print the data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSession<Id = Uuid> {
    /// The user who logged in through it, and the user's security epoch at that time. `None` for a visitor.
    pub subject: Option<Subject<Id>>,
    /// The data, as JSON text of at most [`MAX_SESSION_BYTES`]. A store keeps it byte for byte.
    pub data: String,
    /// How often the data was replaced. The first is 0.
    pub revision: i64,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used, as exactly as the front end keeps track of it.
    pub last_used_at: OffsetDateTime,
    /// The first instant at which it is no longer valid, unless it is used before. `None` if it never expires.
    pub expires_at: Option<OffsetDateTime>,
    /// The instant past which `expires_at` never moves. `None` if there is no such limit.
    pub absolute_expires_at: Option<OffsetDateTime>,
}

impl<Id> StoredSession<Id> {
    /// A visitor's session that begins at `created_at` and never expires. The fields are public: set those that are to differ.
    #[must_use]
    pub fn new(data: String, created_at: OffsetDateTime) -> Self {
        Self {
            subject: None,
            data,
            revision: 0,
            created_at,
            last_used_at: created_at,
            expires_at: None,
            absolute_expires_at: None,
        }
    }

    /// True if the session is valid at `now`, which is strictly before its expiry.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl<Id: fmt::Debug> fmt::Debug for StoredSession<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("subject", &self.subject)
            .field("data", &format_args!("{} bytes", self.data.len()))
            .field("revision", &self.revision)
            .field("created_at", &self.created_at)
            .field("last_used_at", &self.last_used_at)
            .field("expires_at", &self.expires_at)
            .field("absolute_expires_at", &self.absolute_expires_at)
            .finish()
    }
}

/// A change of a stored session: see [`SessionStore::save`].
///
/// Its `Debug` does not print the data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionChange {
    /// The revision that is replaced. With `None`, the last writer wins.
    pub revision: Option<i64>,
    /// The new data. `None` leaves the data and the revision as they are.
    pub data: Option<String>,
    /// When it is changed, which becomes `last_used_at`.
    pub at: OffsetDateTime,
    /// The new `expires_at`, which the caller keeps within `absolute_expires_at`.
    pub expires_at: Option<OffsetDateTime>,
}

impl SessionChange {
    /// A use at `at`, after which the session expires at `expires_at`. It replaces no data: set the other fields for that.
    #[must_use]
    pub fn new(at: OffsetDateTime, expires_at: Option<OffsetDateTime>) -> Self {
        Self {
            revision: None,
            data: None,
            at,
            expires_at,
        }
    }
}

impl fmt::Debug for SessionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.data.as_ref().map(String::len);
        f.debug_struct("SessionChange")
            .field("revision", &self.revision)
            .field("data", &bytes.map(|bytes| format!("{bytes} bytes")))
            .field("at", &self.at)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// The session whose place a new one takes: see [`SessionStore::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Predecessor {
    /// The key under which it is stored.
    pub key: TokenLookup,
    /// The only revision that is replaced. `None` for any.
    pub revision: Option<i64>,
}

impl Predecessor {
    /// The session of `key`, if its revision is `revision`, unless that is `None`.
    #[must_use]
    pub fn new(key: TokenLookup, revision: Option<i64>) -> Self {
        Self { key, revision }
    }
}

/// The outcome of a replacement, a change or a deletion of a stored session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionWrite {
    /// It is done.
    Done,
    /// The session is there, with another revision. Nothing was changed.
    Conflict,
    /// The session is not there, or has expired. Nothing was changed.
    Gone,
}

/// A store of sessions with data.
///
/// Each method is one atomic operation with a deadline. A store need not hide expired sessions, because the front end
/// checks the clock. It may remove a session at any time after its expiry.
///
/// The [`tag`](TokenLookup::tag) of every key is there. It is that of the user if the session has one, and a random one
/// for a visitor's, so a store that is partitioned by user has all sessions of a user in one partition.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no sessions of users with ids `{Id}`",
    label = "no store of sessions",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait SessionStore<Id = Uuid>: Send + Sync {
    /// Inserts `session` under `key`, in the place of its predecessor, if it has one. Without one, it is
    /// [`Done`](SessionWrite::Done).
    ///
    /// The predecessor is removed, if its revision is the one that is named. After `Done` and
    /// [`Gone`](SessionWrite::Gone), no look-up finds it. After `Gone` and [`Conflict`](SessionWrite::Conflict),
    /// `session` is not there. Of several calls that replace or delete one session, one finds it.
    ///
    /// With a predecessor, the call can be made again with the same arguments, if its answer was lost and it does not
    /// still run. It is `Done` if the first one was, although the predecessor is gone by then. But it never brings back
    /// what was removed since: if a log-out has ended `session`, or the predecessor before it was replaced, the answer is
    /// `Gone`. A store may forget the first call after a minute, and then the answer is `Gone`, too.
    ///
    /// A store that keeps the two in different places may have both for a moment, and after an error. Nobody knows the
    /// new key until then.
    ///
    /// # Errors
    /// - [`InsertTokenError::DigestTaken`] if the store already has another session under this key. Then nothing is
    ///   written.
    /// - [`InsertTokenError::Store`] if the store does not answer. The session may have been inserted, and the
    ///   predecessor removed.
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError>;

    /// The session of `key`. Digests are compared byte for byte.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, StoreError>;

    /// Changes the session of `key`, if it is stored and has not expired at `change.at`, and if its revision is
    /// `change.revision`, unless that is `None`. It sets `last_used_at` and `expires_at`. If `change` has data, it
    /// replaces the data, and adds 1 to the revision. It never restores a removed session, and never revives an expired
    /// one.
    ///
    /// If it does not know whether a first attempt was made, because the answer was lost, a second attempt must not find
    /// a [`Conflict`](SessionWrite::Conflict) with the first. An error is better.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The change may have been made.
    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError>;

    /// Removes the session of `key`, if its revision is `revision`, unless that is `None`. After [`SessionWrite::Done`] and
    /// [`SessionWrite::Gone`], no look-up finds the session. An expired session that is still stored may be either.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The session may still be there.
    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError>;

    /// Removes every session of the user, and returns their number. After it returns, no look-up finds a session that was
    /// created before the call.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. Sessions may still be there.
    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError>;
}
