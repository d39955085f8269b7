use std::{fmt, sync::Arc, time::Duration};

use auth_core::{
    Clock, ClosedNetworks, ConfigError, Lifetime, Profile, Roles, SigningSecret, SystemClock, UserId,
    UserStore,
};
use uuid::Uuid;

use super::UserManager;
use crate::{
    AfterRegistration, Audit, DefaultPasswordPolicy, MailBudget, Mailer, Outbox, PasswordHasher,
    PasswordPolicy, UserLookup, Veto, one_time_token::OneTimeTokens, outbox::OutboxSettings,
    profile::HiddenFields,
};

const OUTBOX_CAPACITY: usize = 1024;
const MAILS_IN_FLIGHT: usize = 8;
/// In seconds. Their sum is under the hour that a token lives, also with the random part of each.
const MAIL_RETRIES: [u64; 7] = [1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 20 * 60];
const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The settings of a [`UserManager`].
#[must_use]
pub struct UserManagerBuilder<Id = Uuid, P = ()> {
    store: Arc<dyn UserStore<Id, P>>,
    tokens: OneTimeTokens,
    hasher: PasswordHasher,
    policy: Arc<dyn PasswordPolicy>,
    veto: Option<Arc<dyn Veto<Id, P>>>,
    after_registration: Option<Arc<dyn AfterRegistration<Id, P>>>,
    lookup: Option<Arc<dyn UserLookup<Id, P>>>,
    mailer: Option<Arc<dyn Mailer>>,
    mail_budget: MailBudget,
    mail_retries: Vec<Duration>,
    mails_in_flight: usize,
    outbox_capacity: usize,
    requires_verification: bool,
    sends_verification: bool,
    confirms_new_email: bool,
    verification_lifetime: Option<Lifetime>,
    reset_lifetime: Option<Lifetime>,
    invitation_lifetime: Option<Lifetime>,
    clock: Arc<dyn Clock>,
    hidden: HiddenFields<P>,
    roles: Roles,
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// A builder for a manager of the users in `store`. `secret` signs the tokens in mails. It may sign other things,
    /// too, and [accept](SigningSecret::also_accept) the tokens of an old secret.
    pub fn builder(store: Arc<dyn UserStore<Id, P>>, secret: &SigningSecret) -> UserManagerBuilder<Id, P> {
        UserManagerBuilder {
            store,
            tokens: OneTimeTokens::new(secret.clone()),
            hasher: PasswordHasher::default(),
            policy: Arc::new(DefaultPasswordPolicy),
            veto: None,
            after_registration: None,
            lookup: None,
            mailer: None,
            mail_budget: MailBudget::default(),
            mail_retries: MAIL_RETRIES.map(Duration::from_secs).to_vec(),
            mails_in_flight: MAILS_IN_FLIGHT,
            outbox_capacity: OUTBOX_CAPACITY,
            requires_verification: false,
            sends_verification: false,
            confirms_new_email: false,
            verification_lifetime: None,
            reset_lifetime: None,
            invitation_lifetime: None,
            clock: Arc::new(SystemClock),
            hidden: HiddenFields::default(),
            roles: Roles::new(),
        }
    }
}

impl<Id: UserId, P: Profile> UserManagerBuilder<Id, P> {
    /// Hashes passwords with `hasher`.
    pub fn hasher(mut self, hasher: PasswordHasher) -> Self {
        self.hasher = hasher;
        self
    }

    /// Checks passwords by `policy`. The default is [`DefaultPasswordPolicy`].
    pub fn password_policy(mut self, policy: Arc<dyn PasswordPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Asks `veto` before a log-in, a registration and a deletion. By default nobody is asked.
    pub fn veto(mut self, veto: Arc<dyn Veto<Id, P>>) -> Self {
        self.veto = Some(veto);
        self
    }

    /// Lets the answer to each registration wait for `follower`. To learn what happens to users,
    /// [`observe`](Audit::observe) the manager's [audit](UserManager::audit).
    pub fn after_registration(mut self, follower: Arc<dyn AfterRegistration<Id, P>>) -> Self {
        self.after_registration = Some(follower);
        self
    }

    /// Finds the user who logs in by `lookup`. By default users log in by their e-mail.
    pub fn lookup(mut self, lookup: Arc<dyn UserLookup<Id, P>>) -> Self {
        self.lookup = Some(lookup);
        self
    }

    /// Sends mails by `mailer`. Without one, each mail that is asked for is a warning in the log and nothing else.
    pub fn mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Defines the roles that users can have. Without this, there are none. A user keeps the name of a role that is no longer
    /// defined, and it grants nothing.
    pub fn roles(mut self, roles: Roles) -> Self {
        self.roles = roles;
        self
    }

    /// Limits the mails of one kind to one account. The default is 3 within an hour. See [`MailBudget`].
    pub fn mail_budget(mut self, budget: MailBudget) -> Self {
        self.mail_budget = budget;
        self
    }

    /// The pauses before a mail that could not be sent is tried again. Up to a quarter is added to each at random.
    ///
    /// The default is 1, 5 and 30 seconds, then 2, 5, 10 and 20 minutes. With no pauses a mail is tried once. There is
    /// no attempt after the mail's token has expired.
    pub fn mail_retries(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.mail_retries = pauses.into_iter().collect();
        self
    }

    /// Sets the number of mails that are sent at once, each to another address. The default is 8.
    pub fn mails_in_flight(mut self, mails: usize) -> Self {
        self.mails_in_flight = mails;
        self
    }

    /// How many mails are in the outbox at most: 1024 by default. Those in flight and those that wait for another attempt
    /// count, too. See [`Outbox`].
    pub fn outbox_capacity(mut self, capacity: usize) -> Self {
        self.outbox_capacity = capacity;
        self
    }

    /// The closed networks whose e-mail addresses are taken, such as `corp.local`; none by default.
    ///
    /// # Security
    /// Such a name has no owner outside the network: see [`ClosedNetworks`].
    pub fn closed_networks(mut self, networks: ClosedNetworks) -> Self {
        self.tokens.closed_networks = networks;
        self
    }

    /// Sets whether a log-in needs a verified e-mail. The default is no.
    pub fn requires_verification(mut self, required: bool) -> Self {
        self.requires_verification = required;
        self
    }

    /// Sets whether a registration mails a token to verify the e-mail. The default is no. Nothing is mailed to a user who is
    /// registered without a password or with a verified e-mail.
    pub fn send_verification_on_registration(mut self, send: bool) -> Self {
        self.sends_verification = send;
        self
    }

    /// Sets whether a user's new e-mail counts only once it is confirmed. The old address then gets a notice. By
    /// default a new e-mail counts at once, unverified. See [`update_own`](UserManager::update_own).
    pub fn confirm_new_email(mut self, confirm: bool) -> Self {
        self.confirms_new_email = confirm;
        self
    }

    /// Sets the lifetime of a token to verify an e-mail, or to confirm a new one. The default is one hour.
    pub fn verification_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.verification_lifetime = Some(lifetime);
        self
    }

    /// Sets the lifetime of a token to reset a password. The default is one hour.
    pub fn reset_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.reset_lifetime = Some(lifetime);
        self
    }

    /// Sets the lifetime of the token in an invitation. The default is one week.
    pub fn invitation_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.invitation_lifetime = Some(lifetime);
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps the field `name` of the profile in an update that does not name it. `keep` copies it from the profile
    /// before the update to the one after it.
    ///
    /// An update changes the profile as Serde writes it, and reads the result. A field that Serde does not write,
    /// because clients must not see it, would be lost. Such a field also needs a `#[serde(default)]`.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{SigningSecret, testing::memory::MemoryUserStore, users::UserManager};
    /// #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    /// struct Customer {
    ///     name: String,
    ///     #[serde(skip_serializing, default)]
    ///     stripe_id: Option<String>,
    /// }
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let (store, secret) = (Arc::new(MemoryUserStore::<uuid::Uuid, Customer>::new()), SigningSecret::generate()?);
    /// let users = UserManager::builder(store, &secret)
    ///     .hidden_field("stripe_id", |before: &Customer, after| after.stripe_id.clone_from(&before.stripe_id))
    ///     .build()?;
    /// # let _ = users;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Security
    /// Hiding a field does not protect it. A body can set it, unless it is one of the `protected_fields` of the HTTP layer.
    pub fn hidden_field(mut self, name: &str, keep: impl Fn(&P, &mut P) + Send + Sync + 'static) -> Self {
        self.hidden.add(name, keep);
        self
    }

    /// Makes the manager. This does not need an async runtime.
    ///
    /// # Errors
    /// [`ConfigError`] that names
    /// - `outbox_capacity` or `mails_in_flight` if that is 0;
    /// - `mail_retries` if a pause is longer than a day;
    /// - `verification_lifetime`, `reset_lifetime` or `invitation_lifetime` if that has no end;
    /// - `profile` if an update would lose a part of the profile: see [`hidden_field`](Self::hidden_field). What the
    ///   type alone does not show fails the update instead, which then writes nothing.
    pub fn build(self) -> Result<UserManager<Id, P>, ConfigError> {
        self.hidden.check()?;
        let outbox = Outbox::new(OutboxSettings {
            mailer: self.mailer,
            clock: Arc::clone(&self.clock),
            budget: self.mail_budget,
            capacity: self.outbox_capacity,
            in_flight: self.mails_in_flight,
            retries: self.mail_retries,
        })?;
        Ok(UserManager {
            store: self.store,
            hasher: self.hasher,
            policy: self.policy,
            audit: Audit::new(Arc::clone(&self.clock)),
            origin: None,
            veto: self.veto,
            after_registration: self.after_registration,
            lookup: self.lookup,
            outbox,
            tokens: Arc::new(self.tokens),
            revocable: Arc::default(),
            sessions: Arc::default(),
            requires_verification: self.requires_verification,
            sends_verification: self.sends_verification,
            confirms_new_email: self.confirms_new_email,
            verification_lifetime: finite("verification_lifetime", self.verification_lifetime, HOUR)?,
            reset_lifetime: finite("reset_lifetime", self.reset_lifetime, HOUR)?,
            invitation_lifetime: finite("invitation_lifetime", self.invitation_lifetime, WEEK)?,
            clock: self.clock,
            hidden: Arc::new(self.hidden),
            roles: Arc::new(self.roles),
        })
    }
}

impl<Id, P> fmt::Debug for UserManagerBuilder<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserManagerBuilder")
            .field("hasher", &self.hasher)
            .field("mail_budget", &self.mail_budget)
            .field("mail_retries", &self.mail_retries)
            .field("mails_in_flight", &self.mails_in_flight)
            .field("outbox_capacity", &self.outbox_capacity)
            .field("requires_verification", &self.requires_verification)
            .field("send_verification_on_registration", &self.sends_verification)
            .field("confirm_new_email", &self.confirms_new_email)
            .field("verification_lifetime", &self.verification_lifetime)
            .field("reset_lifetime", &self.reset_lifetime)
            .field("invitation_lifetime", &self.invitation_lifetime)
            .finish_non_exhaustive()
    }
}

/// A mailed token without an end would outlive the user's hold on the mailbox.
fn finite(setting: &str, lifetime: Option<Lifetime>, default: Duration) -> Result<Lifetime, ConfigError> {
    match lifetime {
        None => Lifetime::new(default).map_err(|error| ConfigError::new(setting, error)),
        Some(Lifetime::FOREVER) => Err(ConfigError::new(
            setting,
            "a mailed token needs an end: give it hours or days",
        )),
        Some(lifetime) => Ok(lifetime),
    }
}
