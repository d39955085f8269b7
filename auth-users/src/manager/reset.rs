use auth_core::{Email, Profile, SecretString, StoreError, User, UserId};

use super::{UserManager, outcome::Reason, rewrite::NotWritten};
use crate::{
    EventKind, HashQueue, MailKind,
    one_time_token::{Claim, Purpose},
};

/// The reason that a password was not reset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetPasswordError {
    /// The token is malformed, expired, of another kind, used, or older than a change of the password or the e-mail, or
    /// its user was deleted or is inactive.
    #[error("bad token")]
    BadToken,
    /// The policy refuses the password, for this reason. The token stays valid.
    #[error("the password is refused: {0}")]
    InvalidPassword(String),
    /// The store, the hasher or the password policy did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
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
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Mails a token to reset the password if `email` is that of an active user, within the
    /// [`MailBudget`](crate::MailBudget). The caller cannot tell, and it costs one hash whatever the e-mail.
    ///
    /// # Errors
    /// [`StoreError`] if the store or the hasher does not answer.
    pub async fn forgot_password(&self, email: &Email) -> Result<(), StoreError> {
        self.post_to_owner(MailKind::Reset, email, async {
            let nothing = SecretString::default();
            let hasher = self.hasher.in_queue(HashQueue::ForgottenPassword);
            let _mismatch = hasher.verify(&nothing, None).await?;
            self.store.find_by_email(email.normalized()).await
        })
        .await
    }

    /// Sets `password` for the user of `token`. The same write ends every credential and every other reset token.
    ///
    /// The token comes from a mail to reset the password or from an invitation. An invitation also marks the e-mail as
    /// verified, since it was mailed there.
    ///
    /// # Errors
    /// [`ResetPasswordError`]. Nothing is written.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &SecretString,
    ) -> Result<User<Id, P>, ResetPasswordError> {
        let purposes = [Purpose::Reset, Purpose::Invite];
        let claim = self.tokens.open(&purposes, token, self.clock.now());
        let mut is_verified_now = false;
        let id = claim.as_ref().map(|claim| &claim.user_id);
        let refused = |why| EventKind::PasswordResetRefused { why };
        let reset = self.replace_password(claim.as_ref(), password, &mut is_verified_now);
        let reset = self.attended(id, refused, reset).await;
        let user = self.conclude(id, reset, || EventKind::PasswordReset, refused)?;
        if is_verified_now {
            self.record(EventKind::Verified, id);
        }
        Ok(user)
    }

    async fn replace_password(
        &self,
        claim: Option<&Claim<'_, Id>>,
        password: &SecretString,
        is_verified_now: &mut bool,
    ) -> Result<User<Id, P>, ResetPasswordError> {
        let claim = claim.ok_or(ResetPasswordError::BadToken)?;
        let claimant = |found: Option<User<Id, P>>| found.filter(|user| user.is_active && claim.is_of(user));
        let found = self.store.find_latest(&claim.user_id).await?;
        let user = claimant(found).ok_or(ResetPasswordError::BadToken)?;
        // A hash is slow, so check the token first.
        self.check_password(password, &user.email, ResetPasswordError::InvalidPassword)
            .await?;
        let hash = self.hasher.in_queue(HashQueue::Reset).hash(password).await?;
        self.rewrite(&claim.user_id, Some(user), |found| {
            Ok::<_, ResetPasswordError>(claimant(found).map(|mut user| {
                user.password_hash = Some(hash.clone());
                user.security_epoch += 1;
                // The invitation was mailed to exactly this address.
                *is_verified_now = claim.purpose == Purpose::Invite && !user.is_verified;
                user.is_verified |= *is_verified_now;
                user
            }))
        })
        .await?
        .ok_or(ResetPasswordError::BadToken)
    }
}
