//! Loading the session of a request.

use std::sync::Arc;

use auth_core::{
    Credential, ExposeSecret as _, Outcome, Profile, Rejection, SecretString, SessionWrite, StoredSession,
    Subject, TokenLookup, User, UserId, admit, metrics::CREDENTIALS,
};

use auth_users::{EventKind, Origin};

use super::{
    RequestSession, SessionData, Sessions, Shared, id,
    state::{State, Stored},
};
use crate::{HttpError, RequestHead};

impl<T: SessionData, Id: UserId, P: Profile> Sessions<T, Id, P> {
    /// The session of the request of `head`.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, if the id travels in a cookie; [`HttpError::Unavailable`] if a
    /// store does not answer.
    pub(super) async fn load(&self, head: &impl RequestHead) -> Result<RequestSession<T, Id, P>, HttpError> {
        let presented = self.presented(head)?;
        let mut state = State::new();
        let shared = &self.shared;
        if let Some((id, key)) = presented
            && let Some(row) = shared.live(&key).await?
            && let Some(user) = shared.admitted(&key, &row).await?
        {
            match serde_json::from_str(&row.data) {
                Ok(data) => {
                    state.data = Some(data);
                    state.user = user;
                    state.stored = Some(Stored { id, key, row });
                }
                Err(error) => {
                    // Not the message, which may repeat data.
                    tracing::warn!(
                        target: "portcullis::http", outcome = "outdated", session = self.name(),
                        problem = ?error.classify(), line = error.line(), column = error.column(),
                        "the data of a session has another shape than this version reads: the session begins anew"
                    );
                    state.outdated = Some(key);
                }
            }
        }
        Ok(RequestSession::new(self.clone(), state))
    }

    /// The id that the request presents, unless another site may have made the browser send it.
    fn presented(&self, head: &dyn RequestHead) -> Result<Option<(SecretString, TokenLookup)>, HttpError> {
        let presented = self.shared.transport.extract(head);
        if self.transport().is_cookie() {
            // Also without a session, because the request may begin one.
            let presented = presented.as_ref().map(|id| id.expose_secret());
            let checked = self.shared.csrf.check_cookie(head, presented);
            checked.inspect_err(|forged| self.shared.tell(EventKind::from(forged), None))?;
        }
        Ok(presented.and_then(|presented| {
            let key = id::key(&self.shared.audience, presented.expose_secret())?;
            Some((presented, key))
        }))
    }
}

impl<Id: UserId, P: Profile> Shared<Id, P> {
    /// The session of `key`, if it has not expired.
    pub(super) async fn live(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, HttpError> {
        let Some(row) = self.store.load(key).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        if row.is_live(now) {
            return Ok(Some(row));
        }
        // It must stay expired if the clock steps back. If only the idle limit has passed, a request that came before may be
        // moving it now, so the session is left to the store.
        if row.absolute_expires_at.is_some_and(|end| end <= now) {
            self.remove_if_possible(key).await;
        }
        Ok(None)
    }

    /// Removes a session that is rejected, whether it can be removed or not.
    pub(super) async fn remove_if_possible(&self, key: &TokenLookup) {
        let _removed: Result<SessionWrite, _> = self.store.delete(key, None).await;
    }

    /// Tells that `kind` happened to a session of `user`.
    pub(super) fn record(&self, kind: EventKind, user: &Id) {
        self.tell(kind, Some(user));
    }

    pub(super) fn tell(&self, kind: EventKind, user: Option<&Id>) {
        if let Some(users) = &self.users {
            users.audit().record(kind, user, &self.origin());
        }
    }

    /// The kind of the session, as events name it.
    pub(super) fn origin(&self) -> Origin<Id> {
        Origin::default().through(Arc::clone(&self.name))
    }

    /// The user of a session, or `Some(None)` if it has none. `None` if the user's sessions have ended.
    async fn admitted(
        &self,
        key: &TokenLookup,
        row: &StoredSession<Id>,
    ) -> Result<Option<Option<User<Id, P>>>, HttpError> {
        let Some(subject) = &row.subject else {
            return Ok(Some(None));
        };
        let Some(users) = &self.users else {
            tracing::error!(
                target: "portcullis::http", session = &*self.name,
                "a session has a user, but this kind has no `.users(…)` to check it with: it is as none"
            );
            return Ok(None);
        };
        let credential = Credential::new(Subject::clone(subject));
        let rejection = match admit(&**users.store(), Ok(credential)).await {
            Outcome::Authenticated((user, _credential)) => {
                CREDENTIALS.count([(&self.name).into(), "success".into()]);
                return Ok(Some(Some(user)));
            }
            Outcome::Unavailable(error) => {
                CREDENTIALS.count([(&self.name).into(), "unavailable".into()]);
                return Err(error.into());
            }
            Outcome::Anonymous => return Ok(None),
            Outcome::Rejected(rejection) => rejection,
        };
        let refused = EventKind::CredentialRefused {
            why: rejection.name(),
        };
        self.record(refused, &subject.user_id);
        if matches!(rejection, Rejection::UserGone | Rejection::StaleEpoch) {
            self.remove_if_possible(key).await;
        }
        Ok(None)
    }
}
