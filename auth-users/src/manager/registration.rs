use std::time::Duration;

use auth_core::{Email, InsertUserError, NewUser, Profile, SecretString, StoreError, User, UserId};
use tokio::time::timeout;

use super::{
    UserManager,
    outcome::{Reason, note_of, why_vetoed},
};
use crate::{
    AfterRegistrationError, EventKind, HashQueue, Intent, LOG, MailKind, ProfileError, VetoError,
    caught::{Panicked, caught},
};

/// How long what follows a registration may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A user to create.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registration<P = ()> {
    /// The e-mail.
    pub email: Email,
    /// The password. A user without one cannot log in until a mailed token has set it.
    pub password: Option<SecretString>,
    /// The application's own fields.
    pub profile: P,
    /// True if the user may log in.
    pub is_active: bool,
    /// True if the user may manage others.
    pub is_superuser: bool,
    /// True if the e-mail counts as confirmed.
    pub is_verified: bool,
}

impl<P> Registration<P> {
    /// A user who is active, not a superuser and not verified: what a stranger may ask for.
    pub fn new(email: Email, password: SecretString, profile: P) -> Self {
        Self {
            password: Some(password),
            ..Self::without_password(email, profile)
        }
    }

    /// The same without a password. The user sets one later: see [`invite`](UserManager::invite).
    pub fn without_password(email: Email, profile: P) -> Self {
        Self {
            email,
            password: None,
            profile,
            is_active: true,
            is_superuser: false,
            is_verified: false,
        }
    }
}

/// The reason that a user was not created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateUserError {
    /// The policy refuses the password, for this reason.
    #[error("the password is refused: {0}")]
    InvalidPassword(String),
    /// Another user has the e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Another user has the value of a unique field of the profile.
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The store cannot hold a value of the profile.
    #[error(transparent)]
    InvalidProfile(#[from] ProfileError),
    /// The [`Veto`](crate::Veto) did not consent.
    #[error(transparent)]
    Veto(#[from] VetoError),
    /// The user was made, and then what [follows](crate::AfterRegistration) failed.
    #[error(transparent)]
    AfterRegistration(#[from] AfterRegistrationError),
    /// The store, the hasher or the password policy did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl Reason for CreateUserError {
    fn why(&self) -> &'static str {
        match self {
            Self::InvalidPassword(_) => "invalid_password",
            Self::EmailTaken => "email_taken",
            Self::ProfileTaken => "profile_taken",
            Self::InvalidProfile(_) => "invalid_profile",
            Self::Veto(error) => why_vetoed(error),
            Self::AfterRegistration(_) | Self::Unavailable(_) => "unavailable",
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Veto(error) => note_of(error),
            _ => None,
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Creates a user. With a password it costs one hash, whether the e-mail is taken or not, unless the
    /// [`Veto`](crate::Veto) refuses it, which is asked first.
    ///
    /// # Errors
    /// [`CreateUserError`]. Nothing is written, unless it is [`CreateUserError::AfterRegistration`].
    pub async fn create(&self, registration: Registration<P>) -> Result<User<Id, P>, CreateUserError> {
        let refused = |why| EventKind::RegistrationRefused { why };
        let created = self.attended(None, refused, self.insert(registration)).await;
        let user = self.conclude(None, created, || EventKind::Registered, refused)?;
        // First, since the user exists even if the rest fails or the client leaves.
        if self.sends_verification && user.password_hash.is_some() {
            self.post(MailKind::Verify, &user.email, Some(user.clone()));
        }
        self.follow(&user).await?;
        Ok(user)
    }

    /// Waits for the application's own part.
    async fn follow(&self, user: &User<Id, P>) -> Result<(), AfterRegistrationError> {
        let Some(follower) = &self.after_registration else {
            return Ok(());
        };
        let following = caught(async { follower.registered(user, self).await });
        let done = match timeout(DEADLINE, following).await {
            Ok(Ok(done)) => done,
            Ok(Err(Panicked)) => Err(AfterRegistrationError::new("it panicked")),
            Err(_elapsed) => Err(AfterRegistrationError::new("it took too long")),
        };
        if let Err(error) = &done {
            let problem = error.to_string();
            tracing::error!(target: LOG, user = ?user.id, ?problem, "a user was registered, and what follows failed");
        }
        done
    }

    async fn insert(&self, registration: Registration<P>) -> Result<User<Id, P>, CreateUserError> {
        let (email, profile) = (&registration.email, &registration.profile);
        self.ask_veto(Intent::Registration { email, profile }).await?;
        let password_hash = match &registration.password {
            Some(password) => {
                let refused = CreateUserError::InvalidPassword;
                self.check_password(password, &registration.email, refused)
                    .await?;
                let hasher = self.hasher.in_queue(HashQueue::Registration);
                Some(hasher.hash(password).await?)
            }
            None => None,
        };
        let mut user = NewUser::new(registration.email, registration.profile.clone(), self.clock.now());
        user.password_hash = password_hash;
        user.is_active = registration.is_active;
        user.is_superuser = registration.is_superuser;
        user.is_verified = registration.is_verified;
        self.store.insert(user).await.map_err(|error| match error {
            InsertUserError::EmailTaken => CreateUserError::EmailTaken,
            InsertUserError::ProfileTaken => CreateUserError::ProfileTaken,
            InsertUserError::ProfileRefused { field } => {
                ProfileError::refused(&registration.profile, field.as_deref()).into()
            }
            InsertUserError::Store(error) => error.into(),
            error => StoreError::internal("users", error).into(),
        })
    }
}
