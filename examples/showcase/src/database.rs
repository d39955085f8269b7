//! The database that the scheme of `DATABASE_URL` names.

use std::sync::Arc;

use portcullis::{
    ConfigError, StoreError,
    mongo::{self, MongoAccessTokenStore, MongoUserStore},
    sql::{
        mysql::{self, MysqlAccessTokenStore, MysqlUserStore},
        postgres::{self, PostgresAccessTokenStore, PostgresUserStore},
        sqlite::{self, SqliteAccessTokenStore, SqliteUserStore},
    },
    store::{PurgeExpired, RotateTokens, UserStore},
};

/// The name of the setting, for errors. The URL itself is never in one: it may hold a password.
const SETTING: &str = "DATABASE_URL";

/// The stores on one database.
pub(crate) struct Database {
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) tokens: Arc<dyn RotateTokens>,
    pub(crate) expired: Arc<dyn PurgeExpired>,
    kind: Kind,
}

/// The handle that creates its tables or indexes.
enum Kind {
    Sqlite(sqlite::Pool),
    Postgres(postgres::Pool),
    Mysql(mysql::Pool),
    Mongo(MongoUserStore, MongoAccessTokenStore),
}

impl Database {
    /// The database at `url`. A server need not be running yet.
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
                let problem = "is not one of sqlite://FILE, postgres://…, mysql://… and mongodb://…";
                Err(ConfigError::new(SETTING, problem))
            }
        }
    }

    async fn sqlite(url: &str) -> Result<Self, ConfigError> {
        let pool = sqlite::connect(url).await.map_err(in_setting)?;
        let database = sqlite::Database::new(pool.clone());
        let tokens = SqliteAccessTokenStore::new(&database);
        Ok(Self::new(
            SqliteUserStore::new(&database),
            tokens,
            Kind::Sqlite(pool),
        ))
    }

    fn postgres(url: &str) -> Result<Self, ConfigError> {
        let pool = postgres::connect(url).map_err(in_setting)?;
        let database = postgres::Database::new(pool.clone());
        let tokens = PostgresAccessTokenStore::new(&database);
        Ok(Self::new(
            PostgresUserStore::new(&database),
            tokens,
            Kind::Postgres(pool),
        ))
    }

    fn mysql(url: &str) -> Result<Self, ConfigError> {
        let pool = mysql::connect(url).map_err(in_setting)?;
        let database = mysql::Database::new(pool.clone());
        let tokens = MysqlAccessTokenStore::new(&database);
        Ok(Self::new(
            MysqlUserStore::new(&database),
            tokens,
            Kind::Mysql(pool),
        ))
    }

    async fn mongo(url: &str) -> Result<Self, ConfigError> {
        let database = mongo::connect(&named(url)).await.map_err(in_setting)?;
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
        T: RotateTokens + PurgeExpired + 'static,
    {
        let tokens = Arc::new(tokens);
        Self {
            users: Arc::new(users),
            tokens: tokens.clone(),
            expired: tokens,
            kind,
        }
    }

    /// Creates the tables or indexes, or brings them up to date.
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

fn in_setting(error: ConfigError) -> ConfigError {
    error.in_setting(SETTING)
}

/// `url` of MongoDB, with the database `showcase` if it names none.
fn named(url: &str) -> String {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let (_scheme, hosts) = address.split_once("://").unwrap_or(("", address));
    if hosts.split_once('/').is_some_and(|(_, name)| !name.is_empty()) {
        return url.to_owned();
    }
    let mut named = format!("{}/showcase?{options}", address.trim_end_matches('/'));
    // The user of a URL without a database is in `admin`, otherwise in that database.
    if hosts.contains('@') && !options.to_ascii_lowercase().contains("authsource=") {
        named += if options.is_empty() {
            "authSource=admin"
        } else {
            "&authSource=admin"
        };
    }
    named.trim_end_matches('?').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_database_of_mongodb_without_a_name_is_called_showcase_and_its_user_is_one_of_admin() {
        for (url, name, source) in [
            ("mongodb://localhost", "showcase", None),
            ("mongodb://localhost/", "showcase", None),
            ("mongodb://a:1,b:2/?replicaSet=rs", "showcase", None),
            ("mongodb://root:secret@localhost", "showcase", Some("admin")),
            (
                "mongodb://root:secret@localhost/?retryReads=false",
                "showcase",
                Some("admin"),
            ),
            (
                "mongodb://root:secret@localhost?authSource=users",
                "showcase",
                Some("users"),
            ),
            ("mongodb://root:secret@localhost/app", "app", Some("app")),
            (
                "mongodb://root:secret@localhost/app?authSource=admin",
                "app",
                Some("admin"),
            ),
        ] {
            let database = mongo::connect(&named(url)).await.expect(url);
            assert_eq!(database.name(), name, "{url}");
            let options = mongo::mongodb::options::ClientOptions::parse(named(url))
                .await
                .expect(url);
            let credential = options.credential.and_then(|credential| credential.source);
            assert_eq!(credential.as_deref(), source, "{url}");
        }
    }
}
