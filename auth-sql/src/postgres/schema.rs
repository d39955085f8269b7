//! The default tables, for an application's own queries. Instants are whole milliseconds.

crate::schema::default_tables!(
    PostgresUserStore,
    PostgresAccessTokenStore,
    PostgresSessionStore,
    Uuid,
    Timestamptz
);
