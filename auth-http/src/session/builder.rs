//! The settings of a kind of session.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use auth_core::{
    Clock, ConfigError, IdleLimit, Lifetime, Profile, SessionStore, SystemClock, UserId, metrics::CREDENTIALS,
};
use auth_users::UserManager;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OnConflict, SessionData, SessionIdGenerator, SessionTransport, Sessions, Shared, id};
use crate::{CsrfPolicy, PublicUrl, TrustedProxies, name::check_name};

/// The default lifetime, in seconds: 6 hours.
const LIFETIME: u64 = 6 * 3600;

/// Builds [`Sessions`].
#[must_use]
pub struct SessionsBuilder<T, Id = Uuid, P = ()> {
    name: String,
    store: Arc<dyn SessionStore<Id>>,
    users: Option<Arc<UserManager<Id, P>>>,
    transport: SessionTransport,
    ids: Option<Arc<dyn SessionIdGenerator>>,
    lifetime: Option<Lifetime>,
    idle: Option<Lifetime>,
    on_conflict: OnConflict,
    csrf: CsrfPolicy,
    public_url: Option<PublicUrl>,
    proxies: TrustedProxies,
    clock: Arc<dyn Clock>,
    data: PhantomData<fn() -> T>,
}

impl<T: SessionData, Id: UserId> Sessions<T, Id> {
    /// A builder for the kind of session called `name`, in `store`. Several kinds can share a store.
    ///
    /// The name is part of every digest. Sessions of a kind that was renamed are not found any more.
    ///
    /// # Security
    /// Give each kind a name of its own. Two of one name over one store accept each other's ids.
    pub fn builder(name: impl Into<String>, store: Arc<dyn SessionStore<Id>>) -> SessionsBuilder<T, Id> {
        SessionsBuilder {
            name: name.into(),
            store,
            users: None,
            transport: SessionTransport::default(),
            ids: None,
            lifetime: None,
            idle: None,
            on_conflict: OnConflict::default(),
            csrf: CsrfPolicy::same_origin(),
            public_url: None,
            proxies: TrustedProxies::default(),
            clock: Arc::new(SystemClock),
            data: PhantomData,
        }
    }
}

impl<T: SessionData, Id: UserId, P: Profile> SessionsBuilder<T, Id, P> {
    /// Lets the users of `users` [log in](super::RequestSession::log_in) through a session.
    ///
    /// Each request with such a session loads its user, which costs one more round trip. The session is as none if the user
    /// is gone or inactive, or if the user's credentials were ended since the log-in: by a change of the password or
    /// [`log_out_everywhere`](UserManager::log_out_everywhere), for example. A deletion of a user also removes the sessions.
    pub fn users<Q: Profile>(self, users: impl Into<Arc<UserManager<Id, Q>>>) -> SessionsBuilder<T, Id, Q> {
        SessionsBuilder {
            name: self.name,
            store: self.store,
            users: Some(users.into()),
            transport: self.transport,
            ids: self.ids,
            lifetime: self.lifetime,
            idle: self.idle,
            on_conflict: self.on_conflict,
            csrf: self.csrf,
            public_url: self.public_url,
            proxies: self.proxies,
            clock: self.clock,
            data: PhantomData,
        }
    }

    /// Sets how the id travels. The default is the cookie `__Host-ssid`.
    ///
    /// Each kind in a service needs a cookie or header of its own, which no backend may have: the cookie of
    /// `AuthBackend::cookie("ssid", …)` is `__Host-ssid`, too.
    pub fn transport(mut self, transport: SessionTransport) -> Self {
        self.transport = transport;
        self
    }

    /// Makes the ids by `generator`. The default is 256 bits from the operating system's generator.
    pub fn ids(mut self, generator: Arc<dyn SessionIdGenerator>) -> Self {
        self.ids = Some(generator);
        self
    }

    /// Sets the absolute limit, after which a session ends however it is used. The default is 6 hours. A log-in begins a
    /// new session.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Ends a session that was not used for `limit`. By default there is no such limit.
    ///
    /// A use within the last tenth of the limit, but at most a minute, since a recorded one is not recorded: so the store
    /// is written rarely, and a session can end that much too early.
    ///
    /// A session that ended by this limit stays in the store until that removes it, or its lifetime is over. If the clock steps
    /// back before that, it is valid again.
    pub fn idle(mut self, limit: Lifetime) -> Self {
        self.idle = Some(limit);
        self
    }

    /// Sets what becomes of changes that two requests make at the same time. The default is [`OnConflict::Merge`].
    pub fn on_conflict(mut self, policy: OnConflict) -> Self {
        self.on_conflict = policy;
        self
    }

    /// Sets the check against cross-site requests, for a cookie. By default only the service's own origin is trusted.
    pub fn csrf(mut self, policy: CsrfPolicy) -> Self {
        self.csrf = policy;
        self
    }

    /// Sets the URL at which clients reach the service: see
    /// [`EndpointsBuilder::public_url`](crate::EndpointsBuilder::public_url).
    ///
    /// # Errors
    /// [`ConfigError`] as from [`PublicUrl::parse`].
    pub fn public_url(mut self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.public_url = Some(PublicUrl::parse(url.as_ref())?);
        Ok(self)
    }

    /// Names the proxies whose `X-Forwarded-For` says which address a client has, for events: see
    /// [`EndpointsBuilder::trusted_proxies`](crate::EndpointsBuilder::trusted_proxies).
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the kind.
    ///
    /// # Errors
    /// [`ConfigError`] naming the setting if the name is not 1 to 64 letters, digits, `-` or `_`; if the idle limit is
    /// unlimited or not shorter than the lifetime; if the cookie has a [`MaxAge::Fixed`](crate::MaxAge) that is over before a
    /// use is recorded, as [`idle`](Self::idle) says; if the generator of ids is [weak](SessionIdGenerator).
    pub fn build(self) -> Result<Sessions<T, Id, P>, ConfigError> {
        check_name(&format!("session {:?}", self.name), &self.name)?;
        let lifetime = match self.lifetime {
            Some(lifetime) => lifetime,
            None => Lifetime::from_secs(LIFETIME)?,
        };
        let idle = self.idle.map(|limit| IdleLimit::new(limit, lifetime));
        let idle = idle
            .transpose()
            .map_err(|error| error.in_setting("session idle limit"))?;
        if let (Some(idle), Some(age)) = (idle, self.transport.fixed_age()) {
            check_age(age, idle)?;
        }
        if let Some(generator) = &self.ids {
            id::check(&**generator)?;
        }
        if let Some(users) = &self.users {
            users.end_sessions_in(Arc::clone(&self.store));
        }
        let csrf = match &self.public_url {
            Some(url) => self.csrf.reached_at(url.origin().clone()),
            None => self.csrf,
        };
        let name: Arc<str> = self.name.into();
        CREDENTIALS.begin([(&name).into(), "unavailable".into()]);
        Ok(Sessions {
            shared: Arc::new(Shared {
                audience: format!("session:{name}"),
                let_in: CREDENTIALS.tally([(&name).into(), "success".into()]),
                name,
                store: self.store,
                users: self.users,
                transport: self.transport,
                ids: self.ids,
                lifetime,
                idle,
                on_conflict: self.on_conflict,
                csrf,
                public_url: self.public_url,
                proxies: self.proxies,
                clock: self.clock,
            }),
            data: PhantomData,
        })
    }
}

/// # Errors
/// [`ConfigError`] if a use within the first half of `age` need not be recorded, which sends the cookie again. A browser would then
/// lose it in the middle of a visit.
fn check_age(age: Duration, idle: IdleLimit) -> Result<(), ConfigError> {
    let sent = OffsetDateTime::UNIX_EPOCH;
    let half = sent.checked_add((age / 2).try_into().unwrap_or(time::Duration::MAX));
    if half.is_none_or(|half| idle.is_due(sent, half)) {
        return Ok(());
    }
    let problem = format!(
        "is `MaxAge::Fixed` of {} s, but uses are recorded, and the cookie is sent again, no oftener than once in a tenth of the \
         idle limit or a minute: take one of at least twice that, or `MaxAge::Token`",
        age.as_secs()
    );
    Err(ConfigError::new("session cookie max_age", problem))
}
