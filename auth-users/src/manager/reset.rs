use auth_core::{Email, Profile, SecretString, StoreError, User, UserId};

use super::{UserManager, outcome::Reason, rewrite::NotWritten};
use crate::{
    Event, EventHandlerError, HashQueue, MailKind, PolicyError,
    one_time_token::{Claim, Purpose},
};

/// Why a password was not reset.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The token is malformed, expired, of another kind, used, older than a change of the password or the e-mail, or its
    /// user is gone or inactive.
    #[error("bad token")]
    BadToken,
    /// The policy refuses the password, for this reason. The token stays good.
    #[error("the password is refused: {0}")]
    InvalidPassword(String),
    /// The password was reset, and the event handler failed.
    #[error(transparent)]
    Hook(#[from] EventHandlerError),
    /// The store, the hasher or the password policy did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<PolicyError> for ResetPasswordError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Refused(reason) => Self::InvalidPassword(reason),
            PolicyError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<NotWritten> for ResetPasswordError {
    fn from(error: NotWritten) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Reason for ResetPasswordError {
    fn why(&self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::InvalidPassword(_) => "invalid_password",
            Self::Hook(_) | Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Mails a token to reset the password if `email` is that of an active user, within the
    /// [`MailBudget`](crate::MailBudget). Who asks is not told, and it costs one hash whatever the e-mail.
    ///
    /// # Errors
    /// [`StoreError`] if the store or the hasher does not answer.
    pub async fn forgot_password(&self, email: &Email) -> Result<(), StoreError> {
        let nothing = SecretString::default();
        let _mismatch = self
            .hasher
            .in_queue(HashQueue::ForgottenPassword)
            .verify(&nothing, None)
            .await?;
        let found = self.store.find_by_email(email.normalized()).await?;
        self.post(MailKind::Reset, email, found);
        Ok(())
    }

    /// Sets `password` for the user of `token`, and with the same write ends every credential and every other reset token.
    ///
    /// # Errors
    /// [`ResetPasswordError`]; nothing is written but where it is [`ResetPasswordError::Hook`].
    pub async fn reset_password(
        &self,
        token: &str,
        password: &SecretString,
    ) -> Result<User<Id, P>, ResetPasswordError> {
        let claim = self.tokens.open(Purpose::Reset, token, self.clock.now());
        let reset = self.replace_password(claim.as_ref(), password).await;
        let id = claim.as_ref().map(|claim| &claim.user_id);
        self.conclude("password reset", id, reset, |user| Event::PasswordReset { user })
            .await
    }

    async fn replace_password(
        &self,
        claim: Option<&Claim<Id>>,
        password: &SecretString,
    ) -> Result<User<Id, P>, ResetPasswordError> {
        let claim = claim.ok_or(ResetPasswordError::BadToken)?;
        let claimant = |found: Option<User<Id, P>>| {
            found.filter(|user| user.is_active && self.tokens.is_of(Purpose::Reset, claim, user))
        };
        let found = self.store.find(&claim.user_id).await?;
        let user = claimant(found).ok_or(ResetPasswordError::BadToken)?;
        // A hash takes long: only an authentic token pays for it.
        self.check_password(password, &user.email).await?;
        let hash = self.hasher.in_queue(HashQueue::Reset).hash(password).await?;
        self.rewrite(&claim.user_id, Some(user), |found| {
            Ok::<_, ResetPasswordError>(claimant(found).map(|mut user| {
                user.password_hash = Some(hash.clone());
                user.security_epoch += 1;
                user
            }))
        })
        .await?
        .ok_or(ResetPasswordError::BadToken)
    }
}
