//! What the routes tell.

use std::future::Future;

use auth_core::{Profile, Rejection, StoreError, UserId};
use auth_users::{EventKind, Identified, Origin};

use super::Endpoints;
use crate::{
    AuthBackend, Authenticated, HttpError, RequestHead,
    admission::{Attempt, NotLoggedIn},
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

    /// A log-in of `user`, to be told.
    pub(super) fn attempt<'a>(&'a self, user: &'a Id, origin: &'a Origin<Id>) -> Attempt<'a, Id> {
        Attempt {
            audit: self.users.audit(),
            clock: &**self.users.clock(),
            user,
            origin,
        }
    }

    /// Tells that `kind` happened to `user`, by the credential of `current`.
    pub(super) fn record(&self, kind: EventKind, user: &Id, current: &Authenticated<Id, P>) {
        self.users.audit().record(kind, Some(user), &current.origin());
    }

    /// Waits for the end of log-ins of `user`, and tells it if that fails.
    pub(super) async fn ending<T, E: Into<NotLoggedIn>>(
        &self,
        user: &Id,
        origin: &Origin<Id>,
        end: impl Future<Output = Result<T, E>>,
    ) -> Result<T, HttpError> {
        let (audit, refused) = (self.users.audit(), |why| EventKind::LogOutRefused { why });
        let ended = audit
            .attended(refused("abandoned"), Some(user), origin, end)
            .await;
        ended.map_err(|error| {
            let error = error.into();
            audit.record(refused(error.why()), Some(user), origin);
            error.into()
        })
    }

    /// Waits for `work` with a refresh token of `user`. If that is dropped before its end, it is told.
    pub(super) async fn refreshing<T>(
        &self,
        user: &Id,
        origin: &Origin<Id>,
        work: impl Future<Output = T>,
    ) -> T {
        let abandoned = EventKind::RefreshRefused { why: "abandoned" };
        let audit = self.users.audit();
        audit.attended(abandoned, Some(user), origin, work).await
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
