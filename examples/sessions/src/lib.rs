//! Sessions with data of any shape, by cookie or header: `settings` has the variables.

pub mod data;
pub mod service;
pub mod settings;
pub mod store;
