//! The endpoints without a framework, for users with a profile.

mod log_in;
mod service;
mod users;
