//! The manager of the users.

mod builder;
mod change_of_email;
mod deletion;
mod invitation;
mod login;
mod lookup;
mod mailing;
mod outcome;
mod own_tokens;
mod registration;
mod reset;
mod rewrite;
mod roles;
mod update;
mod verification;

use std::{
    fmt,
    sync::{Arc, RwLock},
};

use auth_core::{
    Clock, ClosedNetworks, Email, Lifetime, Profile, RevocableStrategy, Roles, SecretString, SessionStore,
    StoreError, UpdateUserError, User, UserId, UserStore,
};
use uuid::Uuid;

use crate::{
    AfterRegistration, Audit, EventKind, Origin, Outbox, PasswordHasher, PasswordPolicy, PolicyError,
    UserLookup, Veto,
    caught::{Panicked, caught},
    normal_form::normal_form,
    one_time_token::OneTimeTokens,
    profile::HiddenFields,
};

pub use builder::UserManagerBuilder;
pub use deletion::DeleteUserError;
pub use login::{AuthenticateError, BadCredentials};
pub use own_tokens::OneTimeTokenError;
pub use registration::{CreateUserError, Registration};
pub use reset::ResetPasswordError;
pub use roles::SetRolesError;
pub use update::{UpdateError, UserUpdate};
pub use verification::VerifyError;

/// Registers, verifies, changes and deletes users, checks passwords and resets them.
///
/// A clone is cheap, and is the same manager. A call that is cancelled at any await leaves its change whole or absent.
pub struct UserManager<Id = Uuid, P = ()> {
    store: Arc<dyn UserStore<Id, P>>,
    hasher: PasswordHasher,
    policy: Arc<dyn PasswordPolicy>,
    audit: Audit<Id>,
    /// Who asks for what this one does.
    origin: Option<Arc<Origin<Id>>>,
    pub(crate) veto: Option<Arc<dyn Veto<Id, P>>>,
    after_registration: Option<Arc<dyn AfterRegistration<Id, P>>>,
    lookup: Option<Arc<dyn UserLookup<Id, P>>>,
    outbox: Outbox,
    tokens: Arc<OneTimeTokens>,
    revocable: Arc<RwLock<Vec<Arc<dyn RevocableStrategy<Id>>>>>,
    sessions: Arc<RwLock<Vec<Arc<dyn SessionStore<Id>>>>>,
    requires_verification: bool,
    sends_verification: bool,
    confirms_new_email: bool,
    verification_lifetime: Lifetime,
    reset_lifetime: Lifetime,
    invitation_lifetime: Lifetime,
    clock: Arc<dyn Clock>,
    hidden: Arc<HiddenFields<P>>,
    roles: Arc<Roles>,
}

// Not derived, because that would require `Clone` of the id and the profile.
impl<Id, P> Clone for UserManager<Id, P> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            hasher: self.hasher.clone(),
            policy: Arc::clone(&self.policy),
            audit: self.audit.clone(),
            origin: self.origin.clone(),
            veto: self.veto.clone(),
            after_registration: self.after_registration.clone(),
            lookup: self.lookup.clone(),
            outbox: self.outbox.clone(),
            tokens: Arc::clone(&self.tokens),
            revocable: Arc::clone(&self.revocable),
            sessions: Arc::clone(&self.sessions),
            requires_verification: self.requires_verification,
            sends_verification: self.sends_verification,
            confirms_new_email: self.confirms_new_email,
            verification_lifetime: self.verification_lifetime,
            reset_lifetime: self.reset_lifetime,
            invitation_lifetime: self.invitation_lifetime,
            clock: Arc::clone(&self.clock),
            hidden: Arc::clone(&self.hidden),
            roles: Arc::clone(&self.roles),
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// The user of `id`.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    pub async fn find(&self, id: &Id) -> Result<Option<User<Id, P>>, StoreError> {
        self.store.find(id).await
    }

    /// Ends every credential of the user of `id`, of every strategy. Returns whether there is such a user.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: the credentials may still be valid.
    pub async fn log_out_everywhere(&self, id: &Id) -> Result<bool, StoreError> {
        Ok(self.end_credentials(id, None).await?.is_some())
    }

    /// Ends every credential of `user`, of every strategy, and returns the user as stored afterwards. Issue a new
    /// credential for that one, so that the user stays logged in here.
    ///
    /// Returns `None` and ends nothing if the user is gone, or if their credentials were ended since `user` was read:
    /// the request then has no right to this any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer: the credentials may still be valid.
    pub async fn log_out_elsewhere(&self, user: &User<Id, P>) -> Result<Option<User<Id, P>>, StoreError> {
        self.end_credentials(&user.id, Some(user.security_epoch)).await
    }

    /// Ends every credential of the user of `id`. If there is an `epoch`, only if that is the current one.
    async fn end_credentials(&self, id: &Id, epoch: Option<i64>) -> Result<Option<User<Id, P>>, StoreError> {
        let refused = |why| EventKind::LogOutRefused { why };
        let ended = self
            .attended(Some(id), refused, self.raise_epoch(id, epoch))
            .await;
        let told = match &ended {
            Ok(Some(_user)) => EventKind::LoggedOutEverywhere,
            Ok(None) if epoch.is_some() => refused("credentials_ended"),
            Ok(None) => refused("not_found"),
            Err(_unavailable) => refused("unavailable"),
        };
        self.record(told, Some(id));
        ended
    }

    async fn raise_epoch(&self, id: &Id, epoch: Option<i64>) -> Result<Option<User<Id, P>>, StoreError> {
        let found = self.store.find_latest(id).await?;
        self.rewrite(id, found, |found| {
            let asked = found.filter(|user| epoch.is_none_or(|epoch| epoch == user.security_epoch));
            Ok(asked.map(|mut user| {
                user.security_epoch += 1;
                user
            }))
        })
        .await
    }

    /// The same manager, whose events name `origin` as who asked for what it does. The HTTP layer does that for its own routes.
    ///
    /// ```
    /// # use portcullis::{User, users::{DeleteUserError, Origin, UserManager}};
    /// async fn delete(users: &UserManager, user: &User, superuser: &User) -> Result<(), DeleteUserError> {
    ///     users.with_origin(Origin::default().by(superuser.id)).delete(user).await
    /// }
    /// # let _ = delete;
    /// ```
    #[must_use]
    pub fn with_origin(&self, origin: Origin<Id>) -> Self {
        Self {
            origin: Some(Arc::new(origin)),
            ..self.clone()
        }
    }

    pub(crate) fn origin(&self) -> Origin<Id> {
        self.origin.as_deref().cloned().unwrap_or_default()
    }

    /// What is told of its users, and to whom.
    #[must_use]
    pub fn audit(&self) -> &Audit<Id> {
        &self.audit
    }

    /// Tells that `kind` happened to `user`.
    fn record(&self, kind: EventKind, user: Option<&Id>) {
        self.audit.record(kind, user, &self.origin());
    }

    /// True if a log-in needs a verified e-mail.
    #[must_use]
    pub fn requires_verification(&self) -> bool {
        self.requires_verification
    }

    /// The closed networks whose e-mail addresses are taken: see [`Email::parse_within`].
    #[must_use]
    pub fn closed_networks(&self) -> &ClosedNetworks {
        &self.tokens.closed_networks
    }

    /// How many code points a new password may have, as the [policy](crate::PasswordPolicy::length) says.
    #[must_use]
    pub fn password_length(&self) -> std::ops::RangeInclusive<usize> {
        self.policy.length()
    }

    /// The roles that are defined.
    #[must_use]
    pub fn roles(&self) -> &Arc<Roles> {
        &self.roles
    }

    /// The store of the users.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn UserStore<Id, P>> {
        &self.store
    }

    /// The hasher.
    #[must_use]
    pub fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The outbox, for its metrics and for an orderly shutdown.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Writes `user` with the time of now. Its revision afterwards is the stored one.
    async fn write(&self, user: &mut User<Id, P>) -> Result<(), UpdateUserError> {
        user.updated_at = self.clock.now();
        self.store.update(user).await?;
        user.revision += 1;
        Ok(())
    }

    /// Asks the policy. If it refuses the password, the error is `refused` with its reason. A panic in it is a fault of the
    /// program.
    async fn check_password<E: From<StoreError>>(
        &self,
        password: &SecretString,
        email: &Email,
        refused: impl FnOnce(String) -> E,
    ) -> Result<(), E> {
        // The policy judges the form that will be hashed.
        let normal = normal_form(password);
        let password = normal.as_ref().unwrap_or(password);
        match caught(async { self.policy.check(password, email).await }).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(PolicyError::Refused(reason))) => Err(refused(reason)),
            Ok(Err(PolicyError::Unavailable(error))) => Err(error.into()),
            Err(Panicked) => Err(StoreError::internal("password policy", "it panicked").into()),
        }
    }
}

impl<Id, P> fmt::Debug for UserManager<Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserManager")
            .field("hasher", &self.hasher)
            .field("outbox", &self.outbox)
            .field("requires_verification", &self.requires_verification)
            .field("send_verification_on_registration", &self.sends_verification)
            .field("confirm_new_email", &self.confirms_new_email)
            .field("verification_lifetime", &self.verification_lifetime)
            .field("reset_lifetime", &self.reset_lifetime)
            .field("invitation_lifetime", &self.invitation_lifetime)
            .finish_non_exhaustive()
    }
}
