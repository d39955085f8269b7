use std::{fmt, sync::Arc, time::Duration};

use auth_core::{Clock, ConfigError, Lifetime, Profile, SigningSecret, SystemClock, UserId, UserStore};
use uuid::Uuid;

use super::UserManager;
use crate::{
    DefaultPasswordPolicy, EventHandler, Mailer, Outbox, PasswordHasher, PasswordPolicy,
    one_time_token::OneTimeTokens,
};

const OUTBOX_CAPACITY: usize = 1024;
const HOUR: Duration = Duration::from_secs(3600);

/// The settings of a [`UserManager`].
#[must_use]
pub struct UserManagerBuilder<Id = Uuid, P = ()> {
    store: Arc<dyn UserStore<Id, P>>,
    tokens: OneTimeTokens,
    hasher: PasswordHasher,
    policy: Arc<dyn PasswordPolicy>,
    events: Option<Arc<dyn EventHandler<Id, P>>>,
    mailer: Option<Arc<dyn Mailer>>,
    outbox_capacity: usize,
    requires_verification: bool,
    verification_lifetime: Option<Lifetime>,
    reset_lifetime: Option<Lifetime>,
    clock: Arc<dyn Clock>,
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// A manager of the users in `store`, to be configured. `secret` signs the tokens in mails; it may sign other things,
    /// too.
    pub fn builder(store: Arc<dyn UserStore<Id, P>>, secret: &SigningSecret) -> UserManagerBuilder<Id, P> {
        UserManagerBuilder {
            store,
            tokens: OneTimeTokens::new(secret),
            hasher: PasswordHasher::default(),
            policy: Arc::new(DefaultPasswordPolicy),
            events: None,
            mailer: None,
            outbox_capacity: OUTBOX_CAPACITY,
            requires_verification: false,
            verification_lifetime: None,
            reset_lifetime: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl<Id: UserId, P: Profile> UserManagerBuilder<Id, P> {
    /// Hashes passwords with `hasher`.
    pub fn hasher(mut self, hasher: PasswordHasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Judges passwords by `policy`; by default by [`DefaultPasswordPolicy`].
    pub fn password_policy(mut self, policy: Arc<dyn PasswordPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Tells `handler` what happens; by default nobody.
    pub fn events(mut self, handler: Arc<dyn EventHandler<Id, P>>) -> Self {
        self.events = Some(handler);
        self
    }

    /// Sends mails by `mailer`. Without one, each mail that is asked for is a warning in the log.
    pub fn mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// How many mails wait at most, 1024 by default: see [`Outbox`].
    pub fn outbox_capacity(mut self, capacity: usize) -> Self {
        self.outbox_capacity = capacity;
        self
    }

    /// Whether a log-in needs a verified e-mail; by default it does not.
    pub fn requires_verification(mut self, required: bool) -> Self {
        self.requires_verification = required;
        self
    }

    /// How long a token to verify an e-mail is good: one hour by default.
    pub fn verification_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.verification_lifetime = Some(lifetime);
        self
    }

    /// How long a token to reset a password is good: one hour by default.
    pub fn reset_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.reset_lifetime = Some(lifetime);
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The manager. It need not be made on an async runtime.
    ///
    /// # Errors
    /// [`ConfigError`] naming `outbox_capacity` if that is 0, `verification_lifetime` or `reset_lifetime` if that is for
    /// ever.
    pub fn build(self) -> Result<UserManager<Id, P>, ConfigError> {
        Ok(UserManager {
            store: self.store,
            hasher: self.hasher,
            policy: self.policy,
            events: self.events,
            outbox: Outbox::new(self.mailer, self.outbox_capacity)?,
            tokens: self.tokens,
            requires_verification: self.requires_verification,
            verification_lifetime: finite("verification_lifetime", self.verification_lifetime)?,
            reset_lifetime: finite("reset_lifetime", self.reset_lifetime)?,
            clock: self.clock,
        })
    }
}

impl<Id, P> fmt::Debug for UserManagerBuilder<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserManagerBuilder")
            .field("hasher", &self.hasher)
            .field("outbox_capacity", &self.outbox_capacity)
            .field("requires_verification", &self.requires_verification)
            .field("verification_lifetime", &self.verification_lifetime)
            .field("reset_lifetime", &self.reset_lifetime)
            .finish_non_exhaustive()
    }
}

/// A mailed token that never expires would outlive whatever the mailbox is.
fn finite(setting: &str, lifetime: Option<Lifetime>) -> Result<Lifetime, ConfigError> {
    match lifetime {
        None => Lifetime::new(HOUR).map_err(|error| ConfigError::new(setting, error)),
        Some(Lifetime::FOREVER) => Err(ConfigError::new(setting, "a mailed token cannot live for ever")),
        Some(lifetime) => Ok(lifetime),
    }
}
