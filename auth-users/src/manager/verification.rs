use auth_core::{Email, Profile, StoreError, User, UserId};

use super::{UserManager, outcome::Reason, rewrite::NotWritten};
use crate::{
    EventKind, MailKind,
    one_time_token::{Claim, Purpose},
};

/// The reason that an e-mail was not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is malformed, expired, of another kind, or older than a change of the e-mail.
    #[error("bad token")]
    BadToken,
    /// The token is valid, but the e-mail is already verified.
    #[error("the e-mail is verified already")]
    AlreadyVerified,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<NotWritten> for VerifyError {
    fn from(error: NotWritten) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Reason for VerifyError {
    fn why(&self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::AlreadyVerified => "already_verified",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Mails a token to verify `email` if it is that of an active user who is not verified, within the
    /// [`MailBudget`](crate::MailBudget). The caller cannot tell.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer.
    pub async fn request_verify(&self, email: &Email) -> Result<(), StoreError> {
        let found = self.store.find_by_email(email.normalized());
        self.post_to_owner(MailKind::Verify, email, found).await
    }

    /// Marks the e-mail that `token` was mailed to as verified, even if the user is inactive.
    ///
    /// A token that was mailed to confirm a new e-mail (see [`update_own`](Self::update_own)) makes that the e-mail of
    /// the user, who has to be active. If another user has it by now, this is [`VerifyError::BadToken`].
    ///
    /// If the user's e-mail was changed since, the token is [`VerifyError::BadToken`], even if the new spelling has the same
    /// normalized form. A change of nothing but the case of ASCII letters leaves it good.
    ///
    /// A used token stays valid until it expires: it can verify the same address again if a superuser resets the flag, or if
    /// the user changes the address and changes it back. It only proves control of the mailbox.
    ///
    /// # Errors
    /// [`VerifyError`]. Nothing is written.
    pub async fn verify(&self, token: &str) -> Result<User<Id, P>, VerifyError> {
        let purposes = [Purpose::Verify, Purpose::ChangeEmail];
        let claim = self.tokens.open(&purposes, token, self.clock.now());
        if let Some((claim, email)) = claim
            .as_ref()
            .and_then(|claim| Some((claim, claim.new_email.as_ref()?)))
        {
            return self.confirm_email(claim, email).await;
        }
        let id = claim.as_ref().map(|claim| &claim.user_id);
        let refused = |why| EventKind::VerificationRefused { why };
        let verified = self.attended(id, refused, self.mark_verified(claim.as_ref()));
        let verified = verified.await;
        self.conclude(id, verified, || EventKind::Verified, refused)
    }

    async fn mark_verified(&self, claim: Option<&Claim<'_, Id>>) -> Result<User<Id, P>, VerifyError> {
        let claim = claim.ok_or(VerifyError::BadToken)?;
        let found = self.store.find_latest(&claim.user_id).await?;
        self.rewrite(&claim.user_id, found, |found| {
            let claimant = found.filter(|user| claim.is_of(user));
            let mut user = claimant.ok_or(VerifyError::BadToken)?;
            if user.is_verified {
                return Err(VerifyError::AlreadyVerified);
            }
            user.is_verified = true;
            Ok(Some(user))
        })
        .await?
        .ok_or(VerifyError::BadToken)
    }
}
