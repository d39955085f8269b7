//! The promises of a [`UserCache`].

use std::{
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::task::yield_now;
use uuid::Uuid;

use super::{UserCacheFixture, answered, failed, parallel::at_once, sample::start};
use crate::{
    CacheFence, CacheTicket, Cached, CachedUsers, InsertUserError, NewUser, NormalizedEmail, PasswordHash,
    RoleName, StoreError, UpdateUserError, User, UserCache, UserStore, memory::MemoryUserStore,
};

/// How often one user is changed and read at the same time.
const ROUNDS: usize = 10;

/// Each of this many writers makes this many changes.
const WRITERS: i64 = 3;
const CHANGES: i64 = 5;

/// How many read meanwhile.
const READERS: i64 = 4;

/// How often others come first at most.
const MAX_CONFLICTS: u32 = 200;

type SampleUser = User<Uuid, String>;

fn user(n: u32) -> SampleUser {
    let email = format!("Zoë.Member-{n}@Example.COM");
    let mut user = User::new(
        Uuid::now_v7(),
        email.parse().unwrap_or_else(|error| panic!("{email}: {error}")),
        format!("\u{1f98a} \"{n}\" \0"),
        start(),
    );
    user.password_hash = n
        .is_multiple_of(2)
        .then(|| PasswordHash::new(format!("$argon2id$v=19${n}")));
    user.is_active = !n.is_multiple_of(3);
    user.is_superuser = n % 3 == 1;
    user.is_verified = n % 3 == 2;
    user.roles = (0..n)
        .map(|role| RoleName::new(&format!("role.{role}")).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    user.security_epoch = i64::MAX - i64::from(n);
    user.revision = i64::from(n);
    user.updated_at += Duration::from_millis(u64::from(n));
    user
}

/// Every field, to compare. `Debug` does not show the hash.
fn fields(user: &SampleUser) -> String {
    let hash = user.password_hash.as_ref().map(PasswordHash::expose);
    format!("{user:?} {hash:?}")
}

async fn found(cache: &impl UserCache<Uuid, String>, user: &SampleUser) -> Option<String> {
    match answered(cache.find(&user.id).await) {
        Cached::Hit(found) => Some(fields(&found)),
        _ => None,
    }
}

async fn ticket(cache: &impl UserCache<Uuid, String>, user: &SampleUser) -> Option<CacheTicket> {
    match answered(cache.find(&user.id).await) {
        Cached::Hit(found) => panic!("there is nothing to find, and not {found:?}"),
        Cached::Miss(ticket) | Cached::Unreadable(ticket) => ticket,
        Cached::Full => None,
    }
}

async fn put(cache: &impl UserCache<Uuid, String>, user: &SampleUser) {
    let ticket = ticket(cache, user).await.expect("nobody else reads the user");
    answered(cache.put(ticket, user).await);
}

/// A user that was put is found as it was, on every node.
pub async fn a_user_that_was_put_is_found_with_every_field<F: UserCacheFixture>(fixture: &F) {
    let (cache, other) = (fixture.cache(), fixture.another_process().await);
    let users: Vec<_> = (0..7).map(user).collect();
    for user in &users {
        put(&*cache, user).await;
    }
    for user in &users {
        for node in [&cache, &other] {
            assert_eq!(found(&**node, user).await, Some(fields(user)));
        }
    }
}

/// A cache does not make users up.
pub async fn a_user_that_was_not_put_is_not_found<F: UserCacheFixture>(fixture: &F) {
    let cache = fixture.cache();
    let (one, another) = (user(1), user(2));
    put(&*cache, &one).await;
    assert_eq!(found(&*cache, &another).await, None);
}

/// A fence drops the user on every node.
pub async fn a_fence_drops_the_user<F: UserCacheFixture>(fixture: &F) {
    let (cache, other) = (fixture.cache(), fixture.another_process().await);
    let user = user(1);
    put(&*cache, &user).await;
    for node in [&cache, &other] {
        assert!(found(&**node, &user).await.is_some());
    }
    let fence = answered(cache.fence(&user.id).await);
    for node in [&cache, &other] {
        assert_eq!(found(&**node, &user).await, None, "a user that is being changed");
    }
    answered(cache.lift(&user.id, fence, None).await);
    for node in [&cache, &other] {
        assert_eq!(found(&**node, &user).await, None, "the user as it was before");
    }
}

/// Who began to read before a change puts nothing: not behind the fence, and not after it.
pub async fn a_ticket_is_void_once_its_user_is_fenced<F: UserCacheFixture>(fixture: &F) {
    let (cache, other) = (fixture.cache(), fixture.another_process().await);
    let user = user(1);
    let before = ticket(&*cache, &user).await.expect("nobody else reads the user");
    let fence = answered(other.fence(&user.id).await);
    answered(cache.put(before, &user).await);
    assert_eq!(found(&*cache, &user).await, None, "behind the fence");
    answered(other.lift(&user.id, fence, None).await);
    answered(cache.put(before, &user).await);
    assert_eq!(found(&*cache, &user).await, None, "after the change");
}

/// While a fence stands, nobody may put the user. The first of two that is lifted leaves the other one standing.
pub async fn no_ticket_is_given_out_behind_a_fence<F: UserCacheFixture>(fixture: &F) {
    let (cache, other) = (fixture.cache(), fixture.another_process().await);
    for is_first_lifted_first in [true, false] {
        let user = user(1);
        let mut fences = [
            answered(cache.fence(&user.id).await),
            answered(other.fence(&user.id).await),
        ];
        if !is_first_lifted_first {
            fences.reverse();
        }
        for fence in fences {
            for node in [&cache, &other] {
                assert_eq!(ticket(&**node, &user).await, None, "a fence stands");
            }
            answered(cache.lift(&user.id, fence, None).await);
        }
        put(&*other, &user).await;
        assert!(found(&*cache, &user).await.is_some(), "no fence stands any more");
    }
}

/// A reader may have asked a store that lags. What it puts after a change is not kept if it is older than that.
pub async fn no_user_older_than_a_change_is_kept<F: UserCacheFixture>(fixture: &F) {
    let (cache, other) = (fixture.cache(), fixture.another_process().await);
    let mut user = user(1);
    // Two changes may be published in either order, and a third one may be refused after them.
    let first = answered(cache.fence(&user.id).await);
    let second = answered(other.fence(&user.id).await);
    answered(other.lift(&user.id, second, Some(6)).await);
    answered(cache.lift(&user.id, first, Some(5)).await);
    let refused = answered(other.fence(&user.id).await);
    answered(other.lift(&user.id, refused, None).await);
    user.revision = 5;
    put(&*other, &user).await;
    assert_eq!(found(&*cache, &user).await, None, "older than the last change");
    for written in [7, 8] {
        let fence = answered(cache.fence(&user.id).await);
        answered(cache.lift(&user.id, fence, Some(written)).await);
        user.revision = written - 1;
        put(&*other, &user).await;
        assert_eq!(found(&*cache, &user).await, None, "older than the change");
        // That look took a ticket.
        let fence = answered(cache.fence(&user.id).await);
        answered(cache.lift(&user.id, fence, None).await);
        user.revision = written;
        put(&*other, &user).await;
        assert_eq!(found(&*cache, &user).await, Some(fields(&user)));
    }
    let fence = answered(other.fence(&user.id).await);
    answered(other.lift(&user.id, fence, None).await);
    put(&*cache, &user).await;
    assert!(found(&*other, &user).await.is_some(), "nothing was written");
    let fence = answered(cache.fence(&user.id).await);
    answered(cache.lift(&user.id, fence, Some(i64::MAX)).await);
    put(&*other, &user).await;
    assert_eq!(found(&*cache, &user).await, None, "the user was deleted");
}

/// Users are changed and read on two nodes at the same time. No read shows less than was answered before it began.
pub async fn no_read_is_behind_an_answered_change<F: UserCacheFixture>(fixture: &F) {
    let store = Arc::new(Slow(MemoryUserStore::new()));
    let node = |cache: Arc<F::Cache>| Arc::new(CachedUsers::new(store.clone(), cache));
    let nodes = [node(fixture.cache()), node(fixture.another_process().await)];
    for _round in 0..ROUNDS {
        let sample = user(1);
        let mut new = NewUser::new(sample.email, sample.profile, sample.created_at);
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        new.email = email.parse().unwrap_or_else(|error| panic!("{email}: {error}"));
        let id = store.insert(new).await.expect("a free address").id;
        let answered = Arc::new(AtomicI64::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (node, answered) = (number_of(&nodes, number), Arc::clone(&answered));
                Box::pin(async move { write(&node, id, &answered).await }) as Task
            })
            .collect();
        // The readers go on while anybody writes, also if a writer panics.
        let writing = Arc::downgrade(&answered);
        let readers = (0..READERS).map(|number| {
            let (node, writing) = (number_of(&nodes, number), Weak::clone(&writing));
            Box::pin(async move { read(&node, id, &writing).await }) as Task
        });
        drop(answered);
        at_once(writers.into_iter().chain(readers)).await;
        let last = present(&nodes[0], id).await.security_epoch;
        assert_eq!(last, WRITERS * CHANGES, "a change was lost");
    }
}

type Task = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn number_of(nodes: &[Arc<CachedUsers<Uuid, String>>; 2], number: i64) -> Arc<CachedUsers<Uuid, String>> {
    Arc::clone(if number % 2 == 0 { &nodes[0] } else { &nodes[1] })
}

async fn write(node: &CachedUsers<Uuid, String>, id: Uuid, answered: &AtomicI64) {
    for _change in 0..CHANGES {
        for attempt in 0.. {
            assert!(
                attempt < MAX_CONFLICTS,
                "the cache has a user that is outdated, again and again"
            );
            let mut user = present(node, id).await;
            user.security_epoch += 1;
            match node.update(&user).await {
                Ok(()) => {
                    answered.fetch_max(user.security_epoch, Ordering::SeqCst);
                    break;
                }
                Err(UpdateUserError::Conflict) => {}
                Err(error) => panic!("the store failed: {error}"),
            }
        }
    }
}

async fn read(node: &CachedUsers<Uuid, String>, id: Uuid, writing: &Weak<AtomicI64>) {
    while let Some(least) = writing.upgrade().map(|answered| answered.load(Ordering::SeqCst)) {
        let epoch = present(node, id).await.security_epoch;
        assert!(epoch >= least, "{epoch} was read after {least} was answered");
        // A cache in memory answers without a pause, and the writers need a turn, too.
        yield_now().await;
    }
}

async fn present(node: &CachedUsers<Uuid, String>, id: Uuid) -> SampleUser {
    answered(node.find(&id).await).expect("the user is there")
}

/// If the cache is out of reach, each call is a failure: never a miss, and never a user who was dropped.
pub async fn every_call_of_a_cache_out_of_reach_is_a_failure<F: UserCacheFixture>(fixture: &F) {
    let Some(cache) = fixture.out_of_reach().await else {
        return;
    };
    let user = user(1);
    failed("find", cache.find(&user.id).await);
    failed("put", cache.put(CacheTicket(1), &user).await);
    failed("fence", cache.fence(&user.id).await);
    failed("lift", cache.lift(&user.id, CacheFence(1), None).await);
}

/// A store whose answers are on their way for a moment, in which others change what they tell.
struct Slow(MemoryUserStore<Uuid, String>);

async fn on_its_way(microseconds: u64) {
    tokio::time::sleep(Duration::from_micros(fastrand::u64(..microseconds))).await;
}

#[async_trait]
impl UserStore<Uuid, String> for Slow {
    async fn insert(&self, user: NewUser<Uuid, String>) -> Result<SampleUser, InsertUserError> {
        self.0.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<SampleUser>, StoreError> {
        let found = self.0.find(id).await;
        // Some answers are on their way for longer than a whole change takes.
        on_its_way(8_000).await;
        found
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<SampleUser>, StoreError> {
        self.0.find_by_email(email).await
    }

    async fn update(&self, user: &SampleUser) -> Result<(), UpdateUserError> {
        on_its_way(2_000).await;
        let updated = self.0.update(user).await;
        on_its_way(2_000).await;
        updated
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.0.delete(id).await
    }
}
