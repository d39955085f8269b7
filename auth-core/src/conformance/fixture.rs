//! The fixtures that you write to run the suite on your store.

use std::{future::Future, sync::Arc};

use uuid::Uuid;

use crate::{AccessTokenStore, Profile, SessionStore, UserCache, UserId, UserStore};

/// A user store under test, empty when the test begins, and profiles to put into it.
///
/// Keep everything the store needs in the fixture, for example a temporary directory. It is dropped after the test.
pub trait UserFixture: Send + Sync {
    /// The id of a user. The suite asks [`UserId::generate`] for each new one.
    type Id: UserId;
    /// The application's own fields.
    type Profile: Profile + PartialEq;
    /// The store.
    type Store: UserStore<Self::Id, Self::Profile> + 'static;

    /// The store; the same one at each call.
    fn store(&self) -> Arc<Self::Store>;

    /// A second handle to the same data, built from scratch as another process would: with its own client, pool and
    /// cache, never a clone. If the data is in the memory of this process, return [`store`](Self::store).
    fn another_process(&self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// A handle whose calls must all fail, for example on `127.0.0.1:1`, where nothing listens, or on a closed pool.
    /// Give it a short deadline, because a call may take that long to fail.
    ///
    /// Return `None` only for a store that cannot be out of reach, for example one in the memory of this process. The
    /// suite then skips those promises.
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Store>>> + Send;

    /// The `n`-th sample of a profile. Samples of different numbers must differ in each field, as far as a field has
    /// enough values. Include odd strings and absent values.
    fn profile(&self, n: u32) -> Self::Profile;
}

/// A store of access tokens under test, empty when the test begins, and the users of the tokens.
///
/// Keep everything the store needs in the fixture, for example a temporary directory. It is dropped after the test.
pub trait AccessTokenFixture: Send + Sync {
    /// The id of a user.
    type Id: UserId;
    /// The store. If it is an [`AccessTokenIndex`](crate::AccessTokenIndex), a [`RotateTokens`](crate::RotateTokens) or a
    /// [`PurgeExpired`](crate::PurgeExpired), you can run those suites, too.
    type Store: AccessTokenStore<Self::Id> + 'static;

    /// The store; the same one at each call.
    fn store(&self) -> Arc<Self::Store>;

    /// Returns a new user at each call, with the given `id` if there is one. If tokens have a foreign key to the users,
    /// insert the user.
    fn user(&self, id: Option<Self::Id>) -> impl Future<Output = Self::Id> + Send;

    /// See [`UserFixture::another_process`].
    fn another_process(&self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// See [`UserFixture::out_of_reach`].
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Store>>> + Send;

    /// The number of random interleavings of some 40 calls each that
    /// [`rotate_tokens`](super::rotate_tokens::f4_s4_s7_random_interleavings_keep_every_promise) makes. A server has time for
    /// these 50; the memory of this process for 1,000.
    fn interleavings(&self) -> u32 {
        50
    }
}

/// A store of sessions under test, empty when the test begins, and the users of the sessions.
///
/// Keep everything the store needs in the fixture, for example a temporary directory. It is dropped after the test.
pub trait SessionFixture: Send + Sync {
    /// The id of a user.
    type Id: UserId;
    /// The store. If it is a [`PurgeExpired`](crate::PurgeExpired), you can run that suite, too.
    type Store: SessionStore<Self::Id> + 'static;

    /// The store; the same one at each call.
    fn store(&self) -> Arc<Self::Store>;

    /// Returns a new user at each call, with the given `id` if there is one. If sessions have a foreign key to the users,
    /// insert the user.
    fn user(&self, id: Option<Self::Id>) -> impl Future<Output = Self::Id> + Send;

    /// See [`UserFixture::another_process`].
    fn another_process(&self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// See [`UserFixture::out_of_reach`].
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Store>>> + Send;
}

/// A cache of users under test, empty when the test begins.
///
/// Keep everything the cache needs in the fixture. It is dropped after the test.
pub trait UserCacheFixture: Send + Sync {
    /// The cache. The profile of the users is a text.
    type Cache: UserCache<Uuid, String> + 'static;

    /// The cache; the same one at each call.
    fn cache(&self) -> Arc<Self::Cache>;

    /// The same cache on another node, with a client of its own. If the cache is in the memory of this process, return
    /// [`cache`](Self::cache).
    fn another_process(&self) -> impl Future<Output = Arc<Self::Cache>> + Send;

    /// See [`UserFixture::out_of_reach`].
    fn out_of_reach(&self) -> impl Future<Output = Option<Arc<Self::Cache>>> + Send;
}
