//! The stores on real servers: one, a cluster, and one behind Sentinel.

mod fixture;
mod log;
mod proxy;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod server;
mod token;
