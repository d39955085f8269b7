//! The default tables, for an application's own queries. A UUID is its 16 bytes, an instant in UTC with three digits behind the second.

crate::schema::default_tables!(MysqlUserStore, MysqlAccessTokenStore, Binary, Datetime);
