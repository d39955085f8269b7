//! What is told of refused credentials.

use std::net::IpAddr;

use auth_core::{Profile, Rejection, UserId, user_id_from_text};
use auth_users::{EventKind, Origin};

use super::{Authenticator, reading::Rejected};
use crate::{AuthBackend, RequestHead, Scheme};

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// The address of the client that made the request.
    pub(crate) fn client(&self, head: &impl RequestHead) -> Option<IpAddr> {
        self.proxies.client(head)
    }

    /// The client of the request, at `backend`.
    pub(crate) fn origin_at(&self, backend: &AuthBackend<Id>, head: &impl RequestHead) -> Origin<Id> {
        self.origin_by(None, backend, head)
    }

    /// The same with whoever acts by the credential, as the credential names them.
    pub(crate) fn origin_by(
        &self,
        actor: Option<&str>,
        backend: &AuthBackend<Id>,
        head: &impl RequestHead,
    ) -> Origin<Id> {
        let mut origin = Origin::default()
            .through(backend.shared_name())
            .from_client(self.client(head));
        origin.actor = actor.and_then(user_id_from_text);
        origin
    }

    /// Tells of each credential that no backend accepts. A Bearer token that several backends have read is one credential, and the
    /// backend that got furthest says why.
    pub(crate) fn report(&self, rejected: &[Rejected<'_, Id>], head: &impl RequestHead) {
        let (cookies, bearer): (Vec<_>, Vec<_>) =
            rejected.iter().partition(|rejected| rejected.backend.is_cookie());
        let bearer = bearer.into_iter().min_by_key(|rejected| rejected.rank());
        for rejected in cookies.into_iter().chain(bearer) {
            self.report_one(rejected, head);
        }
    }

    fn report_one(&self, rejected: &Rejected<'_, Id>, head: &impl RequestHead) {
        let (backend, rejection) = (rejected.backend, rejected.rejection);
        let why = rejection.name();
        if let (Rejection::Ambiguous, Scheme::Cookie(cookie)) = (rejection, backend.transport().scheme()) {
            tracing::warn!(
                target: "portcullis::http", backend = backend.name(), why, cookie,
                "two cookies of one name were sent, and a 401 removes them: another service of this host or domain \
                 set one of them; a name that begins with `__Host-` keeps it out"
            );
        }
        let refused = EventKind::CredentialRefused { why };
        let holder = rejected.holder.as_ref();
        let actor = holder.and_then(|holder| holder.actor.as_deref());
        let origin = self.origin_by(actor, backend, head);
        let user = holder.map(|holder| &holder.user);
        self.audit.record(refused, user, &origin);
    }
}
