//! What the suite asks of whoever runs it.

use std::{future::Future, sync::Arc};

use crate::{AccessTokenStore, Profile, UserId, UserStore};

/// A user store under test, empty when the test begins, and profiles to put into it.
///
/// What the store needs to live, such as a temporary directory, is kept in the fixture: it is dropped after the test.
pub trait UserFixture: Send + Sync {
    /// The id of a user. The suite asks [`UserId::generate`] for each new one.
    type Id: UserId;
    /// The application's own fields.
    type Profile: Profile + PartialEq;
    /// The store.
    type Store: UserStore<Self::Id, Self::Profile> + 'static;

    /// The store; the same one at each call.
    fn store(&self) -> Arc<Self::Store>;

    /// The `n`-th sample of a profile. Two samples of different numbers differ in each field, where a field has
    /// enough values; odd strings and absent values among them show more.
    fn profile(&self, n: u32) -> Self::Profile;
}

/// A store of access tokens under test, empty when the test begins, and users whose tokens they are.
///
/// What the store needs to live, such as a temporary directory, is kept in the fixture: it is dropped after the test.
pub trait AccessTokenFixture: Send + Sync {
    /// The id of a user.
    type Id: UserId;
    /// The store. Where it is an [`AccessTokenIndex`](crate::AccessTokenIndex) or a
    /// [`PurgeExpired`](crate::PurgeExpired), those suites can be run as well.
    type Store: AccessTokenStore<Self::Id> + 'static;

    /// The store; the same one at each call.
    fn store(&self) -> Arc<Self::Store>;

    /// The id of another user at each call. Where tokens have a foreign key to the users, the user is in its table.
    fn user(&self) -> impl Future<Output = Self::Id> + Send;
}
