//! A library with members of its own kind: their profile, their ids, their tables.

pub mod database;
pub mod member;
pub mod schema;
pub mod service;
