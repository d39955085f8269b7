//! The stores that a service can be measured on: each a new, empty one, which is removed again.

use std::{env, future::pending, sync::Arc, thread};

use actix_web::web::ServiceConfig;
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use portcullis::{
    SigningSecret,
    mongo::{
        self, MongoAccessTokenStore, MongoUserStore,
        mongodb::{self, bson::doc},
    },
    redis::{self, Redis, RedisAccessTokenStore, fred::interfaces::ClientLike as _},
    sql::{
        mysql::{self, MysqlAccessTokenStore, MysqlUserStore},
        postgres::{self, PostgresAccessTokenStore, PostgresUserStore},
        sqlite::{self, SqliteAccessTokenStore, SqliteUserStore},
    },
    store::{RotateTokens, UserStore},
};
use tempfile::TempDir;
use tokio::{runtime::Builder, sync::oneshot};
use uuid::Uuid;

use crate::{Fallible, hand_written};

/// What can be measured, by name, and the variable that names its server.
pub(crate) const STORES: [(&str, Option<&str>); 5] = [
    ("sqlite", None),
    ("postgres", Some("TEST_POSTGRES_URL")),
    ("mariadb", Some("TEST_MARIADB_URL")),
    ("mongodb", Some("TEST_MONGODB_URL")),
    ("redis", Some("TEST_REDIS_URL")),
];

pub(crate) struct Store {
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) tokens: Arc<dyn RotateTokens>,
    engine: Engine,
}

/// Routes of a handler, whichever store it is for.
pub(crate) type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

enum Engine {
    Sqlite(Sqlite),
    Postgres {
        pool: postgres::Pool,
        server: postgres::Pool,
        url: String,
        name: String,
    },
    Mariadb {
        pool: mysql::Pool,
        server: mysql::Pool,
        url: String,
        name: String,
    },
    Mongodb {
        database: mongodb::Database,
        url: String,
    },
    /// The users are on SQLite.
    Redis {
        tokens: redis::Pool,
        url: String,
        prefix: String,
        users: Sqlite,
    },
}

struct Sqlite {
    pool: sqlite::Pool,
    location: String,
    _folder: TempDir,
}

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

impl Sqlite {
    async fn open() -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        let location = folder.path().join("bench.db").display().to_string();
        let pool = sqlite::connect(&location).await?;
        sqlite::migrate(&pool).await?;
        Ok(Self {
            pool,
            location,
            _folder: folder,
        })
    }
}

impl Store {
    /// The store called `name`, on the server that its variable names; `None` where that is not set.
    pub(crate) async fn open(name: &str) -> Fallible<Option<Self>> {
        let Some((_, variable)) = STORES.iter().find(|store| store.0 == name) else {
            return Err(format!("no store `{name}`").into());
        };
        let url = match variable.map(env::var) {
            None => String::new(),
            Some(Ok(url)) => url,
            Some(Err(_absent)) => return Ok(None),
        };
        let own_name = format!("bench_{}", Uuid::new_v4().simple());
        let opened = match name {
            "postgres" => Self::postgres(&url, own_name).await,
            "mariadb" => Self::mariadb(&url, own_name).await,
            "mongodb" => Self::mongodb(&url, &own_name).await,
            "redis" => Self::redis(&url, own_name).await,
            _ => Self::sqlite().await,
        };
        opened.map(Some)
    }

    pub(crate) async fn sqlite() -> Fallible<Self> {
        let sqlite = Sqlite::open().await?;
        Ok(Self {
            users: Arc::new(SqliteUserStore::new(&sqlite.pool)),
            tokens: Arc::new(SqliteAccessTokenStore::new(&sqlite.pool)),
            engine: Engine::Sqlite(sqlite),
        })
    }

    async fn postgres(url: &str, name: String) -> Fallible<Self> {
        let server = postgres::connect(url)?;
        server
            .get()
            .await?
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await?;
        let url = beside(url, &name);
        let pool = postgres::connect(&url)?;
        postgres::migrate(&pool).await?;
        Ok(Self {
            users: Arc::new(PostgresUserStore::new(&pool)),
            tokens: Arc::new(PostgresAccessTokenStore::new(&pool)),
            engine: Engine::Postgres {
                pool,
                server,
                url,
                name,
            },
        })
    }

    async fn mariadb(url: &str, name: String) -> Fallible<Self> {
        let server = mysql::connect(url)?;
        server
            .get()
            .await?
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await?;
        let url = beside(url, &name);
        let pool = mysql::connect(&url)?;
        mysql::migrate(&pool).await?;
        Ok(Self {
            users: Arc::new(MysqlUserStore::new(&pool)),
            tokens: Arc::new(MysqlAccessTokenStore::new(&pool)),
            engine: Engine::Mariadb {
                pool,
                server,
                url,
                name,
            },
        })
    }

    async fn mongodb(url: &str, name: &str) -> Fallible<Self> {
        let url = beside(url, name);
        let database = mongodb_at(&url).await?;
        let users = MongoUserStore::builder(&database).build()?;
        let tokens = MongoAccessTokenStore::builder(&database).build()?;
        users.create_indexes().await?;
        tokens.create_indexes().await?;
        Ok(Self {
            users: Arc::new(users),
            tokens: Arc::new(tokens),
            engine: Engine::Mongodb { database, url },
        })
    }

    async fn redis(url: &str, name: String) -> Fallible<Self> {
        let users = Sqlite::open().await?;
        let tokens = redis_at(url).await?;
        let prefix = format!("{name}:");
        let redis = Redis::new(tokens.clone()).prefix(&prefix)?;
        redis.ping().await?;
        Ok(Self {
            users: Arc::new(SqliteUserStore::new(&users.pool)),
            tokens: Arc::new(RedisAccessTokenStore::new(&redis)),
            engine: Engine::Redis {
                tokens,
                url: url.to_owned(),
                prefix,
                users,
            },
        })
    }

    /// `/protected/db` as a careful hand would write it on this store; on SQLite `/users/me`, too, and on Redis `/log-in`.
    pub(crate) async fn by_hand(&self, secret: &SigningSecret) -> Fallible<Routes> {
        Ok(match &self.engine {
            Engine::Sqlite(sqlite) => {
                let pool = sqlite::connect(&sqlite.location).await?;
                Arc::new(hand_written::sqlite::routes(pool, secret))
            }
            Engine::Postgres { url, .. } => {
                let pool = postgres::connect(url)?;
                Arc::new(hand_written::postgres::routes(pool))
            }
            Engine::Mariadb { url, .. } => {
                let pool = mysql::connect(url)?;
                Arc::new(hand_written::mariadb::routes(pool))
            }
            Engine::Mongodb { url, .. } => Arc::new(hand_written::mongodb::routes(&mongodb_at(url).await?)),
            Engine::Redis {
                url, prefix, users, ..
            } => {
                let pool = sqlite::connect(&users.location).await?;
                Arc::new(hand_written::redis::routes(
                    redis_at(url).await?,
                    prefix,
                    pool,
                    secret,
                ))
            }
        })
    }

    /// Closes the connections that this thread opened, and so drives: each server is to have its own.
    pub(crate) fn hand_over(&self) {
        match &self.engine {
            Engine::Postgres { pool, .. } => drop(pool.retain(|_connection, _metrics| false)),
            Engine::Mariadb { pool, .. } => drop(pool.retain(|_connection, _metrics| false)),
            Engine::Sqlite(_) | Engine::Mongodb { .. } | Engine::Redis { .. } => {}
        }
    }

    /// Has the server do now what it does by itself every now and then: PostgreSQL makes room where rows were replaced.
    pub(crate) async fn tidy(&self) -> Fallible<()> {
        if let Engine::Postgres { pool, .. } = &self.engine {
            pool.get().await?.batch_execute("VACUUM access_tokens").await?;
        }
        Ok(())
    }

    /// What the tokens take, with their indexes: of memory in Redis, on the disk elsewhere.
    pub(crate) async fn bytes(&self) -> Fallible<u64> {
        let bytes = match &self.engine {
            Engine::Sqlite(sqlite) => {
                let size =
                    "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()";
                let mut connection = sqlite.pool.get().await?;
                sql_query(size).get_result::<Bytes>(&mut connection).await?.bytes
            }
            Engine::Postgres { pool, .. } => {
                let size = "SELECT pg_total_relation_size('access_tokens') AS bytes";
                let mut connection = pool.get().await?;
                sql_query(size).get_result::<Bytes>(&mut connection).await?.bytes
            }
            Engine::Mariadb { pool, name, .. } => {
                let size = format!(
                    "SELECT CAST(data_length + index_length AS SIGNED) AS bytes FROM information_schema.tables \
                     WHERE table_schema = '{name}' AND table_name = 'access_tokens'"
                );
                let mut connection = pool.get().await?;
                connection.batch_execute("ANALYZE TABLE access_tokens").await?;
                sql_query(size).get_result::<Bytes>(&mut connection).await?.bytes
            }
            Engine::Mongodb { database, .. } => {
                let stats = database
                    .run_command(doc! { "collStats": "access_tokens" })
                    .await?;
                let number = |name| {
                    stats
                        .get_i64(name)
                        .or_else(|_| stats.get_i32(name).map(i64::from))
                        .or_else(|_| stats.get_f64(name).map(|bytes| bytes as i64))
                };
                number("storageSize")? + number("totalIndexSize")?
            }
            Engine::Redis { tokens, .. } => {
                let info: String = tokens.info(Some(redis::fred::types::InfoKind::Memory)).await?;
                let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
                used.ok_or("no used_memory")?.trim().parse()?
            }
        };
        Ok(bytes.try_into()?)
    }

    /// Removes what was made, but for the keys of Redis, which expire.
    pub(crate) async fn remove(self) -> Fallible<()> {
        match self.engine {
            Engine::Postgres {
                pool, server, name, ..
            } => {
                drop((self.users, self.tokens));
                pool.close();
                let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                server.get().await?.batch_execute(&drop).await?;
            }
            Engine::Mariadb { server, name, .. } => {
                server
                    .get()
                    .await?
                    .batch_execute(&format!("DROP DATABASE {name}"))
                    .await?;
            }
            Engine::Mongodb { database, .. } => database.drop().await?,
            Engine::Sqlite(_) | Engine::Redis { .. } => {}
        }
        Ok(())
    }
}

pub(crate) async fn redis_at(url: &str) -> Fallible<redis::Pool> {
    let url = url.to_owned();
    Ok(driven(async move { redis::connect(&url).await }).await??)
}

async fn mongodb_at(url: &str) -> Fallible<mongodb::Database> {
    let url = url.to_owned();
    Ok(driven(async move { mongo::connect(&url).await }).await??)
}

/// What `connect` opens, driven by a thread of its own, as by the main thread of an application, and not by the one of the
/// clients.
async fn driven<T: Send + 'static>(connect: impl Future<Output = T> + Send + 'static) -> Fallible<T> {
    let (tell, told) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async {
            // Nobody listens where the benchmark is over.
            let _told = tell.send(connect.await);
            pending::<()>().await;
        });
    });
    Ok(told.await?)
}

/// The URL of the database `name` on the server of `url`.
fn beside(url: &str, name: &str) -> String {
    let (server, _database) = url.rsplit_once('/').unwrap_or((url, ""));
    format!("{server}/{name}")
}
