//! The program on real servers that fail: what is seen meanwhile, and afterwards.

#![cfg(target_os = "linux")]

mod caches;
mod contention;
mod crowd;
mod database;
mod devices;
mod load;
mod mariadb;
mod mongodb;
mod nodes;
mod outage;
mod postgres;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../fixture/process.rs"]
mod process;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod reset;
mod restart;
mod server;
mod site;
mod sqlite;
mod stage;
mod stores;
