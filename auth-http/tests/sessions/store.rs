//! Sessions in memory, whose calls are counted, and which can be out of reach.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, SessionChange, SessionStore, SessionWrite, StoreError, StoredSession, TokenLookup,
    memory::MemorySessionStore,
};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Store {
    stored: MemorySessionStore,
    calls: Mutex<Vec<&'static str>>,
    /// No call is answered.
    pub(crate) is_down: AtomicBool,
    /// Only look-ups are answered.
    pub(crate) is_read_only: AtomicBool,
    /// A session is ended by another request right after a deletion met a conflict.
    pub(crate) ends_after_conflict: AtomicBool,
}

impl Store {
    /// The calls since the last time.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().expect("no panic under the lock"))
    }

    /// The number of sessions, as its `Debug` says.
    pub(crate) fn len(&self) -> usize {
        let shown = format!("{:?}", self.stored);
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    }

    fn call(&self, name: &'static str) -> Result<(), StoreError> {
        self.calls.lock().expect("no panic under the lock").push(name);
        let is_write = name != "load";
        if self.is_down.load(Ordering::SeqCst) || (is_write && self.is_read_only.load(Ordering::SeqCst)) {
            return Err(StoreError::unreachable("sessions", "out of reach"));
        }
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, key: &TokenLookup, session: &StoredSession) -> Result<(), InsertTokenError> {
        self.call("create")?;
        self.stored.create(key, session).await
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<StoredSession>, StoreError> {
        self.call("load")?;
        self.stored.load(key).await
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        self.call("save")?;
        self.stored.save(key, change).await
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        self.call("delete")?;
        let outcome = self.stored.delete(key, revision).await?;
        if outcome == SessionWrite::Conflict && self.ends_after_conflict.load(Ordering::SeqCst) {
            self.stored.delete(key, None).await?;
        }
        Ok(outcome)
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.call("delete_all")?;
        self.stored.delete_all(user_id).await
    }
}
