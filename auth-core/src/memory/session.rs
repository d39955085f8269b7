use std::{collections::HashMap, fmt, sync::Mutex};

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use super::lock;
use crate::{
    InsertTokenError, Predecessor, PurgeExpired, SessionChange, SessionStore, SessionWrite, StoreError,
    StoredSession, TokenDigest, TokenLookup, UserId,
};

/// Sessions with data in memory.
pub struct MemorySessionStore<Id = Uuid> {
    sessions: Mutex<HashMap<TokenDigest, StoredSession<Id>>>,
}

impl<Id: UserId> MemorySessionStore<Id> {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sessions: Mutex::default(),
        }
    }
}

impl<Id: UserId> Default for MemorySessionStore<Id> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id> fmt::Debug for MemorySessionStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessionStore")
            .field("sessions", &lock(&self.sessions).len())
            .finish()
    }
}

#[async_trait]
impl<Id: UserId> SessionStore<Id> for MemorySessionStore<Id> {
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession<Id>,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        let mut sessions = lock(&self.sessions);
        let taken = sessions.get(&key.digest);
        if let Some(old) = predecessor {
            match sessions.get(&old.key.digest) {
                // A call that is made again.
                None if taken == Some(session) => return Ok(SessionWrite::Done),
                None => return Ok(SessionWrite::Gone),
                Some(stored) if is_another(old.revision, stored) => return Ok(SessionWrite::Conflict),
                Some(_stored) => {}
            }
        }
        if taken.is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        if let Some(old) = predecessor {
            sessions.remove(&old.key.digest);
        }
        sessions.insert(key.digest, session.clone());
        Ok(SessionWrite::Done)
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, StoreError> {
        Ok(lock(&self.sessions).get(&key.digest).cloned())
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        let mut sessions = lock(&self.sessions);
        let stored = sessions.get_mut(&key.digest);
        let Some(session) = stored.filter(|session| session.is_live(change.at)) else {
            return Ok(SessionWrite::Gone);
        };
        if is_another(change.revision, session) {
            return Ok(SessionWrite::Conflict);
        }
        if let Some(data) = &change.data {
            session.data.clone_from(data);
            session.revision += 1;
        }
        session.last_used_at = change.at;
        session.expires_at = change.expires_at;
        Ok(SessionWrite::Done)
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        let mut sessions = lock(&self.sessions);
        match sessions.get(&key.digest) {
            None => Ok(SessionWrite::Gone),
            Some(session) if is_another(revision, session) => Ok(SessionWrite::Conflict),
            Some(_session) => {
                sessions.remove(&key.digest);
                Ok(SessionWrite::Done)
            }
        }
    }

    async fn delete_all(&self, user_id: &Id) -> Result<u64, StoreError> {
        let mut sessions = lock(&self.sessions);
        let before = sessions.len();
        sessions.retain(|_digest, session| {
            let subject = session.subject.as_ref();
            subject.is_none_or(|subject| subject.user_id != *user_id)
        });
        Ok((before - sessions.len()) as u64)
    }
}

#[async_trait]
impl<Id: UserId> PurgeExpired for MemorySessionStore<Id> {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let mut sessions = lock(&self.sessions);
        let dead = sessions.iter().filter(|(_digest, session)| !session.is_live(now));
        let doomed: Vec<_> = dead
            .map(|(digest, _session)| *digest)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        for digest in &doomed {
            sessions.remove(digest);
        }
        Ok(doomed.len() as u64)
    }
}

fn is_another<Id>(revision: Option<i64>, session: &StoredSession<Id>) -> bool {
    revision.is_some_and(|revision| revision != session.revision)
}
