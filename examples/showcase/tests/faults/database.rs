//! A database of a test's own, on a server that all tests share.

use std::{env, net::SocketAddr};

use mongodb::bson::{Document, doc};
use mysql_async::prelude::Queryable as _;
use reqwest::Url;
use tokio::sync::RwLock;

use portcullis_support::{in_time, until};

use crate::{server::local, stage::random_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
    MongoDb,
}

pub(crate) struct Database {
    kind: Kind,
    name: String,
    /// Past every proxy.
    url: Url,
}

impl Kind {
    /// To be written by who stops the server, read by who needs it.
    pub(crate) fn lock(self) -> &'static RwLock<()> {
        static LOCKS: [RwLock<()>; 3] = [const { RwLock::const_new(()) }; 3];
        &LOCKS[self as usize]
    }

    /// What the services call it.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::MongoDb => "mongodb",
        }
    }

    /// The server's own URL.
    fn url(self) -> Url {
        let variable = match self {
            Self::Postgres => "TEST_POSTGRES_URL",
            Self::MariaDb => "TEST_MARIADB_URL",
            Self::MongoDb => "TEST_MONGODB_URL",
        };
        let url = env::var(variable).unwrap_or_else(|_absent| panic!("{variable} names the server"));
        url.parse().expect("a URL")
    }
}

impl Database {
    /// A new one, with nothing in it.
    pub(crate) async fn create(kind: Kind) -> Self {
        in_time("a database is made", Self::make(kind)).await
    }

    async fn make(kind: Kind) -> Self {
        let (name, mut url) = (random_name("faults_"), kind.url());
        match kind {
            Kind::Postgres => {
                let client = postgres(url.as_str()).await.expect("PostgreSQL");
                client
                    .batch_execute(&format!("CREATE DATABASE {name}"))
                    .await
                    .expect("created");
            }
            Kind::MariaDb => {
                let mut client = mariadb(url.as_str()).await.expect("MariaDB");
                client
                    .query_drop(format!("CREATE DATABASE {name}"))
                    .await
                    .expect("created");
                client.disconnect().await.expect("an end in order");
            }
            // Made by the first write.
            Kind::MongoDb => {}
        }
        url.set_path(&name);
        Self { kind, name, url }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        assert!(
            matches!(self.url.host_str(), Some("127.0.0.1" | "localhost")),
            "a server on this machine"
        );
        local(self.url.port().expect("a port"))
    }

    /// Its URL for a client that is to connect to `port` instead.
    pub(crate) fn url_at(&self, port: u16) -> String {
        let mut url = self.url.clone();
        url.set_port(Some(port)).expect("a URL with a host");
        url.into()
    }

    /// A session of somebody else.
    pub(crate) async fn postgres(&self) -> tokio_postgres::Client {
        let session = in_time("a session of PostgreSQL", postgres(self.url.as_str()));
        session.await.expect("PostgreSQL")
    }

    /// A session of somebody else.
    pub(crate) async fn mariadb(&self) -> mysql_async::Conn {
        let session = in_time("a session of MariaDB", mariadb(self.url.as_str()));
        session.await.expect("MariaDB")
    }

    /// Waits until the server does.
    pub(crate) async fn answers(&self) {
        let url = self.url.as_str();
        until("the database answers", async || match self.kind {
            Kind::Postgres => postgres(url).await.is_ok(),
            Kind::MariaDb => match mariadb(url).await {
                Ok(client) => client.disconnect().await.is_ok(),
                Err(_) => false,
            },
            Kind::MongoDb => mongodb::Client::with_uri_str(url)
                .await
                .expect("a URL")
                .database("admin")
                .run_command(doc! { "ping": 1 })
                .await
                .is_ok(),
        })
        .await;
    }

    /// The e-mail of every user that it has, sorted.
    pub(crate) async fn emails(&self) -> Vec<String> {
        in_time("the users are read", self.read_emails()).await
    }

    /// How many access tokens it has.
    pub(crate) async fn tokens(&self) -> usize {
        in_time("the tokens are counted", self.count_tokens()).await
    }

    async fn count_tokens(&self) -> usize {
        const COUNT: &str = "SELECT count(*) FROM access_tokens";
        let count = match self.kind {
            Kind::Postgres => {
                let row = self
                    .postgres()
                    .await
                    .query_one(COUNT, &[])
                    .await
                    .expect("a count");
                row.get(0)
            }
            Kind::MariaDb => {
                let mut client = self.mariadb().await;
                let count: i64 = client.query_first(COUNT).await.expect("a count").expect("a row");
                client.disconnect().await.expect("an end in order");
                count
            }
            Kind::MongoDb => {
                let client = mongodb::Client::with_uri_str(&self.url).await.expect("MongoDB");
                let tokens = client
                    .database(&self.name)
                    .collection::<Document>("access_tokens");
                let count = tokens.count_documents(doc! {}).await.expect("a count");
                i64::try_from(count).expect("a few")
            }
        };
        usize::try_from(count).expect("a number of tokens")
    }

    async fn read_emails(&self) -> Vec<String> {
        const ALL: &str = "SELECT email FROM users";
        let mut emails: Vec<String> = match self.kind {
            Kind::Postgres => {
                let rows = self.postgres().await.query(ALL, &[]).await.expect("rows");
                rows.iter().map(|row| row.get(0)).collect()
            }
            Kind::MariaDb => {
                let mut client = self.mariadb().await;
                let emails = client.query(ALL).await.expect("rows");
                client.disconnect().await.expect("an end in order");
                emails
            }
            Kind::MongoDb => {
                let client = mongodb::Client::with_uri_str(&self.url).await.expect("MongoDB");
                let users = client.database(&self.name).collection::<Document>("users");
                let mut found = users.find(doc! {}).await.expect("documents");
                let mut emails = Vec::new();
                while found.advance().await.expect("a document") {
                    let user = found.deserialize_current().expect("a document");
                    emails.push(user.get_str("email").expect("an e-mail").to_owned());
                }
                emails
            }
        };
        emails.sort_unstable();
        emails
    }
}

async fn postgres(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

async fn mariadb(url: &str) -> mysql_async::Result<mysql_async::Conn> {
    mysql_async::Conn::from_url(url).await
}
