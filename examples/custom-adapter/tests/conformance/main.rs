//! The stores keep every promise of the public suite, and what they keep outlives the process.

mod disk;
mod readme;

use std::{path::Path, sync::Arc};

use custom_adapter::{Database, RedbAccessTokenStore, RedbUserStore};
use portcullis::{
    User,
    store::{
        AccessToken, AccessTokenStore as _, Clock as _, NewUser, Subject, SystemClock, TokenDigest, TokenId,
        TokenLookup, UserStore as _,
    },
    testing::conformance::{AccessTokenFixture, UserFixture},
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use uuid::Uuid;

struct Stores {
    users: Arc<RedbUserStore>,
    tokens: Arc<RedbAccessTokenStore>,
    database: Database,
    folder: TempDir,
}

async fn stores() -> Stores {
    // In memory where the system has such a place: many wait for one writer here, and every commit for the disk elsewhere.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_elsewhere| tempfile::tempdir())
        .expect("a folder");
    let database = open(folder.path());
    Stores {
        users: Arc::new(RedbUserStore(database.clone())),
        tokens: Arc::new(RedbAccessTokenStore(database.clone())),
        database,
        folder,
    }
}

fn open(folder: &Path) -> Database {
    Database::open(folder.join("app.redb")).expect("a database")
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reader {
    first_name: String,
    age: Option<u32>,
}

impl UserFixture for Stores {
    type Id = Uuid;
    type Profile = Reader;
    type Store = RedbUserStore;

    fn store(&self) -> Arc<RedbUserStore> {
        Arc::clone(&self.users)
    }

    async fn another_process(&self) -> Arc<RedbUserStore> {
        Arc::new(RedbUserStore(self.database.clone()))
    }

    async fn out_of_reach(&self) -> Option<Arc<RedbUserStore>> {
        Some(Arc::new(RedbUserStore(disk::unplugged())))
    }

    fn profile(&self, n: u32) -> Reader {
        Reader {
            first_name: format!("Zoë \"{n}\""),
            age: n.is_multiple_of(2).then_some(n),
        }
    }
}

impl AccessTokenFixture for Stores {
    type Id = Uuid;
    type Store = RedbAccessTokenStore;

    fn store(&self) -> Arc<RedbAccessTokenStore> {
        Arc::clone(&self.tokens)
    }

    async fn user(&self, id: Option<Uuid>) -> Uuid {
        id.unwrap_or_else(Uuid::now_v7)
    }

    /// One process alone can open the file, so that another store in this one has to do.
    async fn another_process(&self) -> Arc<RedbAccessTokenStore> {
        Arc::new(RedbAccessTokenStore(self.database.clone()))
    }

    /// With a server it would be a client of `127.0.0.1:1`, where nobody listens.
    async fn out_of_reach(&self) -> Option<Arc<RedbAccessTokenStore>> {
        Some(Arc::new(RedbAccessTokenStore(disk::unplugged())))
    }
}

mod users {
    portcullis::testing::user_store_conformance!(super::stores);
}

mod tokens {
    portcullis::testing::access_token_store_conformance!(super::stores);
}

mod token_index {
    portcullis::testing::access_token_index_conformance!(super::stores);
}

mod token_rotation {
    portcullis::testing::rotate_tokens_conformance!(super::stores);
}

mod token_purge {
    portcullis::testing::purge_expired_conformance!(super::stores);
}

#[tokio::test]
async fn users_and_tokens_are_there_when_the_file_is_opened_again() {
    let Stores {
        users,
        tokens,
        database,
        folder,
    } = stores().await;
    let now = SystemClock.now();
    let mut user = NewUser::new("arthur@camelot.example".parse().expect("an e-mail"), (), now);
    user.id = Some(Uuid::now_v7());
    let user = users.insert(user).await.expect("inserted");
    let token = AccessToken::new(
        TokenId::generate(),
        TokenDigest::new("a token"),
        Subject::new(user.id, user.security_epoch),
        now,
    );
    tokens.insert(&token, None).await.expect("inserted");
    drop((users, tokens, database));

    let database = open(folder.path());
    let found: Option<User> = RedbUserStore(database.clone())
        .find(&user.id)
        .await
        .expect("an answer");
    assert_eq!(found.expect("the user").email, user.email);
    let found = RedbAccessTokenStore(database)
        .find(&TokenLookup::new("a token"))
        .await;
    assert_eq!(found.expect("an answer"), Some(token));
}
