//! Users that are read from a cache.

mod health;
mod loaded;
mod store;

use async_trait::async_trait;
use uuid::Uuid;

pub use self::{
    loaded::{CacheMark, LoadedUser},
    store::CachedUsers,
};
use crate::{StoreError, User};

/// A user as a cache has it, or the right to put one there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cached<Id = Uuid, P = ()> {
    /// The cache has the user, as stored now.
    Hit(User<Id, P>),
    /// The cache does not have the user. Read it from the store, and [`put`](UserCache::put) it under this ticket. `None` if
    /// the user is being changed, or if somebody else is about to put it.
    Miss(Option<CacheTicket>),
    /// The same. What the cache has instead cannot be read: it is broken, or somebody else wrote it. What was kept
    /// under an old secret, or with the profile of another version, counts, too, and what has run out by the clock of this node.
    Unreadable(Option<CacheTicket>),
    /// The cache does not have the user, and has no room for another one.
    Full,
}

/// The right of a reader to put what it reads, as a number that the cache chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheTicket(pub u128);

/// A fence around a user that is being changed, as a number that the cache chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheFence(pub u128);

impl CacheTicket {
    /// A random ticket.
    ///
    /// # Errors
    /// [`StoreError`] if the operating system's random generator fails.
    pub fn random() -> Result<Self, StoreError> {
        random().map(Self)
    }
}

impl CacheFence {
    /// A random fence.
    ///
    /// # Errors
    /// [`StoreError`] if the operating system's random generator fails.
    pub fn random() -> Result<Self, StoreError> {
        random().map(Self)
    }
}

fn random() -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|source| StoreError::internal("system randomness", source.to_string()))?;
    Ok(u128::from_be_bytes(bytes))
}

/// A cache of users, for [`CachedUsers`].
///
/// A cached user must never outlive what it shows. So a ticket is void once somebody [`fence`](Self::fence)s its user. A reader
/// whose look at the store began before a change can then put nothing afterwards.
///
/// A cache may forget any user at any time. It need not answer: a failed look-up only makes reads slower.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cache of users with ids `{Id}` and profiles `{P}`",
    label = "no cache of such users",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait UserCache<Id = Uuid, P = ()>: Send + Sync {
    /// The user of `id`, if the cache has it. If not, it reserves the place for the caller, who gets a ticket.
    ///
    /// # Errors
    /// [`StoreError`] if the cache does not answer.
    async fn find(&self, id: &Id) -> Result<Cached<Id, P>, StoreError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// Keeps `user`, which was read from the store after `ticket` was given out, unless the ticket is no longer good, or the user is
    /// older than one that was [written](Self::lift).
    ///
    /// # Errors
    /// [`StoreError`] if the cache does not answer: it may or may not have the user.
    async fn put(&self, ticket: CacheTicket, user: &User<Id, P>) -> Result<(), StoreError>;

    /// Drops the user of `id`, makes every ticket for it void and gives out none, until [`lift`](Self::lift). Several fences may
    /// stand at a time. One that nobody lifts falls by itself, five minutes after the last one around this user: so long may a
    /// write take that nobody waits for any more.
    ///
    /// # Errors
    /// [`StoreError`] if the cache does not answer: it may still have the user.
    async fn fence(&self, id: &Id) -> Result<CacheFence, StoreError>;

    /// Removes the `fence` around the user of `id`. If none stands any more, what the cache has of the user is dropped.
    ///
    /// If the user was `written` under this revision, no [`put`](Self::put) of an older one is kept for five minutes: a reader that
    /// asked a store which lags must not bring it back. A deleted user has the highest revision there is.
    ///
    /// # Errors
    /// [`StoreError`] if the cache does not answer: it may have a user that is outdated.
    async fn lift(&self, id: &Id, fence: CacheFence, written: Option<i64>) -> Result<(), StoreError>;

    /// The mark of the users that a store of log-ins [loads](LoadedUser) from this cache. `None` if there is no such store.
    fn mark(&self) -> Option<&CacheMark> {
        None
    }
}
