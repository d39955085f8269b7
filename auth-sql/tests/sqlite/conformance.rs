//! The stores of the default tables keep every promise of the suite.

use std::{sync::Arc, time::Duration};

use auth_core::{
    Clock as _, NewUser, SystemClock, UserStore as _,
    conformance::{AccessTokenFixture, UserFixture},
};
use auth_sql::sqlite::{self, Database, Pool, SqliteAccessTokenStore, SqliteUserStore};
use tempfile::TempDir;
use uuid::Uuid;

use super::file::folder;

struct Fixture {
    users: Arc<SqliteUserStore>,
    tokens: Arc<SqliteAccessTokenStore>,
    folder: TempDir,
}

impl Fixture {
    /// A pool of its own on the same file, as another process has.
    async fn pool(&self) -> Pool {
        open(&self.folder).await
    }

    /// On a pool that was closed.
    async fn closed(&self) -> Pool {
        let pool = self.pool().await;
        pool.close();
        pool
    }
}

async fn open(folder: &TempDir) -> Pool {
    let location = format!("sqlite://{}", folder.path().join("auth.db").display());
    sqlite::connect(&location).await.expect("a database")
}

async fn fixture() -> Fixture {
    let folder = folder();
    let pool = open(&folder).await;
    sqlite::migrate(&pool).await.expect("tables");
    // Many wait for one writer here: the suite asks for an order, not for speed.
    let database = Database::new(pool).deadline(Duration::from_secs(20));
    let database = database.expect("a deadline");
    Fixture {
        users: Arc::new(SqliteUserStore::new(&database)),
        tokens: Arc::new(SqliteAccessTokenStore::new(&database)),
        folder,
    }
}

impl UserFixture for Fixture {
    type Id = Uuid;
    type Profile = ();
    type Store = SqliteUserStore;

    fn store(&self) -> Arc<SqliteUserStore> {
        Arc::clone(&self.users)
    }

    async fn another_process(&self) -> Arc<SqliteUserStore> {
        Arc::new(SqliteUserStore::new(self.pool().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<SqliteUserStore>> {
        Some(Arc::new(SqliteUserStore::new(self.closed().await)))
    }

    fn profile(&self, _n: u32) {}
}

impl AccessTokenFixture for Fixture {
    type Id = Uuid;
    type Store = SqliteAccessTokenStore;

    fn store(&self) -> Arc<SqliteAccessTokenStore> {
        Arc::clone(&self.tokens)
    }

    async fn another_process(&self) -> Arc<SqliteAccessTokenStore> {
        Arc::new(SqliteAccessTokenStore::new(self.pool().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<SqliteAccessTokenStore>> {
        Some(Arc::new(SqliteAccessTokenStore::new(self.closed().await)))
    }

    async fn user(&self, id: Option<Uuid>) -> Uuid {
        let id = id.unwrap_or_else(Uuid::now_v7);
        let mut user = NewUser::new(
            format!("{id}@example.com").parse().expect("an e-mail"),
            (),
            SystemClock.now(),
        );
        user.id = Some(id);
        self.users.insert(user).await.expect("a user");
        id
    }
}

mod users {
    auth_core::user_store_conformance!(super::fixture);
}

mod list {
    auth_core::list_users_conformance!(super::fixture);
}

mod tokens {
    auth_core::access_token_store_conformance!(super::fixture);
}

mod index {
    auth_core::access_token_index_conformance!(super::fixture);
}

mod rotate {
    auth_core::rotate_tokens_conformance!(super::fixture);
}

mod purge {
    auth_core::purge_expired_conformance!(super::fixture);
}
