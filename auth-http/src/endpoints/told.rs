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
    pub(super) fn refused(&self, user: Option<&Id>, rejection: Rejection, origin: &Origin<Id>) {
        let kind = match rejection {
            Rejection::Reused => EventKind::RefreshTokenReused,
            _ => EventKind::RefreshRefused {
                why: rejection.name(),
            },
        };
        self.users.audit().record(kind, user, origin);
    }

    /// Tells that it is not known whether a refresh token of `user` is valid.
    pub(super) fn failed(&self, user: &Id, error: StoreError, origin: &Origin<Id>) -> HttpError {
        let refused = EventKind::RefreshRefused { why: "unavailable" };
        self.users.audit().record(refused, Some(user), origin);
        error.into()
    }
}
