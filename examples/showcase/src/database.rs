//! The database that the scheme of `DATABASE_URL` names.

use std::sync::Arc;

use portcullis::{
    AccessTokenStore, ConfigError, PurgeExpired, StoreError, UserStore,
    mongo::{self, MongoAccessTokenStore, MongoUserStore},
    sql::{
        mysql::{self, MysqlAccessTokenStore, MysqlUserStore},
        postgres::{self, PostgresAccessTokenStore, PostgresUserStore},
        sqlite::{self, SqliteAccessTokenStore, SqliteUserStore},
    },
};

/// The name of the setting, for errors. The URL itself is never in one: it may hold a password.
const SETTING: &str = "DATABASE_URL";

/// The stores on one database.
pub(crate) struct Database {
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) tokens: Arc<dyn AccessTokenStore>,
    pub(crate) expired: Arc<dyn PurgeExpired>,
    kind: Kind,
}

/// What knows how to make its tables or indexes.
enum Kind {
    Sqlite(sqlite::Pool),
    Postgres(postgres::Pool),
    Mysql(mysql::Pool),
    Mongo(MongoUserStore, MongoAccessTokenStore),
}

impl Database {
    /// The database at `url`. One on a server need not be there yet.
    ///
    /// # Errors
    /// [`ConfigError`] naming `DATABASE_URL` if it cannot be understood, or names a file that cannot be opened.
    pub(crate) async fn open(url: &str) -> Result<Self, ConfigError> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::sqlite(url).await,
            Some("postgres" | "postgresql") => Self::postgres(url),
            Some("mysql" | "mariadb") => Self::mysql(url),
            Some("mongodb" | "mongodb+srv") => Self::mongo(url).await,
            _ => {
                let problem = "is none of sqlite://FILE, postgres://…, mysql://… and mongodb://…";
                Err(ConfigError::new(SETTING, problem))
            }
        }
    }

    async fn sqlite(url: &str) -> Result<Self, ConfigError> {
        let pool = sqlite::connect(SETTING, url).await?;
        let database = sqlite::Database::new(pool.clone());
        let tokens = SqliteAccessTokenStore::new(&database);
        Ok(Self::new(
            SqliteUserStore::new(&database),
            tokens,
            Kind::Sqlite(pool),
        ))
    }

    fn postgres(url: &str) -> Result<Self, ConfigError> {
        let pool = postgres::connect(SETTING, url)?;
        let database = postgres::Database::new(pool.clone());
        let tokens = PostgresAccessTokenStore::new(&database);
        Ok(Self::new(
            PostgresUserStore::new(&database),
            tokens,
            Kind::Postgres(pool),
        ))
    }

    fn mysql(url: &str) -> Result<Self, ConfigError> {
        let pool = mysql::connect(SETTING, url)?;
        let database = mysql::Database::new(pool.clone());
        let tokens = MysqlAccessTokenStore::new(&database);
        Ok(Self::new(
            MysqlUserStore::new(&database),
            tokens,
            Kind::Mysql(pool),
        ))
    }

    async fn mongo(url: &str) -> Result<Self, ConfigError> {
        let database = mongo::connect(SETTING, url).await?;
        let users: MongoUserStore = MongoUserStore::builder(&database).build()?;
        let tokens: MongoAccessTokenStore = MongoAccessTokenStore::builder(&database).build()?;
        Ok(Self::new(
            users.clone(),
            tokens.clone(),
            Kind::Mongo(users, tokens),
        ))
    }

    fn new<T>(users: impl UserStore + 'static, tokens: T, kind: Kind) -> Self
    where
        T: AccessTokenStore + PurgeExpired + 'static,
    {
        let tokens = Arc::new(tokens);
        Self {
            users: Arc::new(users),
            tokens: tokens.clone(),
            expired: tokens,
            kind,
        }
    }

    /// Makes the tables or indexes, or brings them up to date.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        match &self.kind {
            Kind::Sqlite(pool) => sqlite::migrate(pool).await,
            Kind::Postgres(pool) => postgres::migrate(pool).await,
            Kind::Mysql(pool) => mysql::migrate(pool).await,
            Kind::Mongo(users, tokens) => {
                users.create_indexes().await?;
                tokens.create_indexes().await
            }
        }
    }
}
