//! Loading the session of a request.

use std::{net::IpAddr, sync::Arc};

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
        let client = self.shared.proxies.client(head);
        let presented = self.presented(head, client)?;
        let mut state = State::new();
        let shared = &self.shared;
        if let Some((id, key)) = presented
            && let Some((row, user)) = shared.admitted(&key, client).await?
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
        Ok(RequestSession::new(self.clone(), client, state))
    }

    /// The id that the request presents, unless another site may have made the browser send it.
    fn presented(
        &self,
        head: &dyn RequestHead,
        client: Option<IpAddr>,
    ) -> Result<Option<(SecretString, TokenLookup)>, HttpError> {
        let presented = self.shared.transport.extract(head);
        if self.transport().is_cookie() {
            // Also without a session, because the request may begin one.
            let presented = presented.as_ref().map(|id| id.expose_secret());
            let checked = self.shared.csrf.check_cookie(head, presented);
            checked.inspect_err(|forged| self.shared.tell(EventKind::from(forged), None, client))?;
        }
        let Some(presented) = presented else {
            return Ok(None);
        };
        let key = id::key(&self.shared.audience, presented.expose_secret());
        if key.is_none() {
            self.shared.refused(Rejection::Malformed, None, client);
        }
        Ok(key.map(|key| (presented, key)))
    }
}

impl<Id: UserId, P: Profile> Shared<Id, P> {
    /// The session of `key`, if it has not expired.
    pub(super) async fn live(&self, key: &TokenLookup) -> Result<Option<StoredSession<Id>>, HttpError> {
        match self.store.load(key).await? {
            Some(row) if !self.has_expired(key, &row).await => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// True if the session of `key` has expired. Then it is removed, unless it could still be used by another request.
    async fn has_expired(&self, key: &TokenLookup, row: &StoredSession<Id>) -> bool {
        let now = self.clock.now();
        if row.is_live(now) {
            return false;
        }
        // It must stay expired if the clock steps back. If only the idle limit has passed, a request that came before may be
        // moving it now, so the session is left to the store.
        if row.absolute_expires_at.is_some_and(|end| end <= now) {
            self.remove_if_possible(key).await;
        }
        true
    }

    /// Removes a session that is rejected, whether it can be removed or not.
    pub(super) async fn remove_if_possible(&self, key: &TokenLookup) {
        let _removed: Result<SessionWrite, _> = self.store.delete(key, None).await;
    }

    /// Tells that `kind` happened to a session of `user`.
    pub(super) fn tell(&self, kind: EventKind, user: Option<&Id>, client: Option<IpAddr>) {
        if let Some(users) = &self.users {
            users.audit().record(kind, user, &self.origin(client));
        }
    }

    /// Tells that a session is not valid.
    fn refused(&self, rejection: Rejection, user: Option<&Id>, client: Option<IpAddr>) {
        let why = rejection.name();
        match &self.users {
            Some(_) => self.tell(EventKind::CredentialRefused { why }, user, client),
            // Nobody learns of events, but it counts.
            None => CREDENTIALS.count([(&self.name).into(), why.into()]),
        }
    }

    /// The kind of the session, and the client, as events name them.
    pub(super) fn origin(&self, client: Option<IpAddr>) -> Origin<Id> {
        Origin::default()
            .through(Arc::clone(&self.name))
            .from_client(client)
    }

    /// The session of `key` and its user, if it has one. `None` if it is not valid.
    async fn admitted(
        &self,
        key: &TokenLookup,
        client: Option<IpAddr>,
    ) -> Result<Option<Found<Id, P>>, HttpError> {
        let (outcome, user) = self.read(key).await;
        match outcome {
            Outcome::Authenticated(found) => {
                self.let_in.add();
                Ok(Some(found))
            }
            Outcome::Rejected(rejection) => {
                self.refused(rejection, user.as_ref(), client);
                Ok(None)
            }
            Outcome::Unavailable(error) => {
                CREDENTIALS.count([(&self.name).into(), "unavailable".into()]);
                Err(error.into())
            }
            Outcome::Anonymous => Ok(None),
        }
    }

    /// The session of `key` with its user, and the user's id, as far as it could be read.
    async fn read(&self, key: &TokenLookup) -> (Outcome<Found<Id, P>>, Option<Id>) {
        let row = match self.store.load(key).await {
            Ok(Some(row)) => row,
            Ok(None) => return (Outcome::Rejected(Rejection::Unknown), None),
            Err(error) => return (Outcome::Unavailable(error), None),
        };
        let id = row.subject.as_ref().map(|subject| subject.user_id.clone());
        if self.has_expired(key, &row).await {
            return (Outcome::Rejected(Rejection::Expired), id);
        }
        let Some(subject) = &row.subject else {
            return (Outcome::Authenticated((row, None)), None);
        };
        let Some(users) = &self.users else {
            tracing::error!(
                target: "portcullis::http", session = &*self.name,
                "a session has a user, but this kind has no `.users(…)` to check it with: it is as none"
            );
            return (Outcome::Anonymous, None);
        };
        let credential = Credential::new(Subject::clone(subject));
        let outcome = match admit(&**users.store(), Ok(credential)).await {
            Outcome::Authenticated((user, _credential)) => Outcome::Authenticated((row, Some(user))),
            Outcome::Rejected(rejection) => {
                if let Rejection::UserGone | Rejection::StaleEpoch = rejection {
                    self.remove_if_possible(key).await;
                }
                Outcome::Rejected(rejection)
            }
            Outcome::Unavailable(error) => Outcome::Unavailable(error),
            Outcome::Anonymous => Outcome::Anonymous,
        };
        (outcome, id)
    }
}

/// A valid session, and its user, if somebody has logged in through it.
type Found<Id, P> = (StoredSession<Id>, Option<User<Id, P>>);
