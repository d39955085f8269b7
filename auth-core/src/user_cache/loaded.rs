use std::{any::Any, fmt, sync::Arc};

use crate::{Profile, User, UserId};

/// The user of a log-in, for a store that read it in the same look-up. It is as up to date as a [`CachedUsers`].
///
/// A store of log-ins does not know the type of the profile, so the user stands here without it.
#[derive(Clone)]
pub struct LoadedUser(Arc<dyn Any + Send + Sync>);

impl LoadedUser {
    /// Wraps a user.
    #[must_use]
    pub fn new<Id: UserId, P: Profile>(user: User<Id, P>) -> Self {
        Self(Arc::new(user))
    }

    /// The user, if it is that of `id`, and id and profile have these types.
    #[must_use]
    pub fn into_user<Id: UserId, P: Profile>(self, id: &Id) -> Option<User<Id, P>> {
        let user = self.0.downcast::<User<Id, P>>().ok()?;
        (user.id == *id).then(|| Arc::unwrap_or_clone(user))
    }
}

/// Says nothing of the user.
impl fmt::Debug for LoadedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoadedUser")
    }
}

/// Always true: it is no part of a log-in, only read beside it.
impl PartialEq for LoadedUser {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for LoadedUser {}
