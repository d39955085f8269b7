use auth_core::{Email, Profile, User, UserId};

use super::{
    UserManager,
    outcome::Reason as _,
    rewrite::{NotWritten, contention},
};
use crate::{
    ChangedFields, EventKind, MailKind, UpdateError, UserUpdate, VerifyError, one_time_token::Claim,
    outbox::NotMailed,
};

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Changes `user` as they ask for themselves. `PATCH /users/me` calls this. It does the same as
    /// [`update`](Self::update), unless [`confirm_new_email`](crate::UserManagerBuilder::confirm_new_email) is set.
    ///
    /// If that is set, a new e-mail does not count yet:
    /// - The rest of `update` is written at once, and a token is mailed to the new address. When
    ///   [`verify`](Self::verify) gets that token, the new e-mail counts and is verified.
    /// - The old address gets a notice, if it is verified.
    /// - Nothing is mailed to an address of another user. The caller cannot tell.
    /// - A change of nothing but the case of ASCII letters counts at once.
    ///
    /// The token works once, and it ends with any other change of the user. So only the newest of these tokens works, and a user
    /// who asks for the present e-mail takes back what they asked for before.
    ///
    /// # Errors
    /// Those of [`update`](Self::update). After an error no token is mailed.
    pub async fn update_own(
        &self,
        user: User<Id, P>,
        update: &UserUpdate,
    ) -> Result<User<Id, P>, UpdateError> {
        let Some(email) = update.email.as_ref().filter(|_| self.confirms_new_email) else {
            return self.update(user, update).await;
        };
        if email.is_same_but_for_ascii_case(&user.email) {
            let user = self.update(user, update).await?;
            return self.end_change_of_email(user).await;
        }
        // Before the write: if the store does not answer here, nothing has been written.
        let owner = self.store.find_by_email(email.normalized()).await;
        let owner = owner.map_err(|error| self.not_updated(&user.id, error))?;
        let rest = UserUpdate {
            email: None,
            is_verified: None,
            ..update.clone()
        };
        let user = self.update(user, &rest).await?;
        let user = self.end_change_of_email(user).await?;
        let taken = owner.is_some_and(|owner| owner.id != user.id);
        let refused = taken.then_some(NotMailed::EmailTaken);
        self.post_unless(refused, MailKind::ChangeEmail, email, Some(user.clone()));
        if user.is_verified {
            self.post(MailKind::EmailChangeNotice, &user.email, Some(user.clone()));
        }
        Ok(user)
    }

    /// Raises the revision of `user`, to which the tokens of [`Purpose::ChangeEmail`](crate::one_time_token::Purpose) are
    /// bound: those that were mailed before end.
    async fn end_change_of_email(&self, user: User<Id, P>) -> Result<User<Id, P>, UpdateError> {
        let id = user.id.clone();
        match self.rewrite::<NotWritten>(&id, Some(user), Ok).await {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(self.not_updated(&id, contention())),
            Err(error) => Err(self.not_updated(&id, error)),
        }
    }

    /// Tells that a change of the user of `id` failed.
    fn not_updated(&self, id: &Id, error: impl Into<UpdateError>) -> UpdateError {
        let error = error.into();
        self.record(EventKind::UpdateRefused { why: error.why() }, Some(id));
        error
    }

    /// Gives the user `email`, the address that the token of `claim` was mailed to.
    pub(super) async fn confirm_email(
        &self,
        claim: &Claim<'_, Id>,
        email: &Email,
    ) -> Result<User<Id, P>, VerifyError> {
        let mut changed = ChangedFields::default();
        let id = Some(&claim.user_id);
        let refused = |why| EventKind::VerificationRefused { why };
        let confirmed = self.set_email(claim, email, &mut changed);
        let confirmed = self.attended(id, refused, confirmed).await;
        let user = self.conclude(id, confirmed, || EventKind::Updated { changed }, refused)?;
        if changed.verified {
            self.record(EventKind::Verified, id);
        }
        Ok(user)
    }

    async fn set_email(
        &self,
        claim: &Claim<'_, Id>,
        email: &Email,
        changed: &mut ChangedFields,
    ) -> Result<User<Id, P>, VerifyError> {
        let found = self.store.find_latest(&claim.user_id).await?;
        let written: Result<_, NotWritten> = self
            .rewrite(&claim.user_id, found, |found| {
                let claimant = found.filter(|user| user.is_active && claim.is_of(user));
                Ok(claimant.map(|mut user| {
                    changed.email = true;
                    changed.verified = !user.is_verified;
                    user.email = email.clone();
                    user.is_verified = true;
                    user
                }))
            })
            .await;
        match written {
            Ok(Some(user)) => Ok(user),
            // Another user may have taken the address since. The answer does not tell.
            Ok(None) | Err(NotWritten::EmailTaken) => Err(VerifyError::BadToken),
            Err(error) => Err(error.into()),
        }
    }
}
