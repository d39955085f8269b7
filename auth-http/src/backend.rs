//! A transport and a strategy under one name.

use std::sync::Arc;

use auth_core::{
    ClientInfo, Credential, IssueError, Issued, ReadError, RevocableStrategy, StoreError, Strategy, Subject,
};
use uuid::Uuid;

use crate::{Scheme, Transport};

/// A way to be logged in: a [`Transport`] that carries a credential and a [`Strategy`] that issues and reads it, under a name.
///
/// The name is part of the URL of its log-in, and it is the audience of its credentials: no other backend accepts them. If you
/// rename a backend, its credentials are rejected.
pub struct AuthBackend<Id = Uuid> {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
    strategy: Arc<dyn Strategy<Id>>,
    /// The same strategy, if it can revoke.
    revocable: Option<Arc<dyn RevocableStrategy<Id>>>,
}

impl<Id> AuthBackend<Id> {
    /// A backend whose credentials a log-out revokes.
    pub fn new(
        name: impl Into<Arc<str>>,
        transport: impl Transport + 'static,
        strategy: impl RevocableStrategy<Id> + 'static,
    ) -> Self {
        let strategy: Arc<dyn RevocableStrategy<Id>> = Arc::new(strategy);
        Self {
            name: name.into(),
            transport: Arc::new(transport),
            strategy: Arc::clone(&strategy) as Arc<dyn Strategy<Id>>,
            revocable: Some(strategy),
        }
    }

    /// A backend whose credentials live until they expire, whatever a log-out says: a plain JWT. With a Bearer
    /// transport it has no log-out; with a cookie its log-out removes the cookie and nothing else.
    pub fn stateless(
        name: impl Into<Arc<str>>,
        transport: impl Transport + 'static,
        strategy: impl Strategy<Id> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            transport: Arc::new(transport),
            strategy: Arc::new(strategy),
            revocable: None,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// Issues a credential of this backend.
    ///
    /// # Errors
    /// Those of [`Strategy::issue`].
    pub async fn issue(&self, subject: &Subject<Id>, client: &ClientInfo) -> Result<Issued, IssueError> {
        self.strategy.issue(&self.name, subject, client).await
    }

    /// Reads a credential that was presented to this backend.
    ///
    /// # Errors
    /// Those of [`Strategy::read`].
    pub async fn read(&self, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.strategy.read(&self.name, presented).await
    }

    /// Revokes a credential that was presented to this backend, and returns whether this backend can: a
    /// [stateless](Self::stateless) one cannot, and its credential stays valid.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: the credential may still be valid.
    pub async fn revoke(&self, presented: &str) -> Result<bool, StoreError> {
        let Some(strategy) = &self.revocable else {
            return Ok(false);
        };
        strategy.revoke(&self.name, presented).await?;
        Ok(true)
    }

    /// The strategy, if it can revoke.
    pub(crate) fn revocable(&self) -> Option<&Arc<dyn RevocableStrategy<Id>>> {
        self.revocable.as_ref()
    }

    /// Whether a log-out ends the credential: the strategy can revoke.
    #[must_use]
    pub fn is_revocable(&self) -> bool {
        self.revocable.is_some()
    }

    /// Whether the backend has a log-out: it can revoke, or it has a cookie to remove.
    #[must_use]
    pub fn has_logout(&self) -> bool {
        self.is_revocable() || self.is_cookie()
    }

    /// Whether a browser adds the credential by itself.
    #[must_use]
    pub fn is_cookie(&self) -> bool {
        matches!(self.transport.scheme(), Scheme::Cookie(_))
    }
}
