//! The stores on a server that speaks MongoDB's protocol, each test in a database of its own.

mod cap;
mod conformance;
mod connect;
#[path = "../fixture/database.rs"]
mod database;
mod document;
mod fault;
mod index;
mod older;
mod own_id;
mod rotate;
mod round_trips;
mod session;
mod taken;

/// What names the server.
const URL: &str = "TEST_MONGODB_URL";
