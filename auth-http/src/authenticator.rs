//! The user of a request.

mod acting;
mod authenticated;
mod delivery;
mod reading;
mod report;
mod rotation;

use std::sync::Arc;

use auth_core::{ConfigError, Outcome, Profile, Roles, SystemClock, UserId, UserStore};
use auth_users::{Audit, EventKind, Origin};
use uuid::Uuid;

use crate::{
    AuthBackend, CsrfPolicy, HttpError, Presented, PublicUrl, RequestHead, Requirement, Scheme, Slot,
    TrustedProxies,
    csrf::Forged,
    name::check_name,
    response_cookies::{is_secure_cookie, with_companion},
};

pub use authenticated::Authenticated;
pub(crate) use reading::{Freshness, Rejected};

/// Reads the credential of a request through the backends, in the order of configuration. The first that yields a user wins.
pub struct Authenticator<Id = Uuid, P = ()> {
    backends: Vec<Arc<AuthBackend<Id>>>,
    users: Arc<dyn UserStore<Id, P>>,
    roles: Arc<Roles>,
    csrf: CsrfPolicy,
    public_url: Option<PublicUrl>,
    /// The path of the backends, in front of their names.
    auth_path: String,
    audit: Audit<Id>,
    proxies: TrustedProxies,
}

/// The backends that a route accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AcceptedBackends {
    /// Every backend.
    #[default]
    All,
    /// The backends of these names. An unknown name accepts nothing.
    Only(Vec<String>),
}

impl AcceptedBackends {
    /// The backends of `names`.
    pub fn only<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Only(names.into_iter().map(str::to_owned).collect())
    }

    /// The backends that both accept.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, other) => other,
            (one, Self::All) => one,
            (Self::Only(names), other) => {
                Self::Only(names.into_iter().filter(|name| other.contains(name)).collect())
            }
        }
    }

    /// True if the backend called `name` is accepted.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|accepted| accepted == name),
        }
    }
}

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// An authenticator that tries `backends` in this order.
    ///
    /// # Errors
    /// [`ConfigError`] naming the backend if there is none, if two have the same name or cookie, or if a name does not
    /// have 1 to 64 of the characters `a-z`, `A-Z`, `0-9`, `-` and `_`.
    pub fn new(
        backends: Vec<AuthBackend<Id>>,
        users: Arc<dyn UserStore<Id, P>>,
        csrf: CsrfPolicy,
    ) -> Result<Self, ConfigError> {
        if backends.is_empty() {
            return Err(ConfigError::new(
                "backends",
                "there is none, so that nobody could log in",
            ));
        }
        for (index, backend) in backends.iter().enumerate() {
            let name = backend.name();
            let setting = format!("backend {name:?}");
            check_name(&setting, name)?;
            for earlier in &backends[..index] {
                if earlier.name() == name {
                    return Err(ConfigError::new(setting, "another backend has this name"));
                }
                let theirs = cookies_of(earlier);
                if let Some(cookie) = cookies_of(backend).iter().find(|name| theirs.contains(name)) {
                    return Err(ConfigError::new(
                        setting,
                        format_args!("the backend {:?} has the same cookie {cookie:?}", earlier.name()),
                    ));
                }
            }
        }
        Ok(Self {
            backends: backends.into_iter().map(Arc::new).collect(),
            users,
            roles: Arc::default(),
            csrf,
            public_url: None,
            auth_path: "/auth".to_owned(),
            audit: Audit::new(Arc::new(SystemClock)),
            proxies: TrustedProxies::default(),
        })
    }

    /// The roles that the service defines, and by which it checks [permissions](auth_core::Permission). Without this, none are
    /// defined, and only superusers have permissions.
    #[must_use]
    pub fn roles(mut self, roles: impl Into<Arc<Roles>>) -> Self {
        self.roles = roles.into();
        self
    }

    /// The authenticator of a service that has its backends at this path.
    pub(crate) fn mounted_at(mut self, auth_path: &str) -> Self {
        auth_path.clone_into(&mut self.auth_path);
        self
    }

    /// The authenticator of a service that tells `audit` of refused credentials, with the address behind `proxies`.
    pub(crate) fn reporting_to(mut self, audit: Audit<Id>, proxies: TrustedProxies) -> Self {
        self.audit = audit;
        self.proxies = proxies;
        self
    }

    /// The authenticator of a service that clients reach at `url`.
    pub(crate) fn reached_at(mut self, url: PublicUrl) -> Self {
        self.csrf = self.csrf.reached_at(url.origin().clone());
        if !url.keeps_secure_cookies() {
            for backend in self.backends().filter(|backend| is_secure_cookie(*backend)) {
                let backend = backend.name();
                tracing::warn!(
                    target: "portcullis::http", backend, public_url = url.as_str(),
                    "browsers drop the `Secure` cookie of this backend, since the public URL is `http` and another machine's: \
                     nobody can log in with it; write `https` if a proxy ends TLS"
                );
            }
        }
        self.public_url = Some(url);
        self
    }

    pub(crate) fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// The backends, in order.
    pub(crate) fn backends(&self) -> impl Iterator<Item = &AuthBackend<Id>> {
        self.backends.iter().map(|backend| &**backend)
    }

    /// The names of the cookies of all backends, with those of refresh tokens and of a
    /// [double submit](CsrfPolicy::double_submit).
    pub fn cookies(&self) -> impl Iterator<Item = String> {
        self.backends().flat_map(cookies_of)
    }

    /// The backend called `name`.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&AuthBackend<Id>> {
        self.backends().find(|backend| backend.name() == name)
    }

    /// The user of a request, if it presents a valid credential. If it presents a cookie, cross-site requests are
    /// refused first.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, or if the user does not meet the `requirement`;
    /// [`HttpError::Unauthorized`] without a valid credential; [`HttpError::Unavailable`] if a store does not answer.
    pub async fn require(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
        requirement: &dyn Requirement<Id, P>,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        self.authenticate(head, accepted).await?.meeting(requirement)
    }

    /// As [`require`](Self::require), without a requirement. A binding that hands out [rotated](Self::rotate) tokens asks
    /// for that one afterwards, because a 403 carries the next token, too.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, [`HttpError::Unauthorized`] without a valid credential,
    /// [`HttpError::Unavailable`] if a store does not answer.
    pub async fn authenticate(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        let found = self.find(head, accepted).await?;
        found.ok_or_else(|| self.unauthorized(head, accepted))
    }

    /// The same by what is stored now, whatever is remembered near by: for a change that lasts, which nobody must make whose
    /// log-in has just ended on another node.
    ///
    /// # Errors
    /// As for [`authenticate`](Self::authenticate).
    pub async fn authenticate_latest(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        let found = self.find_by(head, accepted, Freshness::Stored).await?;
        found.ok_or_else(|| self.unauthorized(head, accepted))
    }

    /// The check against cross-site requests.
    #[cfg(feature = "openapi")]
    pub(crate) fn csrf(&self) -> &CsrfPolicy {
        &self.csrf
    }

    /// The user of a request, or `None` without a valid credential.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, [`HttpError::Unavailable`] if a store does not answer.
    pub async fn find(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
    ) -> Result<Option<Authenticated<Id, P>>, HttpError> {
        self.find_by(head, accepted, Freshness::Remembered).await
    }

    async fn find_by(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
        freshness: Freshness,
    ) -> Result<Option<Authenticated<Id, P>>, HttpError> {
        self.refuse_forged(head, accepted)?;
        let reading = self.read(head, accepted, freshness).await;
        self.report(&reading.rejected, head);
        match reading.outcome {
            Outcome::Authenticated(found) => Ok(Some(found)),
            Outcome::Anonymous | Outcome::Rejected(_) => Ok(None),
            Outcome::Unavailable(error) => Err(error.into()),
        }
    }

    /// Refuses a cross-site request, for example to `backend`.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request.
    pub(crate) fn refuse_cross_site(
        &self,
        backend: Option<&AuthBackend<Id>>,
        head: &impl RequestHead,
    ) -> Result<(), HttpError> {
        let checked = self.csrf.check(head);
        checked.map_err(|forged| self.forged(forged, backend, head))
    }

    /// True if any backend is a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        self.backends().any(AuthBackend::is_cookie)
    }

    /// Refuses an unsafe request if another site may have made the browser send its cookie, whatever other credentials
    /// it has.
    pub(crate) fn refuse_forged(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
    ) -> Result<(), HttpError> {
        let mut cookies = self.accepted(accepted).filter(|backend| backend.is_cookie());
        cookies.try_for_each(|backend| self.refuse_forged_cookie(backend, Slot::Access, head))
    }

    /// The same for the cookie of `slot` of one backend.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, and for one without the token of the double submit.
    pub(crate) fn refuse_forged_cookie(
        &self,
        backend: &AuthBackend<Id>,
        slot: Slot,
        head: &impl RequestHead,
    ) -> Result<(), HttpError> {
        let checked = match backend.transport().extract(slot, head) {
            Presented::Nothing => Ok(()),
            Presented::Invalid(_) => self.csrf.check_cookie(head, None),
            Presented::Token(token) => self.csrf.check_cookie(head, Some(token)),
        };
        checked.map_err(|forged| self.forged(forged, Some(backend), head))
    }

    /// Tells of a request of another site.
    fn forged(
        &self,
        forged: Forged,
        backend: Option<&AuthBackend<Id>>,
        head: &impl RequestHead,
    ) -> HttpError {
        let mut origin = Origin::default().from_client(self.client(head));
        origin.backend = backend.map(AuthBackend::shared_name);
        self.audit.record(EventKind::from(&forged), None, &origin);
        forged.into()
    }

    fn accepts_bearer(&self, accepted: &AcceptedBackends) -> bool {
        self.accepted(accepted)
            .any(|backend| backend.transport().scheme() == Scheme::Bearer)
    }

    fn accepted<'a>(&'a self, accepted: &'a AcceptedBackends) -> impl Iterator<Item = &'a AuthBackend<Id>> {
        self.backends()
            .filter(|backend| accepted.contains(backend.name()))
    }
}

/// The names of the cookies of `backend`.
fn cookies_of<Id>(backend: &AuthBackend<Id>) -> Vec<String> {
    let Scheme::Cookie(access) = backend.transport().scheme() else {
        return Vec::new();
    };
    let own = std::iter::once(access.to_owned()).chain(backend.refresh_cookie());
    own.flat_map(with_companion).collect()
}
