use auth_core::{Email, Profile, User, UserId};

use super::UserManager;
use crate::{CreateUserError, MailKind, Registration};

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Makes a user without a password, and mails them an invitation. With its token,
    /// [`reset_password`](Self::reset_password) sets their first password and marks the e-mail as verified.
    ///
    /// The token is good for a week: see [`invitation_lifetime`](crate::UserManagerBuilder::invitation_lifetime). To
    /// invite a superuser, for example, give a [`Registration::without_password`] to [`create`](Self::create), and then
    /// call [`send_invitation`](Self::send_invitation).
    ///
    /// # Errors
    /// Those of [`create`](Self::create). If it is [`CreateUserError::AfterRegistration`], the user exists and no invitation is mailed.
    pub async fn invite(&self, email: Email, profile: P) -> Result<User<Id, P>, CreateUserError> {
        let user = self
            .create(Registration::without_password(email, profile))
            .await?;
        self.send_invitation(&user);
        Ok(user)
    }

    /// Mails an invitation to `user`, or another one, within the [`MailBudget`](crate::MailBudget). Nothing is mailed if the
    /// user is inactive or has a password. The log says why.
    ///
    /// Invitations that were mailed before stay good until they expire or one of them is used.
    pub fn send_invitation(&self, user: &User<Id, P>) {
        self.post(MailKind::Invite, &user.email, Some(user.clone()));
    }
}
