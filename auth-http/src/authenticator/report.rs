//! What is told of refused credentials.

use std::net::IpAddr;

use auth_core::{Profile, Rejection, UserId, user_id_from_text};
use auth_users::{EventKind, Origin};

use super::{Authenticated, Authenticator};
use crate::{AuthBackend, RequestHead, Scheme};

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// The address of the client that made the request.
    pub(crate) fn client(&self, head: &impl RequestHead) -> Option<IpAddr> {
        self.proxies.client(head)
    }

    /// The client of the request, at `backend`.
    pub(crate) fn origin_at(&self, backend: &AuthBackend<Id>, head: &impl RequestHead) -> Origin<Id> {
        Origin::default()
            .through(backend.shared_name())
            .from_client(self.client(head))
    }

    /// Whoever presents the credential of `current`: its user, or somebody who acts as that one.
    pub(crate) fn origin_of(&self, current: &Authenticated<Id, P>, head: &impl RequestHead) -> Origin<Id> {
        let actor = current.credential.actor.as_deref().and_then(user_id_from_text);
        Origin::default()
            .by(actor.unwrap_or_else(|| current.user.id.clone()))
            .through(current.backend.clone())
            .from_client(self.client(head))
    }

    /// Tells that no backend accepts the credential that `backend` has read.
    pub(super) fn report(
        &self,
        backend: &AuthBackend<Id>,
        rejection: Rejection,
        user: Option<&Id>,
        head: &impl RequestHead,
    ) {
        let why = rejection.name();
        if let (Rejection::Ambiguous, Scheme::Cookie(cookie)) = (rejection, backend.transport().scheme()) {
            tracing::warn!(
                target: "portcullis::http", backend = backend.name(), why, cookie,
                "two cookies of one name were sent, and a 401 removes them: another service of this host or domain \
                 set one of them; a name that begins with `__Host-` keeps it out"
            );
        }
        let refused = EventKind::CredentialRefused { why };
        self.audit.record(refused, user, &self.origin_at(backend, head));
    }
}
