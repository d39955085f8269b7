//! Stores on Redis and Valkey: one server, behind Sentinel, or a Cluster, through [fred].
//!
//! | | what it is |
//! |---|---|
//! | [`connect`] | a pool of connections from a URL, which heals by itself |
//! | [`Redis`] | what stores share: the connections, the deadline of a call, the prefix of keys |
//! | [`RedisAccessTokenStore`] | access tokens: the "Redis strategy" is an [`OpaqueStrategy`] over it |
//!
//! ```no_run
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use portcullis::{
//!     Lifetime, OpaqueStrategy,
//!     redis::{self, Redis, RedisAccessTokenStore},
//! };
//! use uuid::Uuid;
//!
//! let pool = redis::connect("redis://127.0.0.1:6379").await?;
//! let redis = Redis::new(pool).prefix("bookshop:")?;
//! let tokens = Arc::new(RedisAccessTokenStore::<Uuid>::new(redis));
//! let strategy = OpaqueStrategy::new(tokens, Lifetime::from_secs(3600)?);
//! # drop(strategy);
//! # Ok(()) }
//! ```
//!
//! A lifetime of [`Lifetime::FOREVER`] makes keys without an expiry; every other key expires with what it holds.
//!
//! # What the server must be set to
//!
//! Redis 6.2 or later, or Valkey. On a cluster and through Sentinel only masters are asked. Another URL has to name a
//! master: a replica answers look-ups late, and so takes tokens that were revoked.
//!
//! - `maxmemory-policy noeviction`. Any other drops sessions when memory runs short, and the tokens of a dropped index stay
//!   when their user is deleted; they are rejected. Out of memory, nobody can log in; who is logged in stays, and can log out.
//! - `appendonly yes` keeps sessions over a restart. `appendfsync always` keeps each revocation that was answered; the
//!   default loses up to a second of them in a power failure.
//! - A failover loses what the old master had not yet sent to its replicas, and what it took until it heard of the
//!   failover, a revocation too: see [`Redis::wait_for_replicas`], and `min-replicas-to-write`.
//! - The user of an ACL needs `~PREFIX*`, and `+get +set +del +exists +setrange +persist +pexpireat +zadd +zcard +zrange
//!   +zrem +zremrangebyscore +time +eval +evalsha +ping`. fred asks for `+client|id +info` when it connects, for
//!   `+cluster|slots +cluster|info` on a cluster, for `+role` behind Sentinel, and for `+select` where the URL has a
//!   database. To wait for replicas takes `+wait`.
//!
//! On a cluster, a token whose slot is just moving to another node is unavailable until the move is done: it is neither
//! found nor said to be gone. Removing all of a user's tokens, which the deletion of the user begins with, may end with an
//! error after a part of it there; the same call does the rest once the move is done. Scripts name the keys that they find
//! in an index, which all have the hash tag of a key that they declare; a server that takes declared keys alone must be
//! told to allow it.
//!
//! [`OpaqueStrategy`]: auth_core::OpaqueStrategy
//! [`Lifetime::FOREVER`]: auth_core::Lifetime::FOREVER

mod access_token;
mod call;
mod connect;
mod connection;
mod eviction;
mod foreign;
mod key;
mod record;
mod redis;
mod replicas;
mod script;
mod tls;
mod watch;

pub use access_token::RedisAccessTokenStore;
pub use connect::connect;
pub use fred;
pub use fred::{
    clients::{Client, Pool},
    interfaces::ClientLike,
};
pub use redis::Redis;
