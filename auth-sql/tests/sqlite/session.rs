//! Sessions with data.

use std::sync::Arc;

use auth_core::{
    SessionStore as _, StoreErrorKind, StoredSession, Subject, TokenLookup, UserId,
    conformance::SessionFixture,
};
use auth_sql::sqlite::SqliteSessionStore;
use uuid::Uuid;

use super::{
    file::{File, now},
    object_id::ObjectId,
};

/// Ids of many spellings, which show the most.
struct Fixture {
    store: Arc<SqliteSessionStore<String>>,
    file: File,
}

async fn fixture() -> Fixture {
    let file = File::new();
    Fixture {
        store: Arc::new(SqliteSessionStore::new(file.patient().await)),
        file,
    }
}

impl SessionFixture for Fixture {
    type Id = String;
    type Store = SqliteSessionStore<String>;

    fn store(&self) -> Arc<SqliteSessionStore<String>> {
        Arc::clone(&self.store)
    }

    async fn user(&self, id: Option<String>) -> String {
        id.unwrap_or_else(|| Uuid::now_v7().to_string())
    }

    async fn another_process(&self) -> Arc<SqliteSessionStore<String>> {
        Arc::new(SqliteSessionStore::new(self.file.pool().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<SqliteSessionStore<String>>> {
        let pool = self.file.pool().await;
        pool.close();
        Some(Arc::new(SqliteSessionStore::new(pool)))
    }
}

mod store {
    auth_core::session_store_conformance!(super::fixture);
}

mod purge {
    auth_core::purge_sessions_conformance!(super::fixture);
}

fn session_of<Id: UserId>(user_id: Id) -> StoredSession<Id> {
    let mut session = StoredSession::new("{}".to_owned(), now());
    session.subject = Some(Subject::new(user_id, 3));
    session
}

async fn one_table_keeps<Id: UserId>(file: &File, id: Id) {
    let store = SqliteSessionStore::<Id>::new(file.pool().await);
    let (key, session) = (
        TokenLookup::new(&format!("session of {id}")),
        session_of(id.clone()),
    );
    store.create(&key, &session, None).await.expect("a session");
    assert_eq!(store.load(&key).await.expect("an answer"), Some(session));
    assert_eq!(store.delete_all(&id).await.expect("an answer"), 1);
}

#[tokio::test]
async fn one_table_keeps_the_sessions_of_users_with_ids_of_every_type() {
    let file = File::new();
    one_table_keeps(&file, Uuid::now_v7()).await;
    one_table_keeps(&file, 7_i32).await;
    one_table_keeps(&file, i64::MIN).await;
    one_table_keeps(&file, ObjectId::generate().expect("an id")).await;
}

#[tokio::test]
async fn a_user_id_of_another_type_is_a_store_error_that_does_not_repeat_it() {
    let file = File::new();
    let database = file.patient().await;
    let key = TokenLookup::new("id");
    let names = SqliteSessionStore::<String>::new(&database);
    let session = session_of("lancelot".to_owned());
    names.create(&key, &session, None).await.expect("a session");
    let numbers = SqliteSessionStore::<i64>::new(&database);
    let error = numbers.load(&key).await.expect_err("no number");
    assert_eq!(error.kind(), StoreErrorKind::InvalidData, "{error}");
    assert!(!format!("{error:?}").contains("lancelot"), "{error:?}");
}
