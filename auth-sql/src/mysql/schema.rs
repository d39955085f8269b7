//! The default tables, for an application's own queries. A UUID is its 16 bytes; an instant is in UTC with three fractional
//! digits.

crate::schema::default_tables!(
    MysqlUserStore,
    MysqlAccessTokenStore,
    MysqlSessionStore,
    Binary,
    Datetime
);
