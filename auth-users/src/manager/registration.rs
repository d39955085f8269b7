use auth_core::{Email, InsertUserError, NewUser, Profile, SecretString, StoreError, User, UserId};

use super::{UserManager, outcome::Reason};
use crate::{Event, EventHandlerError, HashQueue, MailKind, ProfileError};

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
    /// The user was made, and then the event handler failed.
    #[error(transparent)]
    EventHandler(#[from] EventHandlerError),
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
            Self::EventHandler(_) | Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Creates a user. With a password it costs one hash, whether the e-mail is taken or not.
    ///
    /// # Errors
    /// [`CreateUserError`]. Nothing is written, unless it is [`CreateUserError::EventHandler`].
    pub async fn create(&self, registration: Registration<P>) -> Result<User<Id, P>, CreateUserError> {
        let created = self.insert(registration).await;
        let user = self
            .conclude("registration", None, created, |user| Event::Registered { user })
            .await?;
        if self.sends_verification && user.password_hash.is_some() {
            self.post(MailKind::Verify, &user.email, Some(user.clone()));
        }
        Ok(user)
    }

    async fn insert(&self, registration: Registration<P>) -> Result<User<Id, P>, CreateUserError> {
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
