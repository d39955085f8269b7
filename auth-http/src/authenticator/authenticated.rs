use std::{net::IpAddr, sync::Arc};

use auth_core::{Credential, Permission, Profile, Roles, User, UserId, user_id_from_text};
use auth_users::{Audit, EventKind, Origin};
use uuid::Uuid;

use crate::{HttpError, Requirement};

/// The user of a request, and the credential that it presented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated<Id = Uuid, P = ()> {
    /// The user.
    pub user: User<Id, P>,
    /// The credential.
    pub credential: Credential<Id>,
    /// The name of the backend that read it.
    pub backend: Arc<str>,
    pub(super) roles: Arc<Roles>,
    pub(super) audit: Audit<Id>,
    /// The address of the client.
    pub(super) client: Option<IpAddr>,
}

impl<Id, P> Authenticated<Id, P> {
    /// True if the user has the `permission`, by the roles that the user has now. If somebody else acts as the user, that one
    /// has what the user has, and no more.
    #[must_use]
    pub fn permits(&self, permission: &Permission) -> bool {
        self.roles.permit(&self.user, permission)
    }
}

impl<Id: UserId, P: Profile> Authenticated<Id, P> {
    /// Returns it if its user meets the `requirement`. Otherwise that is told.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] if its user does not.
    pub fn meeting(self, requirement: &dyn Requirement<Id, P>) -> Result<Self, HttpError> {
        if requirement.is_met(&self) {
            return Ok(self);
        }
        let forbidden = EventKind::Forbidden {
            needs: requirement.name(),
        };
        self.audit.record(forbidden, Some(&self.user.id), &self.origin());
        Err(HttpError::Forbidden)
    }

    /// Whoever presents the credential: its user, or somebody who acts as that one.
    pub(crate) fn origin(&self) -> Origin<Id> {
        let actor = self.credential.actor.as_deref().and_then(user_id_from_text);
        Origin::default()
            .by(actor.unwrap_or_else(|| self.user.id.clone()))
            .through(Arc::clone(&self.backend))
            .from_client(self.client)
    }
}
