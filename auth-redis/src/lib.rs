//! Stores on Redis and Valkey: one server, behind Sentinel, or a Cluster, through [fred].
//!
//! | | what it is |
//! |---|---|
//! | [`connect`] | makes a pool of connections from a URL; it reconnects by itself |
//! | [`Redis`] | the settings that stores share: connections, the deadline of a call, the prefix of keys |
//! | [`RedisAccessTokenStore`] | access tokens; the "Redis strategy" is an [`OpaqueStrategy`] over it |
//! | [`RedisSessionStore`] | sessions with data |
//! | [`RedisUserCache`] | a cache of the users of any store |
//! | [`NearCache`] | the setting of [`Redis::near_cache`]: log-ins and cached users in the memory of this process |
//!
//! ```no_run
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use portcullis::{
//!     Lifetime, OpaqueStrategy,
//!     redis::{self, Redis, RedisAccessTokenStore, RedisSessionStore},
//! };
//! use uuid::Uuid;
//!
//! let pool = redis::connect("redis://127.0.0.1:6379").await?;
//! let redis = Redis::new(pool).prefix("bookshop:")?;
//! let tokens = Arc::new(RedisAccessTokenStore::<Uuid>::new(&redis));
//! let strategy = OpaqueStrategy::new(tokens, Lifetime::from_secs(3600)?);
//! let sessions = RedisSessionStore::<Uuid>::new(redis);
//! # drop((strategy, sessions));
//! # Ok(()) }
//! ```
//!
//! With [`Lifetime::FOREVER`] keys have no expiry. Every other key expires with its token or session.
//!
//! # The server's settings
//!
//! Redis 6.2 or later, or Valkey. On a cluster and through Sentinel, only masters are asked. Any other URL must name a
//! master: a replica lags behind, and so accepts tokens that were revoked.
//!
//! - Set `maxmemory-policy noeviction`. Any other policy drops tokens and sessions when memory runs short. If it drops a user's
//!   index, they outlive the user's deletion, though they are rejected. With `noeviction` and full memory, nobody can log in or
//!   change a session; users who are logged in stay so, and can log out.
//! - `appendonly yes` keeps tokens and sessions over a restart. `appendfsync always` keeps every confirmed revocation; with the
//!   default, a power failure loses up to a second of them.
//! - Set `timeout 0`. A server that closes idle connections makes a [near cache](Redis::near_cache) forget everything each time
//!   that a connection is made anew, because that one could be to another server.
//! - A failover can lose revocations: those that the old master had not yet sent to its replicas, and those that it took
//!   before it heard of the failover. See [`Redis::wait_for_replicas`], and `min-replicas-to-write`.
//! - An ACL user needs `~PREFIX*` and `+get +set +del +persist +pexpireat +zadd +zcard +zrange +zrem +zremrangebyscore
//!   +time +eval +evalsha +ping`. fred also needs `+client|id +info` to connect, `+cluster|slots
//!   +cluster|info` on a cluster, `+role` behind Sentinel, and `+select` if the URL has a database. To wait for replicas
//!   needs `+wait`. A [near cache](Redis::near_cache) needs `+hello +getrange +client|tracking +client|trackinginfo`, and
//!   `+cluster|myid +cluster|slots` on a cluster.
//!
//! On a cluster, a token or session is unavailable while its slot moves to another node: calls fail, and never report it as
//! absent. Removing all of a user's, the first step of deleting the user, can fail half-way there. Call it again once the move is
//! done, and it removes the rest.
//!
//! Scripts access the keys that they find in an index. Those have the hash tag of a declared key, but are not declared
//! themselves. A server that allows only declared keys must be told to permit this.
//!
//! [`OpaqueStrategy`]: auth_core::OpaqueStrategy
//! [`Lifetime::FOREVER`]: auth_core::Lifetime::FOREVER

mod access_token;
mod attempt;
mod call;
mod clock;
mod connect;
mod connection;
mod eviction;
mod foreign;
mod key;
mod look_up;
mod near;
mod record;
mod redis;
mod replicas;
mod script;
mod session;
mod tls;
mod user_cache;
mod watch;

pub use access_token::RedisAccessTokenStore;
pub use connect::connect;
pub use fred;
pub use fred::{
    clients::{Client, Pool},
    interfaces::ClientLike,
};
pub use near::{NearCache, NearCacheStats};
pub use redis::Redis;
pub use session::RedisSessionStore;
pub use user_cache::RedisUserCache;
