use std::{any::Any, fmt, sync::Arc};

use crate::{Profile, User, UserId};

/// Tells a cache of users from any other, so that a user is only taken from the cache that its store fences. Clones are equal.
#[derive(Clone, Debug)]
pub struct CacheMark(Arc<()>);

impl CacheMark {
    /// A mark that is equal to no other.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two defaults would not be equal")]
    pub fn new() -> Self {
        Self(Arc::new(()))
    }
}

impl PartialEq for CacheMark {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CacheMark {}

/// The user of a log-in, for a store that read it in the same look-up. It is as up to date as a [`CachedUsers`](crate::CachedUsers)
/// over the same cache.
///
/// A store of log-ins does not know the type of the profile, so the user stands here without it.
#[derive(Clone)]
pub struct LoadedUser {
    user: Arc<dyn Any + Send + Sync>,
    cache: CacheMark,
}

impl LoadedUser {
    /// A user from the `cache` of this mark.
    #[must_use]
    pub fn new<Id: UserId, P: Profile>(user: User<Id, P>, cache: CacheMark) -> Self {
        Self {
            user: Arc::new(user),
            cache,
        }
    }

    /// True if it is from the `cache` of this mark.
    #[must_use]
    pub fn is_from(&self, cache: &CacheMark) -> bool {
        self.cache == *cache
    }

    /// The user, if it is that of `id`, and id and profile have these types.
    #[must_use]
    pub fn into_user<Id: UserId, P: Profile>(self, id: &Id) -> Option<User<Id, P>> {
        let user = self.user.downcast::<User<Id, P>>().ok()?;
        (user.id == *id).then(|| Arc::unwrap_or_clone(user))
    }
}

/// Says nothing of the user.
impl fmt::Debug for LoadedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoadedUser")
    }
}

/// Always true: it is no part of a credential, only read beside it.
impl PartialEq for LoadedUser {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for LoadedUser {}
