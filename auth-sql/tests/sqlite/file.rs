//! A database in a folder that goes away with the test, and what is put into it.

use std::{path::PathBuf, time::Duration};

use auth_core::{AccessToken, NewUser, PasswordHash, Subject, TokenId, TokenLookup, User};
use auth_sql::sqlite::{self, Database, Pool};
use diesel::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) struct File {
    pub(crate) folder: TempDir,
}

/// In memory where the system has such a place: every commit waits for the disk elsewhere.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_elsewhere| tempfile::tempdir())
        .expect("a folder")
}

impl File {
    pub(crate) fn new() -> Self {
        Self { folder: folder() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }

    pub(crate) async fn pool(&self) -> Pool {
        let location = format!("sqlite://{}", self.path().display());
        let pool = sqlite::connect(&location).await;
        let pool = pool.expect("a database");
        sqlite::migrate(&pool).await.expect("tables");
        pool
    }

    /// Calls that have time: the suite asks for an order of writers, not for speed.
    pub(crate) async fn patient(&self) -> Database {
        let patient = Database::new(self.pool().await).deadline(Duration::from_secs(20));
        patient.expect("a deadline")
    }

    /// A pool of at most `size` connections, none of them open yet.
    pub(crate) async fn small_pool(&self, size: usize) -> Pool {
        drop(self.pool().await);
        let manager = sqlite::manager(&self.path().display().to_string());
        Pool::builder(manager).max_size(size).build().expect("a pool")
    }

    /// A connection that is no part of the pool, as another process has one.
    pub(crate) fn other_process(&self) -> SqliteConnection {
        SqliteConnection::establish(&self.path().display().to_string()).expect("a connection")
    }
}

pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("an instant")
}

pub(crate) fn new_user(name: &str) -> NewUser {
    let mut new = NewUser::new(
        format!("{name}@example.com").parse().expect("an e-mail"),
        (),
        now(),
    );
    new.id = Some(Uuid::now_v7());
    new.password_hash = Some(PasswordHash::new("$argon2id$the-hash"));
    new
}

pub(crate) fn new_token(user: &User, secret: &str) -> (TokenLookup, AccessToken) {
    let key = TokenLookup::new(secret);
    let token = AccessToken::new(TokenId::generate(), key.digest, Subject::new(user.id, 0), now());
    (key, token)
}
