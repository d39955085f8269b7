//! The places where the program is asked, and its backends there.

use portcullis_support::{Kind, journey::Row};

use crate::harness::{Place, Redis, Store};

/// A place, with what is asked of each of these backends there.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    needs: Option<&'static str>,
    backends: &'static [(Kind, &'static [bool])],
}

const OPEN: &[bool] = &[false];
const BOTH: &[bool] = &[false, true];

use Kind::{DbBearer, DbCookie, JwtBearer, RedisBearer, RedisCookie, TrackedBearer, TrackedCookie};

/// It is the program that asks for a verified e-mail, not the store: one backend of a place stands for all on every database
/// but SQLite.
pub(crate) const PLACES: &[Table] = &[
    Table {
        name: "sqlite",
        place: at(Store::Sqlite, Redis::Without),
        needs: None,
        backends: &[
            (JwtBearer, BOTH),
            (DbBearer, BOTH),
            (DbCookie, BOTH),
            (TrackedCookie, OPEN),
        ],
    },
    Table {
        name: "postgres",
        place: at(Store::Postgres, Redis::Without),
        needs: Some("needs PostgreSQL"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, BOTH),
            (DbCookie, OPEN),
            (TrackedBearer, OPEN),
        ],
    },
    Table {
        name: "mariadb",
        place: at(Store::MariaDb, Redis::Without),
        needs: Some("needs MariaDB"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, OPEN),
            (DbCookie, BOTH),
            (TrackedCookie, OPEN),
        ],
    },
    Table {
        name: "mongodb",
        place: at(Store::MongoDb, Redis::Without),
        needs: Some("needs MongoDB"),
        backends: &[
            (JwtBearer, BOTH),
            (DbBearer, OPEN),
            (DbCookie, OPEN),
            (TrackedCookie, OPEN),
        ],
    },
    Table {
        name: "redis",
        place: at(Store::Sqlite, Redis::Single),
        needs: Some("needs Redis"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, OPEN),
            (DbCookie, OPEN),
            (RedisBearer, BOTH),
            (RedisCookie, BOTH),
            (TrackedCookie, OPEN),
        ],
    },
    Table {
        name: "redis_and_postgres",
        place: at(Store::Postgres, Redis::Single),
        needs: Some("needs PostgreSQL and Redis"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, OPEN),
            (DbCookie, OPEN),
            (RedisBearer, OPEN),
            (RedisCookie, BOTH),
        ],
    },
    Table {
        name: "redis_and_mariadb",
        place: at(Store::MariaDb, Redis::Single),
        needs: Some("needs MariaDB and Redis"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, OPEN),
            (DbCookie, OPEN),
            (RedisBearer, BOTH),
            (RedisCookie, OPEN),
        ],
    },
    Table {
        name: "redis_and_mongodb",
        place: at(Store::MongoDb, Redis::Single),
        needs: Some("needs MongoDB and Redis"),
        backends: &[
            (JwtBearer, OPEN),
            (DbBearer, OPEN),
            (DbCookie, OPEN),
            (RedisBearer, OPEN),
            (RedisCookie, BOTH),
        ],
    },
    Table {
        name: "redis_cluster",
        place: at(Store::Sqlite, Redis::Cluster),
        needs: Some("needs Redis Cluster"),
        backends: &[(RedisBearer, BOTH), (RedisCookie, OPEN), (TrackedBearer, OPEN)],
    },
    Table {
        name: "redis_sentinel",
        place: at(Store::Sqlite, Redis::Sentinel),
        needs: Some("needs Redis Sentinel"),
        backends: &[(RedisBearer, OPEN), (RedisCookie, BOTH), (TrackedCookie, OPEN)],
    },
];

const fn at(store: Store, redis: Redis) -> Place {
    Place { store, redis }
}

impl Table {
    /// Each backend, with the settings that are asked.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let settings = |(kind, settings): &(Kind, &'static [bool])| {
            let kind = *kind;
            settings
                .iter()
                .map(move |verification| self.row(kind, *verification))
        };
        self.backends.iter().flat_map(settings).collect()
    }

    pub(crate) fn row(&self, kind: Kind, verification: bool) -> Row {
        Row {
            place: self.name,
            kind,
            verification,
            needs: self.needs,
        }
    }
}

/// The place that a row names.
pub(crate) fn place(name: &str) -> Place {
    let found = PLACES.iter().find(|table| table.name == name);
    found.expect("a place of the table").place
}
