use auth_core::{Email, PasswordHash, Profile, SecretString, StoreError, UpdateUserError, User, UserId};
use serde_json::{Map, Value};

use super::{ATTEMPTS, UserManager, contention};
use crate::{
    ChangedFields, Event, EventHandlerError, HashQueue, PolicyError, ProfileError,
    profile::{HiddenFields, MergeError, fields_of},
};

/// A change of a user. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// Another e-mail. It is not verified, unless `is_verified` says so, or only the case of ASCII letters changes.
    pub email: Option<Email>,
    /// Another password. It ends every credential.
    pub password: Option<SecretString>,
    /// See [`User::is_active`]. Deactivation ends every credential.
    pub is_active: Option<bool>,
    /// See [`User::is_superuser`].
    pub is_superuser: Option<bool>,
    /// See [`User::is_verified`]. `true` is said of `email`, or where that is `None` of the e-mail that the user had when
    /// it was read.
    pub is_verified: Option<bool>,
    /// A JSON merge patch (RFC 7396) of the profile.
    pub profile: Map<String, Value>,
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The policy refuses the password, for this reason.
    #[error("the password is refused: {0}")]
    InvalidPassword(String),
    /// The e-mail is another user's.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// A field of the profile that the application made unique is another user's.
    #[error("a unique field of the profile is taken")]
    ProfileTaken,
    /// The patched profile is none, or the store cannot hold it.
    #[error(transparent)]
    InvalidProfile(#[from] ProfileError),
    /// The profile does not read back what it writes, so that a part of it would be lost; a line of the log names its type. See
    /// [`hidden_field`](crate::UserManagerBuilder::hidden_field).
    #[error("a part of the profile would be lost")]
    LossyProfile,
    /// The user is gone.
    #[error("the user does not exist")]
    NotFound,
    /// The user was changed, and the event handler failed.
    #[error(transparent)]
    Hook(#[from] EventHandlerError),
    /// The store, the hasher or the password policy did not answer, or the user is being changed by others.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<PolicyError> for UpdateError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Refused(reason) => Self::InvalidPassword(reason),
            PolicyError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<MergeError> for UpdateError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Invalid(error) => Self::InvalidProfile(error),
            MergeError::Lossy => Self::LossyProfile,
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Changes `user`, as it was read, by one write, and returns it as it stands. What changes nothing writes nothing and
    /// is no event.
    ///
    /// Where another write came first, the change is made on top of that. Where that write ended the user's credentials,
    /// it is not: the one who asks may have lost the right to. Nor is it where that write set another e-mail than the one
    /// that `update` says is verified. That is [`UpdateError::Unavailable`], and who still has the right asks again.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing is written but where it is [`UpdateError::Hook`].
    pub async fn update(&self, user: User<Id, P>, update: &UserUpdate) -> Result<User<Id, P>, UpdateError> {
        let id = user.id.clone();
        let written = self.apply(user, update).await;
        match &written {
            Ok((_, changed)) => tracing::info!(target: "portcullis::users", user = ?id, ?changed, "updated"),
            Err(error) => {
                let why = match error {
                    UpdateError::InvalidPassword(_) => "invalid_password",
                    UpdateError::EmailTaken => "email_taken",
                    UpdateError::ProfileTaken => "profile_taken",
                    UpdateError::InvalidProfile(_) => "invalid_profile",
                    UpdateError::LossyProfile => "lossy_profile",
                    UpdateError::NotFound => "not_found",
                    UpdateError::Hook(_) | UpdateError::Unavailable(_) => "unavailable",
                };
                tracing::info!(target: "portcullis::users", user = ?id, why, "update refused");
            }
        }
        let (user, changed) = written?;
        if changed.any() {
            self.emit(Event::Updated { user: &user, changed }).await?;
        }
        Ok(user)
    }

    async fn apply(
        &self,
        mut user: User<Id, P>,
        update: &UserUpdate,
    ) -> Result<(User<Id, P>, ChangedFields), UpdateError> {
        let epoch = user.security_epoch;
        let known_email = user.email.clone();
        // Before the hash, so that a profile that is refused does not pay for it.
        let _valid = self.hidden.merge(&user.profile, &update.profile)?;
        let hash = match &update.password {
            Some(password) => {
                self.check_password(password, update.email.as_ref().unwrap_or(&user.email))
                    .await?;
                Some(self.hasher.in_queue(HashQueue::Change).hash(password).await?)
            }
            None => None,
        };
        for _ in 0..ATTEMPTS {
            let (mut next, changed) = changed(&user, update, hash.as_ref(), &self.hidden)?;
            if !changed.any() {
                return Ok((user, changed));
            }
            let verifies_unread = changed.verified
                && next.is_verified
                && update.email.is_none()
                && !next.email.is_same_but_for_ascii_case(&known_email);
            if user.security_epoch != epoch || verifies_unread {
                return Err(contention().into());
            }
            match self.write(&mut next).await {
                Ok(()) => return Ok((next, changed)),
                Err(UpdateUserError::Conflict) => {
                    user = self.store.find(&user.id).await?.ok_or(UpdateError::NotFound)?;
                }
                Err(UpdateUserError::EmailTaken) => return Err(UpdateError::EmailTaken),
                Err(UpdateUserError::ProfileTaken) => return Err(UpdateError::ProfileTaken),
                Err(UpdateUserError::ProfileRefused { field }) => {
                    let problem = ProfileError::refused(&next.profile, field.as_deref());
                    return Err(UpdateError::InvalidProfile(problem));
                }
                Err(UpdateUserError::Store(error)) => return Err(error.into()),
            }
        }
        Err(contention().into())
    }
}

/// `user` after `update`, with `hash` as that of its password.
fn changed<Id: UserId, P: Profile>(
    user: &User<Id, P>,
    update: &UserUpdate,
    hash: Option<&PasswordHash>,
    hidden: &HiddenFields<P>,
) -> Result<(User<Id, P>, ChangedFields), MergeError> {
    let mut next = user.clone();
    next.profile = hidden.merge(&user.profile, &update.profile)?;
    if let Some(email) = &update.email {
        // ASCII letters in another case reach the same mailbox; of other spellings nobody knows.
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
    };
    Ok((next, changed))
}
