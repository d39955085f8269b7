use auth_core::{Email, PasswordHash, Profile, SecretString, StoreError, User, UserId};
use serde_json::{Map, Value};

use super::{
    UserManager,
    outcome::Reason,
    rewrite::{NotWritten, contention},
};
use crate::{
    ChangedFields, EventKind, HashQueue, ProfileError,
    profile::{HiddenFields, MergeError, fields_of},
};

/// A change of a user. A field that is `None` stays as it is.
///
/// Begin with the default, which changes nothing:
///
/// ```
/// use portcullis::users::UserUpdate;
///
/// let update = UserUpdate::default().password("correct horse battery staple".into()).verified(true);
/// assert_eq!((update.is_verified, update.is_active), (Some(true), None));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UserUpdate {
    /// A new e-mail. It is unverified, unless `is_verified` is `true` or only the case of ASCII letters changes.
    pub email: Option<Email>,
    /// A new password. It ends every credential.
    pub password: Option<SecretString>,
    /// See [`User::is_active`]. Deactivation ends every credential.
    pub is_active: Option<bool>,
    /// See [`User::is_superuser`].
    pub is_superuser: Option<bool>,
    /// See [`User::is_verified`]. `true` means the new `email`. If there is none, it means the e-mail that the user had when
    /// read.
    pub is_verified: Option<bool>,
    /// A JSON merge patch (RFC 7396) of the profile.
    pub profile: Map<String, Value>,
}

impl UserUpdate {
    /// Sets [`email`](field@Self::email).
    #[must_use]
    pub fn email(mut self, email: Email) -> Self {
        self.email = Some(email);
        self
    }

    /// Sets [`password`](field@Self::password).
    #[must_use]
    pub fn password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// Sets [`is_active`](field@Self::is_active).
    #[must_use]
    pub fn active(mut self, is_active: bool) -> Self {
        self.is_active = Some(is_active);
        self
    }

    /// Sets [`is_superuser`](field@Self::is_superuser).
    #[must_use]
    pub fn superuser(mut self, is_superuser: bool) -> Self {
        self.is_superuser = Some(is_superuser);
        self
    }

    /// Sets [`is_verified`](field@Self::is_verified).
    #[must_use]
    pub fn verified(mut self, is_verified: bool) -> Self {
        self.is_verified = Some(is_verified);
        self
    }

    /// Sets [`profile`](field@Self::profile).
    #[must_use]
    pub fn profile(mut self, patch: Map<String, Value>) -> Self {
        self.profile = patch;
        self
    }
}

/// The reason that a user was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The policy refuses the password, for this reason.
    #[error("the password is refused: {0}")]
    InvalidPassword(String),
    /// Another user has the e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Another user has the value of a unique field of the profile.
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The patched fields are not a valid profile, or the store cannot hold them.
    #[error(transparent)]
    InvalidProfile(#[from] ProfileError),
    /// The profile does not read back what it writes, so a part of it would be lost. The log names its type. See
    /// [`hidden_field`](crate::UserManagerBuilder::hidden_field).
    #[error("a part of the profile would be lost")]
    LossyProfile,
    /// The user was deleted.
    #[error("the user does not exist")]
    NotFound,
    /// The store, the hasher or the password policy did not answer, or other writes came first.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<MergeError> for UpdateError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Invalid(error) => Self::InvalidProfile(error),
            MergeError::Lossy => Self::LossyProfile,
        }
    }
}

impl From<NotWritten> for UpdateError {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::EmailTaken => Self::EmailTaken,
            NotWritten::ProfileTaken => Self::ProfileTaken,
            NotWritten::InvalidProfile(error) => Self::InvalidProfile(error),
            NotWritten::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl Reason for UpdateError {
    fn why(&self) -> &'static str {
        match self {
            Self::InvalidPassword(_) => "invalid_password",
            Self::EmailTaken => "email_taken",
            Self::ProfileTaken => "profile_taken",
            Self::InvalidProfile(_) => "invalid_profile",
            Self::LossyProfile => "lossy_profile",
            Self::NotFound => "not_found",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Changes `user`, as it was read, by one write, and returns it as stored afterwards. An update that changes
    /// nothing writes nothing and is not an event.
    ///
    /// If the user was modified concurrently, the change is re-applied to the new version, unless the other write
    /// invalidated the user's credentials or replaced the e-mail that `update` marks as verified. In those cases this
    /// returns [`UpdateError::Unavailable`]; the caller may retry.
    ///
    /// # Errors
    /// [`UpdateError`]. Nothing is written.
    pub async fn update(&self, user: User<Id, P>, update: &UserUpdate) -> Result<User<Id, P>, UpdateError> {
        let id = user.id.clone();
        let mut changed = ChangedFields::default();
        let refused = |why| EventKind::UpdateRefused { why };
        let updated = self.apply(user, update, &mut changed);
        let updated = self.attended(Some(&id), refused, updated).await;
        if updated.is_ok() && !changed.any() {
            return updated;
        }
        self.conclude(Some(&id), updated, || EventKind::Updated { changed }, refused)
    }

    async fn apply(
        &self,
        user: User<Id, P>,
        update: &UserUpdate,
        changed: &mut ChangedFields,
    ) -> Result<User<Id, P>, UpdateError> {
        let epoch = user.security_epoch;
        let known_email = user.email.clone();
        // Before the hash, so that an invalid profile does not cost one.
        let _valid = self.hidden.merge(&user.profile, &update.profile)?;
        let hash = match &update.password {
            Some(password) => {
                let email = update.email.as_ref().unwrap_or(&user.email);
                self.check_password(password, email, UpdateError::InvalidPassword)
                    .await?;
                Some(self.hasher.in_queue(HashQueue::Change).hash(password).await?)
            }
            None => None,
        };
        let mut unchanged = None;
        let written = self
            .rewrite_read(user, |found| -> Result<_, UpdateError> {
                let user = found.ok_or(UpdateError::NotFound)?;
                let next;
                (next, *changed) = edit(&user, update, hash.as_ref(), &self.hidden)?;
                if !changed.any() {
                    unchanged = Some(user);
                    return Ok(None);
                }
                let verifies_unread = changed.verified
                    && next.is_verified
                    && update.email.is_none()
                    && !next.email.is_same_but_for_ascii_case(&known_email);
                if user.security_epoch != epoch || verifies_unread {
                    return Err(contention().into());
                }
                Ok(Some(next))
            })
            .await?;
        written.or(unchanged).ok_or(UpdateError::NotFound)
    }
}

/// `user` after `update`, with `hash` as the hash of the new password.
fn edit<Id: UserId, P: Profile>(
    user: &User<Id, P>,
    update: &UserUpdate,
    hash: Option<&PasswordHash>,
    hidden: &HiddenFields<P>,
) -> Result<(User<Id, P>, ChangedFields), MergeError> {
    let mut next = user.clone();
    next.profile = hidden.merge(&user.profile, &update.profile)?;
    if let Some(email) = &update.email {
        // Another case of ASCII letters reaches the same mailbox. Another spelling may not.
        next.is_verified &= email.is_same_but_for_ascii_case(&user.email);
        next.email = email.clone();
    }
    next.is_active = update.is_active.unwrap_or(next.is_active);
    next.is_superuser = update.is_superuser.unwrap_or(next.is_superuser);
    next.is_verified = update.is_verified.unwrap_or(next.is_verified);
    if let Some(hash) = hash {
        next.password_hash = Some(hash.clone());
    }
    if hash.is_some() || (user.is_active && !next.is_active) {
        next.security_epoch += 1;
    }
    let changed = ChangedFields {
        email: next.email != user.email,
        password: hash.is_some(),
        profile: hidden.are_named(&update.profile) || fields_of(&next.profile)? != fields_of(&user.profile)?,
        active: next.is_active != user.is_active,
        superuser: next.is_superuser != user.is_superuser,
        verified: next.is_verified != user.is_verified,
        roles: false,
    };
    Ok((next, changed))
}
