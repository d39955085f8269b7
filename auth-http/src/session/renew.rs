//! New ids, log-in and log-out.

use auth_core::{Predecessor, Profile, SessionWrite, Subject, UserId};
use auth_users::{EventKind, Identified, UserManager};

use super::{
    RequestSession, SessionData,
    state::{Change, Delivery, State, Stored},
    write::{MAX_ATTEMPTS, Rebased},
};
use crate::{
    HttpError,
    admission::{Attempt, NotLoggedIn, cleared, still_identified},
};

/// The fate of the session under the old id.
enum Replaced {
    /// The new one has taken its place.
    Done,
    /// Another request has changed its data, which is here now. The new one is not there.
    Conflict,
    /// Another request has ended it. The new one is not there.
    Gone,
}

impl<T: SessionData, Id: UserId, P: Profile> RequestSession<T, Id, P> {
    /// Logs in the user whom a [`UserManager`](auth_users::UserManager) has identified: the session gets a new id and new
    /// limits, and the old id is dead. Each log-in does that, also of a user who is logged in.
    ///
    /// The data of a visitor, or of the same user, stays. If another user was logged in, or the session was ended
    /// meanwhile, the data begins anew, because it may be somebody else's.
    ///
    /// Only [`user`](Self::user) knows this log-in: extractors and guards of users read those through a backend. A log-out through
    /// a backend does not end it; [`end`](Self::end) does.
    ///
    /// # Errors
    /// - [`HttpError::Code`] if the user does not exist, is inactive, or must be verified and is not, or if the user's
    ///   credentials were ended after one of them identified the user.
    /// - [`HttpError::Conflict`] and [`HttpError::PayloadTooLarge`] as from [`save`](Self::save).
    /// - [`HttpError::Unavailable`] if a store does not answer. The session under the old id may live on, or be gone.
    /// - [`HttpError::Forbidden`] if the [`Veto`](auth_users::Veto) refuses it. The session is as before.
    /// - [`HttpError::Internal`] if this kind has no [`users`](crate::SessionsBuilder::users), or somebody
    ///   [acts](Identified::acting) as the user, which a session does not record. Log in through a backend for that.
    pub async fn log_in(&self, identified: Identified<Id, P>) -> Result<(), HttpError>
    where
        T: Default,
    {
        let shared = &self.inner.sessions.shared;
        let Some(users) = &shared.users else {
            return Err(HttpError::Internal("this kind of session has no `.users(…)`"));
        };
        if identified.actor().is_some() {
            // The session could not say so, and everybody would take it for the user's own.
            return Err(HttpError::Internal(
                "nobody can act as a user by a session with data",
            ));
        }
        let user = identified.user().id.clone();
        let attempt = Attempt {
            audit: users.audit(),
            clock: &*shared.clock,
            user: &user,
            origin: &self.origin(),
        };
        attempt.conclude(self.log_in_to(users, identified)).await
    }

    async fn log_in_to(
        &self,
        users: &UserManager<Id, P>,
        identified: Identified<Id, P>,
    ) -> Result<(), NotLoggedIn>
    where
        T: Default,
    {
        let shared = &self.inner.sessions.shared;
        let identified = still_identified(users, identified).await?;
        let cleared = cleared(users, identified, &self.origin()).await?;
        let identified = cleared.proof();
        let user = identified.user();
        let ends_at = identified.ends_at(shared.clock.now());
        let _turn = self.inner.writing.lock().await;
        let left = self.leave_to(&user.id);
        for _attempt in 0..MAX_ATTEMPTS {
            let data = {
                let mut state = self.state();
                state.data.get_or_insert_with(T::default);
                state.json()?
            };
            let new = shared.begin(data, Some(Subject::from(user)), ends_at)?;
            match self.replace_by(new).await? {
                Replaced::Conflict => {}
                Replaced::Gone => self.begin_anew(),
                Replaced::Done => {
                    self.state().user = Some(user.clone());
                    if let Some(other) = left {
                        self.tell(EventKind::LoggedOut, Some(&other));
                    }
                    return Ok(());
                }
            }
        }
        Err(HttpError::Conflict.into())
    }

    /// Gives the session a new id, for example when its rights change. The old id is dead. Data, user and limits stay.
    /// Without a session it does nothing.
    ///
    /// # Errors
    /// As from [`save`](Self::save): [`HttpError::Conflict`], [`HttpError::PayloadTooLarge`],
    /// [`HttpError::Unauthorized`] if the session was ended meanwhile, [`HttpError::Unavailable`].
    pub async fn renew(&self) -> Result<(), HttpError> {
        let shared = &self.inner.sessions.shared;
        let _turn = self.inner.writing.lock().await;
        for _attempt in 0..MAX_ATTEMPTS {
            let row = {
                let state = self.state();
                let Some(stored) = &state.stored else {
                    return Ok(());
                };
                let now = shared.clock.now();
                let mut row = stored.row.clone();
                row.data = state.json()?;
                row.revision = 0;
                row.last_used_at = now;
                row.expires_at = shared.end(now, row.absolute_expires_at);
                row
            };
            let new = shared.with_new_id(row)?;
            match self.replace_by(new).await? {
                Replaced::Done => return Ok(()),
                Replaced::Conflict => {}
                Replaced::Gone => return self.gone(),
            }
        }
        Err(HttpError::Conflict)
    }

    /// Ends the session: it is removed from the store when this returns, and the answer makes the client forget its id. What
    /// is put in afterwards begins a new session.
    ///
    /// # Errors
    /// [`HttpError::Unavailable`] if the store does not answer. The session may still be there.
    pub async fn end(&self) -> Result<(), HttpError> {
        let _turn = self.inner.writing.lock().await;
        self.end_stored().await
    }

    async fn end_stored(&self) -> Result<(), HttpError> {
        let (keys, user) = {
            let state = self.state();
            let stored = state.stored.as_ref();
            let subject = stored.and_then(|stored| stored.row.subject.as_ref());
            let user = subject.map(|subject| subject.user_id.clone());
            ([stored.map(|stored| stored.key), state.outdated], user)
        };
        for key in keys.into_iter().flatten() {
            // Whatever its revision: a log-out is never a conflict.
            let ended = self.inner.sessions.shared.store.delete(&key, None).await;
            if let (Err(_unavailable), Some(user)) = (&ended, &user) {
                self.tell(EventKind::LogOutRefused { why: "unavailable" }, Some(user));
            }
            ended?;
        }
        *self.state() = State {
            delivery: Delivery::Removal,
            ..State::new()
        };
        if let Some(user) = user {
            self.tell(EventKind::LoggedOut, Some(&user));
        }
        Ok(())
    }

    /// Leaves nothing of another user than `id`, and returns that one.
    fn leave_to(&self, id: &Id) -> Option<Id> {
        let other = {
            let state = self.state();
            let subject = state.stored.as_ref()?.row.subject.as_ref()?;
            subject.user_id.clone()
        };
        if other == *id {
            return None;
        }
        self.begin_anew();
        Some(other)
    }

    /// Takes none of the data of the session before. What this request has [`set`](Self::set) is its own.
    fn begin_anew(&self) {
        let mut state = self.state();
        let stored = state.stored.take().map(|stored| stored.key);
        state.outdated = stored.or(state.outdated);
        if !matches!(state.change, Change::Replaced) {
            state.data = None;
            state.change = Change::Nothing;
        }
    }

    /// Stores `new` in the place of the session before, which it removes. If it does not, `new` is not there. After an error it
    /// may be, but nobody knows its id.
    async fn replace_by(&self, new: Stored<Id>) -> Result<Replaced, HttpError> {
        let shared = &self.inner.sessions.shared;
        let (outdated, old) = {
            let state = self.state();
            let old = state.stored.as_ref().map(|stored| {
                let revision = shared.guarded(stored.row.revision);
                Predecessor::new(stored.key, revision)
            });
            (state.outdated, old)
        };
        let taken = self.take_change();
        let put = shared.put(&new, old.as_ref()).await;
        // None of its data goes on, so it does not matter whether somebody else has changed or ended it.
        if let (Ok(SessionWrite::Done), Some(key)) = (&put, outdated)
            && let Err(error) = shared.store.delete(&key, None).await
        {
            self.state().restore(taken);
            shared.remove_if_possible(&new.key).await;
            return Err(error.into());
        }
        match (put, old) {
            (Ok(SessionWrite::Done), _) => {
                let mut state = self.state();
                state.stored = Some(new);
                state.outdated = None;
                state.delivery = Delivery::NewId;
                Ok(Replaced::Done)
            }
            (Ok(SessionWrite::Conflict), Some(old)) => match self.rebase(&old.key, taken).await? {
                Rebased::Done => Ok(Replaced::Conflict),
                Rebased::Gone => Ok(Replaced::Gone),
            },
            (Ok(_gone), _) => {
                self.state().restore(taken);
                Ok(Replaced::Gone)
            }
            (Err(error), _) => {
                self.state().restore(taken);
                Err(error)
            }
        }
    }
}
