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

    /// A second handle onto the same data, made from the ground up as another process of the application makes it: with
    /// a client, a pool and a cache of its own, never a clone. A store in the memory of this process has no other, and
    /// gives [`store`](Self::store).
    fn another_process(&self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// A handle that reaches nothing, so that each of its calls must fail: on an address where nobody listens, for
    /// example `127.0.0.1:1`, or on a pool that was closed. A call may take its deadline to fail; give it a short one. Return
    /// `None` only for a store that cannot be out of reach, such as one in the memory of this process: the promises of a
    /// store out of reach are not tried then.
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Store>>> + Send;

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

    /// The id of another user at each call: `id`, if that is given. If tokens have a foreign key to the users, the user
    /// is in its table.
    fn user(&self, id: Option<Self::Id>) -> impl Future<Output = Self::Id> + Send;

    /// See [`UserFixture::another_process`].
    fn another_process(&self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// See [`UserFixture::out_of_reach`].
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Store>>> + Send;
}
