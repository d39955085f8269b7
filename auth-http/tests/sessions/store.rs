//! Sessions in memory, whose calls are counted, and which can be out of reach.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, Predecessor, SessionChange, SessionStore, SessionWrite, StoreError, StoredSession,
    TokenLookup, memory::MemorySessionStore,
};
use uuid::Uuid;

/// The part of a creation that is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    OfTheCall,
    OfTheAnswer,
    /// The answer, which would come after the deadline.
    OfTime,
    /// The answer, and a log-out has ended the predecessor before.
    AfterALogOut,
    /// The answer, and a log-out ends the new session at once.
    BeforeALogOut,
}

#[derive(Default)]
pub(crate) struct Store {
    stored: MemorySessionStore,
    calls: Mutex<Vec<&'static str>>,
    /// No call is answered.
    pub(crate) is_down: AtomicBool,
    /// Only look-ups are answered.
    pub(crate) is_read_only: AtomicBool,
    /// A session is ended by another request right after its replacement met a conflict.
    pub(crate) ends_after_conflict: AtomicBool,
    /// The losses of the next creations, the last first.
    pub(crate) losses: Mutex<Vec<Loss>>,
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
    async fn create(
        &self,
        key: &TokenLookup,
        session: &StoredSession,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        self.call("create")?;
        let loss = self.losses.lock().expect("no panic under the lock").pop();
        if let (Some(Loss::AfterALogOut), Some(old)) = (loss, predecessor) {
            self.stored.delete(&old.key, None).await?;
        }
        if !matches!(loss, Some(Loss::OfTheCall)) {
            let outcome = self.stored.create(key, session, predecessor).await?;
            let ends = self.ends_after_conflict.load(Ordering::SeqCst);
            if let (SessionWrite::Conflict, Some(old), true) = (outcome, predecessor, ends) {
                self.stored.delete(&old.key, None).await?;
            }
            if loss.is_none() {
                return Ok(outcome);
            }
        }
        if matches!(loss, Some(Loss::BeforeALogOut)) {
            self.stored.delete(key, None).await?;
        }
        Err(match loss {
            Some(Loss::OfTime) => StoreError::timeout("sessions", Duration::from_secs(2)).into(),
            _ => StoreError::unreachable("sessions", "the answer is lost").into(),
        })
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
        self.stored.delete(key, revision).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.call("delete_all")?;
        self.stored.delete_all(user_id).await
    }
}
