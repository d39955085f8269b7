//! The kinds of servers.

use std::path::PathBuf;

use crate::Fallible;
use crate::services::server::Server;
use crate::services::{certificate, mariadb, mongodb, postgres, redis, redis_cluster, redis_sentinel};

/// One kind of server.
pub(crate) struct Service {
    /// Its name on the command line and in the file of `TEST_SERVICES`.
    pub(crate) name: &'static str,
    /// Its name in a test's `#[ignore = "needs ..."]`.
    pub(crate) need: &'static str,
    /// The variable with its URL.
    pub(super) variable: &'static str,
    pub(super) is_installed: fn() -> bool,
    /// Its Debian packages.
    pub(super) packages: &'static [&'static str],
    pub(super) start: fn(&Place) -> Fallible<Server>,
}

/// The place of a server.
pub(super) struct Place {
    /// Its own folder, which is empty at first.
    pub(super) folder: PathBuf,
    /// The folder for programs that were built for it.
    pub(super) programs: PathBuf,
}

/// All services, in the order of reports.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        name: "redis",
        need: "Redis",
        variable: "TEST_REDIS_URL",
        is_installed: || redis::is_installed() && certificate::is_possible(),
        packages: &["redis-server", "openssl"],
        start: redis::start,
    },
    Service {
        name: "redis-cluster",
        need: "Redis Cluster",
        variable: "TEST_REDIS_CLUSTER_URL",
        is_installed: redis::is_installed,
        packages: &["redis-server"],
        start: redis_cluster::start,
    },
    Service {
        name: "redis-sentinel",
        need: "Redis Sentinel",
        variable: "TEST_REDIS_SENTINEL_URL",
        is_installed: redis::is_installed,
        packages: &["redis-server"],
        start: redis_sentinel::start,
    },
    Service {
        name: "postgres",
        need: "PostgreSQL",
        variable: "TEST_POSTGRES_URL",
        is_installed: || postgres::is_installed() && certificate::is_possible(),
        packages: &["postgresql", "openssl"],
        start: postgres::start,
    },
    Service {
        name: "mariadb",
        need: "MariaDB",
        variable: "TEST_MARIADB_URL",
        is_installed: || mariadb::is_installed() && certificate::is_possible(),
        packages: &["mariadb-server", "openssl"],
        start: mariadb::start,
    },
    Service {
        name: "mongodb",
        need: "MongoDB",
        variable: "TEST_MONGODB_URL",
        // Debian has no package. FerretDB is built instead.
        is_installed: || true,
        packages: &[],
        start: mongodb::start,
    },
];
