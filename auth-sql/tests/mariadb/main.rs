//! The stores on a MariaDB that `TEST_MARIADB_URL` names.
#![cfg(feature = "mysql")]

mod backend;
mod interrupted;
mod own_server;
mod placeholders;
mod read_only;
mod round_trips;
#[path = "../server/server.rs"]
mod server;
mod tls;

server::all!("needs MariaDB");
server::kind::all!(Mysql, "needs MariaDB");
server::library::all!(Mysql, "needs MariaDB");
server::refused::all!(Mysql, "needs MariaDB");

/// MariaDB has a type for them, and MySQL has none.
mod id_is_a_uuid_of_mariadb {
    crate::server::kind::own!(Mysql, uuid::Uuid, Text, "uuid", "uuid");
    crate::server::kind::sample!("needs MariaDB");
}
