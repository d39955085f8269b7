//! The stores on real servers: one, a cluster, and one behind Sentinel.

mod cached_users;
mod fixture;
mod log;
mod near;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod server;
mod session;
mod token;
