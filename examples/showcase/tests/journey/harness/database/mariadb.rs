//! A database on MariaDB.

use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::{Conn, Pool, Row, Value, prelude::Queryable as _};
use portcullis::{
    sql::mysql::{self, MysqlUserStore},
    store::UserStore,
};

use super::{Database, names_on};

pub(super) struct MariaDb {
    server: String,
    name: String,
    url: String,
    pool: Pool,
    users: Arc<dyn UserStore>,
}

impl MariaDb {
    pub(super) async fn create() -> Self {
        let (server, own, name) = names_on("TEST_MARIADB_URL");
        execute(server.as_str(), &format!("CREATE DATABASE {name}")).await;
        let pool = mysql::connect(own.as_str()).expect("a URL");
        Self {
            server: server.into(),
            name,
            pool: Pool::from_url(own.as_str()).expect("a URL"),
            url: own.into(),
            users: Arc::new(MysqlUserStore::new(pool)),
        }
    }
}

async fn execute(url: &str, statement: &str) {
    let mut client = Conn::from_url(url).await.expect("MariaDB");
    client.query_drop(statement).await.expect(statement);
    client.disconnect().await.expect("an end in order");
}

#[async_trait]
impl Database for MariaDb {
    fn url(&self) -> &str {
        &self.url
    }

    fn users(&self) -> &Arc<dyn UserStore> {
        &self.users
    }

    /// Each value of each table, as it comes.
    async fn dump(&self) -> Vec<u8> {
        let mut client = self.pool.get_conn().await.expect("MariaDB");
        let tables: Vec<String> = client.query("SHOW TABLES").await.expect("tables");
        let mut dump = Vec::new();
        for table in tables {
            let select = format!("SELECT * FROM `{table}`");
            let rows: Vec<Row> = client.query(select).await.expect("rows");
            for value in rows.into_iter().flat_map(Row::unwrap) {
                // By the text protocol, all that is not NULL comes as bytes.
                if let Value::Bytes(bytes) = value {
                    dump.extend(bytes);
                    dump.push(b'\n');
                }
            }
        }
        dump
    }

    async fn clear(&self) {
        let mut client = self.pool.get_conn().await.expect("MariaDB");
        client.query_drop("DELETE FROM users").await.expect("no users");
    }

    async fn remove(&self) {
        execute(&self.server, &format!("DROP DATABASE {}", self.name)).await;
    }
}
