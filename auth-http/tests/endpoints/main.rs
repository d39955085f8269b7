//! The endpoints without a framework, for users with a profile.

mod behind;
mod closed_networks;
mod ended_credentials;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../fixture/head.rs"]
mod head;
mod in_place;
mod log_in;
mod refresh;
mod renamed;
mod rotation;
mod service;
mod told;
mod users;

use auth_http::{RequestHead, Target};
