//! Who asked for something.

use std::{net::IpAddr, sync::Arc};

use uuid::Uuid;

/// Who asked for something, and from where, as its [`AuditEvent`](crate::AuditEvent) tells it: see
/// [`UserManager::with_origin`](crate::UserManager::with_origin).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<Id = Uuid> {
    /// The id of the user who asked for it. If it is the user of the event, the event leaves it out.
    pub actor: Option<Id>,
    /// The name of the backend, or of the kind of session.
    pub backend: Option<Arc<str>>,
    /// The address of the client.
    pub client: Option<IpAddr>,
}

// Derived, it would ask the same of the id.
impl<Id> Default for Origin<Id> {
    fn default() -> Self {
        Self {
            actor: None,
            backend: None,
            client: None,
        }
    }
}

impl<Id> Origin<Id> {
    /// Sets who asked for it.
    #[must_use]
    pub fn by(mut self, actor: Id) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Sets the backend.
    #[must_use]
    pub fn through(mut self, backend: impl Into<Arc<str>>) -> Self {
        self.backend = Some(backend.into());
        self
    }

    /// Sets the address of the client.
    ///
    /// # Security
    /// Take it from `Auth::client` of `auth-actix`, or `Endpoints::client` of `auth-http`, and not from `X-Forwarded-For`: a client
    /// can send any.
    #[must_use]
    pub fn from_client(mut self, client: Option<IpAddr>) -> Self {
        self.client = client;
        self
    }
}
