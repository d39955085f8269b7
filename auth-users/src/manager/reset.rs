use auth_core::{Email, PasswordHash, Profile, SecretString, StoreError, UpdateUserError, User, UserId};

use tracing::field::debug;

use super::{ATTEMPTS, UserManager, contention, contradiction};
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
        match &reset {
            Ok(user) => tracing::info!(target: "portcullis::users", user = ?user.id, "password reset"),
            Err(error) => {
                let why = match error {
                    ResetPasswordError::BadToken => "bad_token",
                    ResetPasswordError::InvalidPassword(_) => "invalid_password",
                    ResetPasswordError::Hook(_) | ResetPasswordError::Unavailable(_) => "unavailable",
                };
                let user = claim.map(|claim| debug(claim.user_id));
                tracing::info!(target: "portcullis::users", user, why, "password reset refused");
            }
        }
        let user = reset?;
        self.emit(Event::PasswordReset { user: &user }).await?;
        Ok(user)
    }

    async fn replace_password(
        &self,
        claim: Option<&Claim<Id>>,
        password: &SecretString,
    ) -> Result<User<Id, P>, ResetPasswordError> {
        let claim = claim.ok_or(ResetPasswordError::BadToken)?;
        let mut hash: Option<PasswordHash> = None;
        for _ in 0..ATTEMPTS {
            // A hash takes long: only an authentic token pays for it, and the user is read anew each time.
            let mut user = self.claimant(claim).await?;
            let hash = match &hash {
                Some(hash) => hash.clone(),
                None => {
                    self.check_password(password, &user.email).await?;
                    hash.insert(self.hasher.in_queue(HashQueue::Reset).hash(password).await?)
                        .clone()
                }
            };
            user.password_hash = Some(hash);
            user.security_epoch += 1;
            match self.write(&mut user).await {
                Ok(()) => return Ok(user),
                Err(UpdateUserError::Conflict) => {}
                Err(UpdateUserError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    return Err(contradiction(error).into());
                }
            }
        }
        Err(contention().into())
    }

    async fn claimant(&self, claim: &Claim<Id>) -> Result<User<Id, P>, ResetPasswordError> {
        let user = self
            .store
            .find(&claim.user_id)
            .await?
            .ok_or(ResetPasswordError::BadToken)?;
        if user.is_active && self.tokens.is_of(Purpose::Reset, claim, &user) {
            Ok(user)
        } else {
            Err(ResetPasswordError::BadToken)
        }
    }
}
