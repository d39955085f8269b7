//! The checks that every way to log in makes.

use auth_core::{Profile, User, UserId};
use auth_users::{Identified, UserManager};

use crate::{ErrorCode, HttpError};

/// The proof, of the user as stored now, if it still holds and the user may log in.
///
/// # Errors
/// [`HttpError::Code`] if the user does not exist, may not log in, or had all credentials ended since the proof was made;
/// [`HttpError::Unavailable`] if the store does not answer.
pub(crate) async fn still_identified<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    identified: Identified<Id, P>,
) -> Result<Identified<Id, P>, HttpError> {
    let stored = as_stored(users, identified.user()).await?;
    let renewed = identified.renewed(stored);
    renewed.ok_or(HttpError::Code(ErrorCode::LoginBadCredentials))
}

/// `user` as it is stored now, if it may log in.
pub(crate) async fn as_stored<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    user: &User<Id, P>,
) -> Result<User<Id, P>, HttpError> {
    let stored = users.find(&user.id).await?;
    let user = stored.ok_or(HttpError::Code(ErrorCode::LoginBadCredentials))?;
    may_log_in(users, &user)?;
    Ok(user)
}

pub(crate) fn may_log_in<Id: UserId, P: Profile>(
    users: &UserManager<Id, P>,
    user: &User<Id, P>,
) -> Result<(), HttpError> {
    if !user.is_active {
        return Err(HttpError::Code(ErrorCode::LoginBadCredentials));
    }
    if users.requires_verification() && !user.is_verified {
        return Err(HttpError::Code(ErrorCode::LoginUserNotVerified));
    }
    Ok(())
}
