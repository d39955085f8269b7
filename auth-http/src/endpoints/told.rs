//! What the routes tell.

use auth_core::{Profile, Rejection, StoreError, UserId};
use auth_users::{EventKind, Identified, Origin};

use super::Endpoints;
use crate::{
    AuthBackend, Authenticated, HttpError, RequestHead,
    admission::{NotLoggedIn, conclude},
};

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// Who logs in, and from where.
    pub(super) fn origin_of_log_in(
        &self,
        backend: &AuthBackend<Id>,
        identified: &Identified<Id, P>,
        head: &impl RequestHead,
    ) -> Origin<Id> {
        let mut origin = self.authenticator.origin_at(backend, head);
        origin.actor = identified.actor().cloned();
        origin
    }

    /// Tells how a log-in ended.
    pub(super) fn concluded<T>(
        &self,
        user: &Id,
        origin: &Origin<Id>,
        outcome: Result<T, NotLoggedIn>,
    ) -> Result<T, HttpError> {
        let now = self.users.clock().now();
        conclude(self.users.audit(), (user, now), origin, outcome)
    }

    /// Tells that `kind` happened to `user`, by the credential of `current`.
    pub(super) fn record(
        &self,
        kind: EventKind,
        user: &Id,
        current: &Authenticated<Id, P>,
        head: &impl RequestHead,
    ) {
        let origin = self.authenticator.origin_of(current, head);
        self.users.audit().record(kind, Some(user), &origin);
    }

    /// Tells why a refresh token of `user` was rejected.
    pub(super) fn refused(
        &self,
        backend: &AuthBackend<Id>,
        user: Option<&Id>,
        rejection: Rejection,
        head: &impl RequestHead,
    ) {
        if rejection != Rejection::Reused {
            return self.record_refusal(backend, user, rejection.name(), head);
        }
        let origin = self.authenticator.origin_at(backend, head);
        self.users
            .audit()
            .record(EventKind::RefreshTokenReused, user, &origin);
    }

    /// Tells that it is not known whether a refresh token of `user` is valid.
    pub(super) fn failed(
        &self,
        backend: &AuthBackend<Id>,
        user: &Id,
        error: StoreError,
        head: &impl RequestHead,
    ) -> HttpError {
        self.record_refusal(backend, Some(user), "unavailable", head);
        error.into()
    }

    pub(super) fn record_refusal(
        &self,
        backend: &AuthBackend<Id>,
        user: Option<&Id>,
        why: &'static str,
        head: &impl RequestHead,
    ) {
        let origin = self.authenticator.origin_at(backend, head);
        self.users
            .audit()
            .record(EventKind::RefreshRefused { why }, user, &origin);
    }
}
