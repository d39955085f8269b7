//! A log-in in the place of another.

use auth_core::{Credential, Lifetime, Profile, ReadError, StoreError, UserId, user_id_from_text};
use auth_users::Identified;

use super::Endpoints;
use crate::{
    AcceptedBackends, AuthBackend, Authenticated, HttpError, Presented, RequestHead, Response, Slot,
    admission::{NotLoggedIn, cleared, may_log_in},
};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Ends every credential of the user of `current`, at every backend, and answers like a log-in through the backend
    /// that read `current`: with a new credential, the only valid one.
    ///
    /// The current credential ends, too, and the answer replaces it, because plain JWTs and credentials of other
    /// backends can only be ended together with it. The new one has the same label, and ends when the current one would have
    /// ended at the latest. If somebody [acts](Identified::acting) by it, they still do.
    ///
    /// # Errors
    /// - [`HttpError::Unauthorized`] if `current` was ended since it was read. Nothing else is ended then. The store is asked,
    ///   also with `TrackedJwtStrategy::check_at_refresh_only`.
    /// - [`HttpError::Forbidden`] if an unsafe request for a cookie comes from another site, or if the
    ///   [`Veto`](auth_users::Veto) refuses the new log-in. Nothing is ended.
    /// - [`HttpError::Code`] as from [`log_in`](Self::log_in).
    /// - [`HttpError::NotFound`] if the backend of `current` does not exist.
    /// - [`HttpError::Unavailable`] if a store does not answer. Either the credentials are still valid, or all have
    ///   ended, including the current one.
    pub async fn log_out_elsewhere(
        &self,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Response, HttpError> {
        let backend = self.backend_for(&current.backend, head)?;
        let id = &current.user.id;
        let next = self.next_of(backend, current, head);
        let next = self.ending(id, &current.origin(), next).await?;
        let origin = self.origin_of_log_in(backend, &next, head);
        let attempt = self.attempt(id, &origin);
        let next = attempt.go_on(cleared(&self.users, next, &origin)).await?;
        // It tells why, if it does not.
        let users = self.users_for(Some(current), head);
        let user = users.log_out_elsewhere(&current.user).await?;
        let unauthorized = || self.unauthorized_at(backend, head);
        let user = user.ok_or_else(unauthorized)?;
        let done = async {
            may_log_in(&self.users, &user)?;
            let next = next.renewed(user).ok_or_else(unauthorized)?;
            self.finish(backend, &next, head).await
        };
        attempt.conclude(done).await
    }

    /// The proof for a log-in in the place of that of `current`, which may still log in.
    async fn next_of(
        &self,
        backend: &AuthBackend<Id>,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) -> Result<Identified<Id, P>, NotLoggedIn> {
        may_log_in(&self.users, &current.user)?;
        let unauthorized = || self.unauthorized_at(backend, head);
        // It may have been logged out since: a client can take its time with the body.
        let Presented::Token(token) = backend.transport().extract(Slot::Access, head) else {
            return Err(unauthorized().into());
        };
        match backend.read_latest(token).await {
            Ok(credential) if credential.subject == current.credential.subject => {}
            Ok(_) | Err(ReadError::Rejected(_)) => return Err(unauthorized().into()),
            Err(ReadError::Unavailable(error)) => return Err(error.into()),
        }
        let next = self.in_place_of(backend, current).await?;
        Ok(next.ok_or_else(unauthorized)?)
    }

    /// The answer to a request without a valid credential of `backend`.
    pub(super) fn unauthorized_at(&self, backend: &AuthBackend<Id>, head: &impl RequestHead) -> HttpError {
        let accepted = AcceptedBackends::only([backend.name()]);
        self.authenticator.unauthorized(head, &accepted)
    }

    /// The proof for a log-in in the place of that of `current`: with its label and its end, and by whoever acts by it. `None` if
    /// that log-in has ended.
    pub(super) async fn in_place_of(
        &self,
        backend: &AuthBackend<Id>,
        current: &Authenticated<Id, P>,
    ) -> Result<Option<Identified<Id, P>>, StoreError> {
        let Credential {
            subject, id, actor, ..
        } = &current.credential;
        let mut identified = self.users.identify_without_proof(current.user.clone());
        let mut end = current.credential.expires_at;
        // A strategy may have read it without a look-up.
        if let (Some(store), Some(id)) = (backend.abilities().log_ins, *id) {
            let log_ins = store.list(&subject.user_id, subject.epoch).await?;
            let now = self.users.clock().now();
            let mut live = log_ins.into_iter().filter(|log_in| log_in.is_live(now));
            let Some(log_in) = live.find(|log_in| log_in.id == id) else {
                return Ok(None);
            };
            end = log_in.absolute_expires_at;
            if let Some(label) = log_in.client.label {
                identified = identified.labelled(label);
            }
        }
        identified = match end {
            Some(end) => identified.ending_at(end),
            None => identified.ending_after(Lifetime::FOREVER),
        };
        let Some(actor) = actor else {
            return Ok(Some(identified));
        };
        Ok(user_id_from_text(actor).map(|actor| identified.acting(actor)))
    }
}
