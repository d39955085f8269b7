//! Writing the session of a request.

use auth_core::{
    ExposeSecret as _, InsertTokenError, MAX_SESSION_BYTES, Predecessor, Profile, SessionChange,
    SessionWrite, ShardTag, StoreError, StoreErrorKind, StoredSession, Subject, TokenLookup, UserId,
};
use time::OffsetDateTime;

use super::{
    OnConflict, RequestSession, SessionData, Shared, earlier, id,
    state::{Change, Delivery, State, Stored, unauthorized},
};
use crate::HttpError;

/// How often a change is made again on the data of others: far more often than requests of one visitor meet.
pub(super) const MAX_ATTEMPTS: u32 = 32;

/// The write that brings the store up to the session as it is here.
enum Step {
    Nothing,
    Create(String),
    Save(TokenLookup, SessionChange),
    /// Only the limit moves.
    Slide(TokenLookup, SessionChange),
}

/// The session whose data another request has changed.
pub(super) enum Rebased {
    /// It is here, with the changes of both.
    Done,
    /// A third request has ended it. The changes wait.
    Gone,
}

impl<T: SessionData, Id: UserId, P: Profile> RequestSession<T, Id, P> {
    /// Writes what this request changed, before the answer is made. Then a later failure is known to the handler: nothing
    /// is left to write, unless more is changed.
    ///
    /// # Errors
    /// - [`HttpError::Conflict`] if another request changed the data meanwhile, and this one has [`set`](Self::set) it. The
    ///   session then has the data of the other request: merge them and `save` again, or return the error, which is a 409.
    /// - [`HttpError::PayloadTooLarge`] if the data is too long.
    /// - [`HttpError::Unauthorized`] if the session was ended meanwhile. Its data is not written.
    /// - [`HttpError::Unavailable`] if the store does not answer. The data may have been written.
    pub async fn save(&self) -> Result<(), HttpError> {
        self.write().await
    }

    pub(super) async fn write(&self) -> Result<(), HttpError> {
        let _turn = self.inner.writing.lock().await;
        let shared = &self.inner.sessions.shared;
        for _attempt in 0..MAX_ATTEMPTS {
            // In a statement of its own, so that the lock is not held meanwhile.
            let step = self.state().next_step(shared)?;
            let (key, change) = match step {
                Step::Nothing => return Ok(()),
                Step::Create(data) => {
                    let taken = self.take_change();
                    let created = self.create(data).await;
                    if created.is_err() {
                        self.state().restore(taken);
                    }
                    return created;
                }
                Step::Slide(key, change) => {
                    self.slide(&key, &change).await;
                    return Ok(());
                }
                Step::Save(key, change) => (key, change),
            };
            let taken = self.take_change();
            match shared.store.save(&key, &change).await {
                Ok(SessionWrite::Done) => {
                    self.state().saved(shared, change);
                    return Ok(());
                }
                Ok(SessionWrite::Gone) => return self.gone(),
                Ok(SessionWrite::Conflict) => match self.rebase(&key, taken).await? {
                    Rebased::Done => {}
                    Rebased::Gone => return self.gone(),
                },
                Err(error) => {
                    self.state().restore(taken);
                    return Err(error.into());
                }
            }
        }
        Err(HttpError::Conflict)
    }

    /// Stores a visitor's new session.
    async fn create(&self, data: String) -> Result<(), HttpError> {
        let shared = &self.inner.sessions.shared;
        let stored = shared.begin(data, None, None)?;
        shared.put(&stored, None).await?;
        let outdated = self.state().outdated.take();
        if let Some(key) = outdated
            && let Err(error) = shared.store.delete(&key, None).await
        {
            self.state().outdated = Some(key);
            shared.remove_if_possible(&stored.key).await;
            return Err(error.into());
        }
        let mut state = self.state();
        state.stored = Some(stored);
        state.delivery = Delivery::NewId;
        Ok(())
    }

    pub(super) fn take_change(&self) -> Change<T> {
        std::mem::replace(&mut self.state().change, Change::Nothing)
    }

    /// If it cannot be recorded that the session was used, it was used all the same.
    async fn slide(&self, key: &TokenLookup, change: &SessionChange) {
        let shared = &self.inner.sessions.shared;
        match shared.store.save(key, change).await {
            Ok(SessionWrite::Done) => self.state().used(shared, change),
            // It was ended while this request was in flight.
            Ok(SessionWrite::Gone | SessionWrite::Conflict) => {}
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(
                    target: "portcullis::http", session = &*shared.name, origin = error.origin(), kind = %error.kind(),
                    ?problem, "the use of a session was not recorded"
                );
            }
        }
    }

    /// The session was ended while this request was in flight. It does not come back. The client keeps its id: by now, it may
    /// have that of a log-in.
    pub(super) fn gone(&self) -> Result<(), HttpError> {
        *self.state() = State::new();
        Err(unauthorized())
    }

    /// Takes the data as another request has written it, and makes the changes that were `taken` once more.
    ///
    /// # Errors
    /// [`HttpError::Conflict`] if they cannot be made again. They are dropped then, and the data is that of the other request.
    pub(super) async fn rebase(&self, key: &TokenLookup, taken: Change<T>) -> Result<Rebased, HttpError> {
        let row = match self.inner.sessions.shared.live(key).await {
            Ok(Some(row)) => row,
            Ok(None) => {
                self.state().restore(taken);
                return Ok(Rebased::Gone);
            }
            Err(error) => {
                self.state().restore(taken);
                return Err(error);
            }
        };
        let mut state = self.state();
        let state = &mut *state;
        state.restore(taken);
        state.data = serde_json::from_str(&row.data).ok();
        let Some(data) = &mut state.data else {
            // Another version of the service has written it.
            state.change = Change::Nothing;
            state.outdated = state.stored.take().map(|stored| stored.key);
            return Err(HttpError::Conflict);
        };
        if let Some(stored) = &mut state.stored {
            stored.row = row;
        }
        match &mut state.change {
            Change::Nothing => {}
            Change::Updates(updates) => updates.iter_mut().for_each(|update| update(data)),
            Change::Replaced => {
                state.change = Change::Nothing;
                return Err(HttpError::Conflict);
            }
        }
        Ok(Rebased::Done)
    }
}

impl<T: SessionData, Id: UserId, P: Profile> State<T, Id, P> {
    fn next_step(&mut self, shared: &Shared<Id, P>) -> Result<Step, HttpError> {
        let now = shared.clock.now();
        let is_replaced = match self.change {
            Change::Nothing => return Ok(self.slide_if_due(shared)),
            Change::Updates(_) => false,
            Change::Replaced => true,
        };
        let data = self.json()?;
        let Some(stored) = &self.stored else {
            if !is_replaced && self.blank.as_ref() == Some(&data) {
                // Nothing was put in.
                self.change = Change::Nothing;
                return Ok(Step::Nothing);
            }
            return Ok(Step::Create(data));
        };
        if !is_replaced && stored.row.data == data {
            self.change = Change::Nothing;
            return Ok(self.slide_if_due(shared));
        }
        let end = shared.end(now, stored.row.absolute_expires_at);
        let mut change = SessionChange::new(now, end);
        change.data = Some(data);
        change.revision = shared.guarded(stored.row.revision);
        Ok(Step::Save(stored.key, change))
    }

    fn slide_if_due(&self, shared: &Shared<Id, P>) -> Step {
        let (Some(stored), Some(idle)) = (&self.stored, shared.idle) else {
            return Step::Nothing;
        };
        let now = shared.clock.now();
        if !idle.is_due(stored.row.last_used_at, now) {
            return Step::Nothing;
        }
        let end = shared.end(now, stored.row.absolute_expires_at);
        Step::Slide(stored.key, SessionChange::new(now, end))
    }

    /// The data as it is stored.
    pub(super) fn json(&self) -> Result<String, HttpError> {
        let json = serde_json::to_string(&self.data);
        let json = json.map_err(|error| {
            tracing::error!(target: "portcullis::http", problem = ?error.classify(), "the data of a session is no JSON");
            HttpError::Internal("the data of a session is no JSON")
        })?;
        if json.len() > MAX_SESSION_BYTES {
            return Err(HttpError::PayloadTooLarge);
        }
        Ok(json)
    }

    /// The change is in the store.
    fn saved(&mut self, shared: &Shared<Id, P>, change: SessionChange) {
        self.used(shared, &change);
        if let Some(stored) = &mut self.stored {
            stored.row.data = change.data.unwrap_or_default();
            stored.row.revision += 1;
        }
    }

    /// The use that `change` records is in the store.
    fn used(&mut self, shared: &Shared<Id, P>, change: &SessionChange) {
        if let Some(stored) = &mut self.stored {
            stored.row.last_used_at = change.at;
            stored.row.expires_at = change.expires_at;
        }
        if shared.idle.is_some() && shared.transport.fixed_age().is_some() {
            self.send_again();
        }
    }

    /// The changes that were `taken` are not in the store. Others may have come since.
    pub(super) fn restore(&mut self, taken: Change<T>) {
        let since = std::mem::replace(&mut self.change, Change::Nothing);
        self.change = match (taken, since) {
            (Change::Updates(mut first), Change::Updates(then)) => {
                first.extend(then);
                Change::Updates(first)
            }
            (Change::Replaced, _) | (_, Change::Replaced) => Change::Replaced,
            (taken, Change::Nothing) => taken,
            (Change::Nothing, since) => since,
        };
    }
}

impl<Id: UserId, P: Profile> Shared<Id, P> {
    /// `revision`, unless the last writer wins.
    pub(super) fn guarded(&self, revision: i64) -> Option<i64> {
        match self.on_conflict {
            OnConflict::Merge => Some(revision),
            OnConflict::LastWriterWins => None,
        }
    }

    /// A new session under a new id, which ends at `ends_at` at the latest. It is not stored yet.
    pub(super) fn begin(
        &self,
        data: String,
        subject: Option<Subject<Id>>,
        ends_at: Option<OffsetDateTime>,
    ) -> Result<Stored<Id>, HttpError> {
        let now = self.clock.now();
        let mut row = StoredSession::new(data, now);
        row.subject = subject;
        row.absolute_expires_at = earlier(self.lifetime.end(now), ends_at);
        row.expires_at = self.end(now, row.absolute_expires_at);
        self.with_new_id(row)
    }

    /// `row` under a new id. It is not stored yet.
    pub(super) fn with_new_id(&self, row: StoredSession<Id>) -> Result<Stored<Id>, HttpError> {
        let tag = match &row.subject {
            Some(subject) => ShardTag::for_user(&subject.user_id),
            None => ShardTag::random()?,
        };
        let id = id::new_id(self.ids.as_deref(), tag)?;
        let Some(key) = id::key(&self.audience, id.expose_secret()) else {
            let problem = "the generator made an id that cannot travel";
            return Err(StoreError::internal("session ids", problem).into());
        };
        Ok(Stored { id, key, row })
    }

    /// Stores `new`, in the place of `old`, if there is one.
    pub(super) async fn put(
        &self,
        new: &Stored<Id>,
        old: Option<&Predecessor>,
    ) -> Result<SessionWrite, HttpError> {
        let mut put = self.store.create(&new.key, &new.row, old).await;
        if let (Err(InsertTokenError::Store(error)), Some(_)) = (&put, old)
            && error.kind() == StoreErrorKind::Unreachable
        {
            // `old` may be gone, and nobody knows the id of `new` yet. A look-up of `old` would not tell this call from a log-out;
            // the store does. Not after a timeout: the first call may still come, after a log-out of `new`.
            put = self.store.create(&new.key, &new.row, old).await;
        }
        match put {
            Ok(write) => Ok(write),
            Err(InsertTokenError::UnknownUser) => Err(unauthorized()),
            Err(InsertTokenError::DigestTaken) => {
                let problem = "the generator made an id that is taken";
                Err(StoreError::internal("session ids", problem).into())
            }
            Err(InsertTokenError::Store(error)) => Err(error.into()),
            Err(error) => Err(StoreError::internal("sessions", error).into()),
        }
    }
}
