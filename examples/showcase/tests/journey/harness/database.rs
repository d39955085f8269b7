//! An empty database of a test's own.

mod mariadb;
mod mongodb;
mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use portcullis::store::UserStore;
use reqwest::Url;
use uuid::Uuid;

use super::{Store, place::required};

/// A database that only one test knows of.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// Where the process finds it.
    fn url(&self) -> &str;

    /// The users in it, past the process. Their tables are the process's to make.
    fn users(&self) -> &Arc<dyn UserStore>;

    /// Everything in it, as near to its bytes as the server gives it.
    async fn dump(&self) -> Vec<u8>;

    /// Removes every user, and every token with them.
    async fn clear(&self);

    /// Removes it.
    async fn remove(&self);
}

/// The URL of a server that the environment names, and that of a database on it which nobody else has.
///
/// # Panics
/// If the environment names none.
fn names_on(variable: &str) -> (Url, Url, String) {
    let server: Url = required(variable).parse().expect(variable);
    let name = format!("journey_{}", Uuid::new_v4().simple());
    let mut own = server.clone();
    own.set_path(&name);
    (server, own, name)
}

/// Makes one.
pub(crate) async fn create(store: Store) -> Box<dyn Database> {
    match store {
        Store::Sqlite => Box::new(sqlite::Sqlite::create().await),
        Store::Postgres => Box::new(postgres::Postgres::create().await),
        Store::MariaDb => Box::new(mariadb::MariaDb::create().await),
        Store::MongoDb => Box::new(mongodb::MongoDb::create().await),
    }
}
