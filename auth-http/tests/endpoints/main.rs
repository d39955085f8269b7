//! The endpoints without a framework, for users with a profile.

mod closed_networks;
mod ended_credentials;
mod in_place;
mod log_in;
mod refresh;
mod renamed;
mod rotation;
mod service;
mod users;
