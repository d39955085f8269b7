//! The only way to change a stored user.

use auth_core::{Profile, StoreError, UpdateUserError, User, UserId};

use super::UserManager;
use crate::ProfileError;

/// How often a write is tried if another one comes first. Each time the other one succeeded.
const ATTEMPTS: usize = 16;

/// The reason that a changed user was not written.
pub(super) enum NotWritten {
    EmailTaken,
    ProfileTaken,
    InvalidProfile(ProfileError),
    Unavailable(StoreError),
}

impl From<StoreError> for NotWritten {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<NotWritten> for StoreError {
    /// For a change that leaves e-mail and profile alone. A store cannot refuse those then.
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::EmailTaken => Self::internal("users", UpdateUserError::EmailTaken),
            NotWritten::ProfileTaken => Self::internal("users", UpdateUserError::ProfileTaken),
            NotWritten::InvalidProfile(error) => Self::internal("users", error),
            NotWritten::Unavailable(error) => error,
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// Lets `edit` change `found`, the user of `id` as read, and writes and returns the result. If another write came
    /// first, it reads the user again and repeats. If `edit` returns `None`, nothing is written.
    pub(super) async fn rewrite<E: From<NotWritten>>(
        &self,
        id: &Id,
        mut found: Option<User<Id, P>>,
        mut edit: impl FnMut(Option<User<Id, P>>) -> Result<Option<User<Id, P>>, E>,
    ) -> Result<Option<User<Id, P>>, E> {
        for _ in 0..ATTEMPTS {
            let Some(mut user) = edit(found)? else {
                return Ok(None);
            };
            let refused = match self.write(&mut user).await {
                Ok(()) => return Ok(Some(user)),
                Err(UpdateUserError::Conflict) => {
                    found = self.store.find_latest(id).await.map_err(NotWritten::from)?;
                    continue;
                }
                Err(UpdateUserError::EmailTaken) => NotWritten::EmailTaken,
                Err(UpdateUserError::ProfileTaken) => NotWritten::ProfileTaken,
                Err(UpdateUserError::ProfileRefused { field }) => {
                    NotWritten::InvalidProfile(ProfileError::refused(&user.profile, field.as_deref()))
                }
                Err(UpdateUserError::Store(error)) => error.into(),
                Err(error) => StoreError::internal("users", error).into(),
            };
            return Err(refused.into());
        }
        Err(NotWritten::from(contention()).into())
    }

    /// The same for a `user` that the caller has read, perhaps from a cache that is behind. So if there is nothing to change,
    /// `edit` is shown the user as stored.
    pub(super) async fn rewrite_read<E: From<NotWritten>>(
        &self,
        user: User<Id, P>,
        mut edit: impl FnMut(Option<User<Id, P>>) -> Result<Option<User<Id, P>>, E>,
    ) -> Result<Option<User<Id, P>>, E> {
        let id = user.id.clone();
        let written = self.rewrite(&id, Some(user), &mut edit).await?;
        if written.is_some() {
            return Ok(written);
        }
        let latest = self.store.find_latest(&id).await.map_err(NotWritten::from)?;
        self.rewrite(&id, latest, edit).await
    }
}

/// The error if other writes came first again and again.
pub(super) fn contention() -> StoreError {
    StoreError::contention("users", "the user is being changed by others at the same time")
}
