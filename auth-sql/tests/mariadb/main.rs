//! The stores on a MariaDB that `TEST_MARIADB_URL` names.
#![cfg(feature = "mysql")]

mod backend;
mod round_trips;
#[path = "../server/server.rs"]
mod server;

server::all!("needs MariaDB");
server::kind::all!(Mysql, "needs MariaDB");
server::library::all!(Mysql, "needs MariaDB");
