//! Who is asking.

use std::sync::Arc;

use auth_core::{ConfigError, Grant, Outcome, Profile, Rejection, User, UserId, UserStore, authenticate};
use uuid::Uuid;

use crate::{AuthBackend, CsrfPolicy, HttpError, Presented, RequestHead, Scheme, request::is_safe};

/// Reads the credential of a request through the backends, in the order in which they were configured: the first that
/// yields a user wins.
pub struct Authenticator<Id = Uuid, P = ()> {
    backends: Vec<Arc<AuthBackend<Id>>>,
    users: Arc<dyn UserStore<Id, P>>,
    csrf: CsrfPolicy,
}

/// The backends that a route accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Enabled {
    /// Every backend.
    #[default]
    All,
    /// The backends of these names; a name that no backend has accepts nothing.
    Only(Vec<String>),
}

impl Enabled {
    /// The backends of `names`.
    pub fn only<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Only(names.into_iter().map(str::to_owned).collect())
    }

    /// Whether the backend called `name` is accepted.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|enabled| enabled == name),
        }
    }
}

/// What a route asks of a user beside being logged in and active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// The e-mail is verified.
    pub verified: bool,
    /// The user may manage others.
    pub superuser: bool,
}

/// The user of a request, and how it was found out.
#[derive(Clone, Debug)]
pub struct Authenticated<Id = Uuid, P = ()> {
    /// The user.
    pub user: User<Id, P>,
    /// What the credential says.
    pub grant: Grant<Id>,
    /// The name of the backend that read it.
    pub backend: Arc<str>,
}

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// An authenticator that tries `backends` in this order.
    ///
    /// # Errors
    /// [`ConfigError`] naming the backend if there is none, if two have one name or one cookie, or if a name is not
    /// one to 64 of `a-z`, `A-Z`, `0-9`, `-` and `_`.
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
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
                return Err(ConfigError::new(
                    setting,
                    "its name is not 1 to 64 letters, digits, `-` or `_`",
                ));
            }
            for earlier in &backends[..index] {
                if earlier.name() == name {
                    return Err(ConfigError::new(setting, "another backend has this name"));
                }
                if let (Scheme::Cookie(ours), Scheme::Cookie(theirs)) =
                    (backend.transport().scheme(), earlier.transport().scheme())
                    && ours == theirs
                {
                    return Err(ConfigError::new(
                        setting,
                        format_args!("the backend {:?} has the same cookie {theirs:?}", earlier.name()),
                    ));
                }
            }
        }
        Ok(Self {
            backends: backends.into_iter().map(Arc::new).collect(),
            users,
            csrf,
        })
    }

    /// The backends, in order.
    pub fn backends(&self) -> impl Iterator<Item = &AuthBackend<Id>> {
        self.backends.iter().map(|backend| &**backend)
    }

    /// The backend called `name`.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&AuthBackend<Id>> {
        self.backends().find(|backend| backend.name() == name)
    }

    /// Reads the credential of a request. A backend whose store does not answer makes the outcome
    /// [`Outcome::Unavailable`], unless another yields a user.
    pub async fn read(&self, head: &impl RequestHead, enabled: &Enabled) -> Outcome<Authenticated<Id, P>> {
        let mut worst = Outcome::Anonymous;
        for backend in self.enabled(enabled) {
            let presented = backend.transport().extract(head);
            let outcome = match presented {
                Presented::Nothing => continue,
                Presented::Refused(rejection) => Outcome::Rejected(rejection),
                Presented::Token(token) => authenticate(backend.strategy(), &*self.users, token).await,
            };
            match outcome {
                Outcome::Authenticated((user, grant)) => {
                    return Outcome::Authenticated(Authenticated {
                        user,
                        grant,
                        backend: backend.shared_name(),
                    });
                }
                Outcome::Rejected(rejection) => {
                    log_rejection(backend.name(), rejection);
                    if matches!(worst, Outcome::Anonymous) {
                        worst = Outcome::Rejected(rejection);
                    }
                }
                Outcome::Unavailable(error) => worst = Outcome::Unavailable(error),
                Outcome::Anonymous => {}
            }
        }
        worst
    }

    /// The user of a request, if it presents a valid credential; a check against cross-site requests comes first
    /// where it presents a cookie.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, [`HttpError::Unauthorized`] for one without a valid
    /// credential, [`HttpError::Forbidden`] where the `requirement` is not met, [`HttpError::Unavailable`] if a store
    /// does not answer.
    pub async fn require(
        &self,
        head: &impl RequestHead,
        enabled: &Enabled,
        requirement: Requirement,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        match self.find(head, enabled).await? {
            None => Err(HttpError::Unauthorized {
                bearer: self.accepts_bearer(enabled),
            }),
            Some(found) if requirement.met_by(&found.user) => Ok(found),
            Some(_) => Err(HttpError::Forbidden),
        }
    }

    /// The user of a request, or `None` where nothing valid is presented.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request, [`HttpError::Unavailable`] if a store does not answer.
    pub async fn find(
        &self,
        head: &impl RequestHead,
        enabled: &Enabled,
    ) -> Result<Option<Authenticated<Id, P>>, HttpError> {
        self.refuse_forged(head, enabled)?;
        match self.read(head, enabled).await {
            Outcome::Authenticated(found) => Ok(Some(found)),
            Outcome::Anonymous | Outcome::Rejected(_) => Ok(None),
            Outcome::Unavailable(error) => Err(error.into()),
        }
    }

    /// Refuses a cross-site request.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] for a cross-site request.
    pub(crate) fn refuse_cross_site(&self, head: &impl RequestHead) -> Result<(), HttpError> {
        if self.csrf.allows(head) {
            Ok(())
        } else {
            Err(cross_site())
        }
    }

    /// Whether any backend is a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        self.backends().any(AuthBackend::is_cookie)
    }

    /// Refuses an unsafe request with a cookie that another site may have made the browser send, whatever else it
    /// presents.
    fn refuse_forged(&self, head: &impl RequestHead, enabled: &Enabled) -> Result<(), HttpError> {
        if is_safe(head) {
            return Ok(());
        }
        for backend in self.enabled(enabled).filter(|backend| backend.is_cookie()) {
            let confirmed = match backend.transport().extract(head) {
                Presented::Nothing => continue,
                Presented::Refused(_) => true,
                Presented::Token(token) => backend.transport().confirms(head, token),
            };
            if !confirmed || !self.csrf.allows(head) {
                return Err(cross_site());
            }
        }
        Ok(())
    }

    fn accepts_bearer(&self, enabled: &Enabled) -> bool {
        self.enabled(enabled)
            .any(|backend| backend.transport().scheme() == Scheme::Bearer)
    }

    fn enabled<'a>(&'a self, enabled: &'a Enabled) -> impl Iterator<Item = &'a AuthBackend<Id>> {
        self.backends().filter(|backend| enabled.contains(backend.name()))
    }
}

impl Requirement {
    /// Whether `user` meets it.
    pub fn met_by<Id, P>(self, user: &User<Id, P>) -> bool {
        (!self.verified || user.is_verified) && (!self.superuser || user.is_superuser)
    }
}

fn cross_site() -> HttpError {
    tracing::warn!(target: "portcullis::http", outcome = "refused", reason = "cross_site", "a cross-site request was refused");
    HttpError::Forbidden
}

fn log_rejection(backend: &str, rejection: Rejection) {
    let reason = rejection.name();
    tracing::info!(target: "portcullis::http", outcome = "rejected", backend, reason, "a credential was rejected");
}
