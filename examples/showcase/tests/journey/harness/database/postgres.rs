//! A database on PostgreSQL.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use portcullis::{
    sql::postgres::{self, PostgresUserStore},
    store::UserStore,
};
use tokio_postgres::{Client, NoTls};

use super::{Database, names_on};

const TABLES: &str = "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables \
                      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'";

pub(super) struct Postgres {
    server: String,
    name: String,
    url: String,
    client: Client,
    users: Arc<dyn UserStore>,
}

impl Postgres {
    pub(super) async fn create() -> Self {
        let (server, own, name) = names_on("TEST_POSTGRES_URL");
        let create = format!("CREATE DATABASE {name}");
        let admin = client(server.as_str()).await;
        admin.batch_execute(&create).await.expect("created");
        let pool = postgres::connect(own.as_str()).expect("a URL");
        Self {
            server: server.into(),
            name,
            client: client(own.as_str()).await,
            url: own.into(),
            users: Arc::new(PostgresUserStore::new(pool)),
        }
    }
}

async fn client(url: &str) -> Client {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connected.expect("PostgreSQL");
    // It ends with the client.
    tokio::spawn(connection);
    client
}

#[async_trait]
impl Database for Postgres {
    fn url(&self) -> &str {
        &self.url
    }

    fn users(&self) -> &Arc<dyn UserStore> {
        &self.users
    }

    /// Each table in the binary form, in which text and bytes stand as they are.
    async fn dump(&self) -> Vec<u8> {
        let client = &self.client;
        let mut dump = Vec::new();
        for row in client.query(TABLES, &[]).await.expect("tables") {
            let copy = format!("COPY {} TO STDOUT (FORMAT binary)", row.get::<_, &str>(0));
            let rows = client.copy_out(&copy).await.expect("a copy");
            let chunks: Vec<_> = rows.try_collect().await.expect("rows");
            dump.extend(chunks.concat());
        }
        dump
    }

    async fn clear(&self) {
        let cleared = self.client.batch_execute("DELETE FROM users").await;
        cleared.expect("no users");
    }

    async fn remove(&self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let admin = client(&self.server).await;
        admin.batch_execute(&drop).await.expect("removed");
    }
}
