//! A transport and a strategy under one name.

use std::sync::Arc;

use auth_core::{
    Abilities, ClientInfo, Credential, IssueError, Issued, NewLogIn, ReadError, RefreshStrategy,
    RevocableStrategy, StoreError, Strategy, Subject,
    metrics::{CREDENTIALS, LOG_INS, REFRESHES, Tally},
};
use uuid::Uuid;

use crate::{
    BearerTransport, CookieTransport, Presented, RequestHead, Scheme, Slot, Transport,
    response_cookies::names_in,
};

/// A way to log in: a [`Transport`] that carries a credential, and a [`Strategy`] that issues and reads it, under a name.
///
/// The name is part of the URL of its log-in. It is also the audience of its credentials, which no other backend
/// accepts. If you rename a backend, its credentials are rejected.
///
/// # Security
/// The name is all that tells backends apart. If two services, or two `Auth`s of one service, share a secret or a store of
/// tokens, give their backends different names: otherwise the credential of user 1 of the one is that of user 1 of the other.
pub struct AuthBackend<Id = Uuid> {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
    strategy: Arc<dyn Strategy<Id>>,
    /// The same strategy, if it can revoke credentials.
    revocable: Option<Arc<dyn RevocableStrategy<Id>>>,
    /// Counts the credentials that let somebody in.
    pub(crate) let_in: Tally,
}

impl<Id> AuthBackend<Id> {
    /// A backend whose client sends its token in the `Authorization` header: [`BearerTransport`].
    pub fn bearer(name: impl Into<Arc<str>>, strategy: impl RevocableStrategy<Id> + 'static) -> Self {
        Self::new(name, BearerTransport, strategy)
    }

    /// A backend whose browser keeps the token in the cookie `__Host-NAME`, which is `Secure`, `HttpOnly` and `SameSite=Lax`.
    /// [`CookieTransport::builder`] has the other settings, for [`new`](Self::new).
    ///
    /// Over plain HTTP, Chrome and Firefox send a `Secure` cookie to `localhost` and `127.0.0.1` and to no other host. Safari
    /// sends it to none.
    pub fn cookie(name: impl Into<Arc<str>>, strategy: impl RevocableStrategy<Id> + 'static) -> Self {
        let name = name.into();
        let cookie = CookieTransport::builder().name(format!("__Host-{name}"));
        // If a cookie cannot have this name, a backend cannot either, which is an error when the service is built.
        let cookie = cookie.build().unwrap_or_default();
        Self::new(name, cookie, strategy)
    }

    /// A backend whose credentials a log-out revokes.
    pub fn new(
        name: impl Into<Arc<str>>,
        transport: impl Transport + 'static,
        strategy: impl RevocableStrategy<Id> + 'static,
    ) -> Self {
        let strategy: Arc<dyn RevocableStrategy<Id>> = Arc::new(strategy);
        let name = name.into();
        if strategy.abilities().refresh.is_some() {
            REFRESHES.begin([(&name).into(), "reused".into()]);
        }
        Self {
            let_in: let_in(&name),
            name,
            transport: Arc::new(transport),
            strategy: Arc::clone(&strategy) as Arc<dyn Strategy<Id>>,
            revocable: Some(strategy),
        }
    }

    /// A backend with credentials that cannot be revoked and stay valid until they expire, for example plain JWTs. With
    /// a Bearer transport it has no log-out. With a cookie, its log-out only removes the cookie.
    pub fn stateless(
        name: impl Into<Arc<str>>,
        transport: impl Transport + 'static,
        strategy: impl Strategy<Id> + 'static,
    ) -> Self {
        let name = name.into();
        Self {
            let_in: let_in(&name),
            name,
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
    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// A log-in through this backend.
    pub(crate) fn log_in_of<'a>(
        &'a self,
        subject: &'a Subject<Id>,
        client: &'a ClientInfo,
    ) -> NewLogIn<'a, Id> {
        NewLogIn::new(&self.name, subject, client)
    }

    /// Issues the tokens of a [log-in through this backend](Self::log_in_of).
    pub(crate) async fn issue_for(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError> {
        self.strategy.issue(log_in).await
    }

    /// Reads a credential that was presented to this backend.
    ///
    /// # Errors
    /// As for [`Strategy::read`].
    pub async fn read(&self, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.strategy.read(&self.name, presented).await
    }

    /// The same past what is remembered.
    ///
    /// # Errors
    /// As for [`Strategy::read`].
    pub async fn read_latest(&self, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.strategy.read_latest(&self.name, presented).await
    }

    /// Revokes a credential that was presented to this backend. Returns false if the backend is
    /// [stateless](Self::stateless): then the credential stays valid.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. The credential may still be valid.
    pub(crate) async fn revoke(&self, presented: &str) -> Result<bool, StoreError> {
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

    /// The strategy, if it has refresh tokens.
    pub(crate) fn refreshable(&self) -> Option<&dyn RefreshStrategy<Id>> {
        self.abilities().refresh
    }

    /// True if a log-in has a refresh token, and the backend a route to refresh.
    #[must_use]
    pub(crate) fn has_refresh(&self) -> bool {
        self.refreshable().is_some()
    }

    /// The name of the cookie of its refresh token, if there is one.
    pub(crate) fn refresh_cookie(&self) -> Option<String> {
        if !self.has_refresh() {
            return None;
        }
        names_in(&self.transport.clear(Slot::Refresh)).pop()
    }

    /// True if the request has something in the place of this secret, valid or not.
    pub(crate) fn is_presented(&self, slot: Slot, head: &dyn RequestHead) -> bool {
        !matches!(self.transport.extract(slot, head), Presented::Nothing)
    }

    /// The names under which the log-ins are stored that can be used here.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.abilities().also_accepts)
    }

    /// The further abilities of the strategy.
    pub(crate) fn abilities(&self) -> Abilities<'_, Id> {
        match &self.revocable {
            Some(strategy) => strategy.abilities(),
            None => Abilities::none(),
        }
    }

    /// True if the strategy replaces access tokens while they are used: see [`Authenticator::rotate`](crate::Authenticator::rotate).
    #[must_use]
    #[cfg(feature = "openapi")]
    pub(crate) fn rotates(&self) -> bool {
        self.abilities().rotate.is_some()
    }

    /// True if the strategy can list the log-ins of a user.
    #[must_use]
    pub(crate) fn lists(&self) -> bool {
        self.abilities().log_ins.is_some()
    }

    /// True if a log-out ends the credential, because the strategy can revoke it.
    #[must_use]
    pub(crate) fn is_revocable(&self) -> bool {
        self.revocable.is_some()
    }

    /// True if the backend has a log-out, because it can revoke or has a cookie to remove.
    #[must_use]
    pub(crate) fn has_logout(&self) -> bool {
        self.is_revocable() || self.is_cookie()
    }

    /// True if a browser adds the credential by itself.
    #[must_use]
    pub(crate) fn is_cookie(&self) -> bool {
        matches!(self.transport.scheme(), Scheme::Cookie(_))
    }
}

/// The counter of those who are let in. Those that an alert watches begin with it.
fn let_in(name: &Arc<str>) -> Tally {
    CREDENTIALS.begin([name.into(), "unavailable".into()]);
    for why in ["wrong_password", "unknown_user"] {
        LOG_INS.begin([name.into(), why.into()]);
    }
    CREDENTIALS.tally([name.into(), "success".into()])
}
