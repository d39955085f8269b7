//! The cache of users, over a store in memory.

mod conformance;
mod faults;
mod log_ins;
mod lost;
mod nodes;

use std::sync::Arc;

use auth_core::{
    CachedUsers, NewUser, ShardTag, SigningSecret, User, UserStore as _, memory::MemoryUserStore,
};
use auth_redis::{Client, Redis, RedisUserCache, fred::interfaces::KeysInterface as _};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::server;

/// A profile with fields that JSON and postcard treat in different ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    tags: Vec<String>,
    score: f64,
}

impl Member {
    fn sample(n: u32) -> Self {
        Self {
            name: (!n.is_multiple_of(3)).then(|| format!("\u{1f98a} \"{n}\" \0")),
            tags: (0..n % 4).map(|tag| format!("{n}/{tag}")).collect(),
            score: f64::from(n) / 3.0,
        }
    }
}

type Store = MemoryUserStore<Uuid, Member>;
type Cached = CachedUsers<Uuid, Member>;

/// Two nodes over one store and one Redis.
struct Nodes {
    store: Arc<Store>,
    one: Cached,
    other: Cached,
    redis: Redis,
    client: Client,
    prefix: String,
    secret: SigningSecret,
}

impl Nodes {
    async fn on(url: &str) -> Self {
        let (prefix, secret) = (server::prefix(), SigningSecret::generate().expect("a secret"));
        let store: Arc<Store> = Arc::default();
        let node = async || {
            let redis = server::redis_with(url, &prefix).await;
            CachedUsers::new(store.clone(), cache(&redis, &secret))
        };
        let (one, other) = (node().await, node().await);
        Self {
            one,
            other,
            redis: server::redis_with(url, &prefix).await,
            client: server::client(url).await,
            store,
            prefix,
            secret,
        }
    }

    async fn user(&self, n: u32) -> User<Uuid, Member> {
        self.store.insert(new_user(n)).await.expect("a user")
    }

    /// The key of a cached user.
    fn key(&self, id: Uuid) -> String {
        let tag = ShardTag::for_user(&id).get();
        format!("{}{{{tag:04x}}}:c:{id}", self.prefix)
    }

    /// What stands at the key of a user.
    async fn value(&self, id: Uuid) -> Option<Vec<u8>> {
        self.client.get(self.key(id)).await.expect("an answer")
    }

    /// Changes a user in the store, past the cache.
    async fn change_past_the_cache(&self, user: &User<Uuid, Member>) {
        self.store.update(user).await.expect("written");
    }
}

fn cache(redis: &Redis, secret: &SigningSecret) -> Arc<RedisUserCache<Uuid, Member>> {
    Arc::new(RedisUserCache::new(redis, secret))
}

fn new_user(n: u32) -> NewUser<Uuid, Member> {
    let email = format!("user{n}.{}@example.com", Uuid::new_v4().simple());
    let mut user = NewUser::new(
        email.parse().expect("an e-mail"),
        Member::sample(n),
        OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("an instant"),
    );
    user.password_hash = Some(auth_core::PasswordHash::new(format!("$argon2id$hash-{n}")));
    user
}

/// Every field, to compare.
fn fields(user: &User<Uuid, Member>) -> String {
    let hash = user.password_hash.as_ref().map(auth_core::PasswordHash::expose);
    format!("{user:?} {hash:?}")
}

/// The node finds the user as it is here.
async fn check(node: &Cached, user: &User<Uuid, Member>) {
    let found = node.find(&user.id).await.expect("an answer").expect("a user");
    assert_eq!(fields(&found), fields(user));
}
