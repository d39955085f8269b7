//! The default tables, for an application's own queries. An instant is one of whole milliseconds.

crate::schema::default_tables!(PostgresUserStore, PostgresAccessTokenStore, Uuid, Timestamptz);
