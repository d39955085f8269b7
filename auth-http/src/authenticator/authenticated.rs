use std::sync::Arc;

use auth_core::{Credential, Permission, Profile, Roles, User, UserId};
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
    /// Returns it if its user meets the `requirement`. Otherwise it logs that.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] if its user does not.
    pub fn meeting(self, requirement: &dyn Requirement<Id, P>) -> Result<Self, HttpError> {
        if requirement.is_met(&self) {
            return Ok(self);
        }
        tracing::info!(
            target: "portcullis::http", outcome = "forbidden", user = ?self.user.id, backend = &*self.backend,
            needs = requirement.name(), "a user may not do this"
        );
        Err(HttpError::Forbidden)
    }
}
