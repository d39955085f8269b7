//! The default tables, for an application's own queries. A UUID is its 16 bytes; an instant is the
//! milliseconds since 1970-01-01 UTC.

crate::schema::default_tables!(
    SqliteUserStore,
    SqliteAccessTokenStore,
    SqliteSessionStore,
    Binary,
    BigInt
);
