//! The stores of the default tables keep every promise of the suite.

use std::{sync::Arc, time::Duration};

use auth_core::{
    Clock as _, NewUser, SystemClock, UserStore as _,
    conformance::{AccessTokenFixture, UserFixture},
};
use auth_sql::sqlite::{self, Database, SqliteAccessTokenStore, SqliteUserStore};
use tempfile::TempDir;
use uuid::Uuid;

use super::file::folder;

struct Fixture {
    users: Arc<SqliteUserStore>,
    tokens: Arc<SqliteAccessTokenStore>,
    _folder: TempDir,
}

async fn fixture() -> Fixture {
    let folder = folder();
    let location = format!("sqlite://{}", folder.path().join("auth.db").display());
    let pool = sqlite::connect("DATABASE_URL", &location)
        .await
        .expect("a database");
    sqlite::migrate(&pool).await.expect("tables");
    // Many wait for one writer here: the suite asks for an order, not for speed.
    let database = Database::new(pool).deadline(Duration::from_secs(20));
    let database = database.expect("a deadline");
    Fixture {
        users: Arc::new(SqliteUserStore::new(&database)),
        tokens: Arc::new(SqliteAccessTokenStore::new(&database)),
        _folder: folder,
    }
}

impl UserFixture for Fixture {
    type Id = Uuid;
    type Profile = ();
    type Store = SqliteUserStore;

    fn store(&self) -> Arc<SqliteUserStore> {
        Arc::clone(&self.users)
    }

    fn profile(&self, _n: u32) {}
}

impl AccessTokenFixture for Fixture {
    type Id = Uuid;
    type Store = SqliteAccessTokenStore;

    fn store(&self) -> Arc<SqliteAccessTokenStore> {
        Arc::clone(&self.tokens)
    }

    async fn user(&self) -> Uuid {
        let id = Uuid::now_v7();
        let user = NewUser {
            id: Some(id),
            email: format!("{id}@example.com").parse().expect("an e-mail"),
            password_hash: None,
            is_active: true,
            is_superuser: false,
            is_verified: false,
            created_at: SystemClock.now(),
            profile: (),
        };
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

mod purge {
    auth_core::purge_expired_conformance!(super::fixture);
}
