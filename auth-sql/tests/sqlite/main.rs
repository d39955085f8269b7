//! The stores on SQLite, each test on a file of its own.
#![cfg(feature = "sqlite")]

mod cancellation;
mod conformance;
mod connect;
mod fault;
mod file;
mod foreign_key;
mod migrate;
#[path = "../server/object_id.rs"]
mod object_id;
#[path = "../server/older.rs"]
mod older;
mod own_id;
mod own_table;
mod refused;
mod session;
