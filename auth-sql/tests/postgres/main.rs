//! The stores on a PostgreSQL that `TEST_POSTGRES_URL` names.
#![cfg(feature = "postgres")]

mod backend;
mod dropped;
mod language;
mod lock;
mod round_trips;
#[path = "../server/server.rs"]
mod server;
mod standby;
mod tls;
mod unique_index;

server::all!("needs PostgreSQL");
server::kind::all!(Postgres, "needs PostgreSQL");
server::library::all!(Postgres, "needs PostgreSQL");
server::refused::all!(Postgres, "needs PostgreSQL");
