//! Nothing is told that is not so.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use portcullis::{
    StoreError, User, async_trait,
    store::{InsertUserError, NewUser, NormalizedEmail, UpdateUserError, UserStore},
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, Stores, address, person},
    names,
};

/// What becomes of a write.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// It does not reach the store.
    Down,
    /// The answer is lost.
    Lost,
}

/// Users in memory, behind a connection that fails.
struct Users {
    stored: MemoryUserStore,
    fault: Mutex<Fault>,
    reads: AtomicUsize,
}

impl Users {
    fn write<T, E: From<StoreError>>(&self, written: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let gone = || E::from(StoreError::unreachable("users", "connection reset by peer"));
        match *self.fault.lock().expect("lock") {
            Fault::None => written(),
            Fault::Down => Err(gone()),
            Fault::Lost => written().and_then(|_lost| Err(gone())),
        }
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    use futures_util::FutureExt as _;

    future.now_or_never().expect("in memory")
}

#[async_trait]
impl UserStore for Users {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.write(|| now(self.stored.insert(user)))
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.stored.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.stored.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.write(|| now(self.stored.update(user)))
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.write(|| now(self.stored.delete(id)))
    }
}

#[test]
fn e3_a_store_that_fails_or_loses_its_answer_is_told_as_no_success() {
    let users = Arc::new(Users {
        stored: MemoryUserStore::new(),
        fault: Mutex::new(Fault::None),
        reads: AtomicUsize::new(0),
    });
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.stores = Some(Stores {
        users: users.clone(),
        tokens: Arc::new(MemoryAccessTokenStore::new()),
        pool: None,
    });
    blueprint.run(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        for (n, fault) in [Fault::Down, Fault::Lost].into_iter().enumerate() {
            let (known, new) = (format!("known{n}"), format!("new{n}"));
            let id = service.seed(person(&known)).await.id;
            let email = address(&known);
            let (verify, reset) = (
                service.verify_token(&email).await,
                service.reset_token(&email).await,
            );
            let pass = service.pass(Kind::DbBearer, &email).await;
            service.events().await;
            *users.fault.lock().expect("lock") = fault;
            let register = json!({"email": address(&new), "password": PASSWORD});
            let unavailable = async |answer: crate::harness::Answer, name: &str| {
                answer.is_error(503, "Service Unavailable");
                assert_eq!(names(service).await, [format!("{name}: unavailable")]);
            };
            let answer = service.post_json("/auth/register", register).await;
            unavailable(answer, "registration_refused").await;
            let answer = service.post_json("/auth/verify", json!({"token": verify})).await;
            unavailable(answer, "verification_refused").await;
            let everywhere = service.post("/auth/logout-everywhere").with(&pass);
            unavailable(everywhere.send().await, "log_out_refused").await;
            let path = format!("/users/{id}");
            let patch = service.patch(&path).json(&json!({"is_superuser": true}));
            unavailable(patch.with(&king).send().await, "update_refused").await;
            let body = json!({"token": reset, "password": NEW_PASSWORD});
            let answer = service.post_json("/auth/reset-password", body).await;
            // A lost write of before has changed what the token is bound to.
            let told = match fault {
                Fault::Lost => names(service).await,
                _ => {
                    unavailable(answer, "password_reset_refused").await;
                    Vec::new()
                }
            };
            assert!(told.iter().all(|name| name.starts_with("password_reset_refused")));
            let delete = service.delete(&path).with(&king).send().await;
            unavailable(delete, "deletion_refused").await;
            *users.fault.lock().expect("lock") = Fault::None;
        }
        assert!(users.reads.load(Ordering::SeqCst) > 0);
    });
}

#[test]
fn e3_a_log_in_whose_old_credential_cannot_be_ended_is_told_as_refused_and_not_as_a_log_in() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("bors")).await;
        let old = service.pass(Kind::DbBearer, &address("bors")).await;
        service.events().await;
        let trigger =
            "CREATE TRIGGER stuck BEFORE DELETE ON access_tokens BEGIN SELECT RAISE(ABORT, 'stuck'); END";
        let database = portcullis::sql::sqlite::Database::new(service.pool.clone().expect("SQLite"));
        let run = |connection: &mut diesel::SqliteConnection| {
            diesel::connection::SimpleConnection::batch_execute(connection, trigger)
        };
        database.write(run).await.expect("run");
        let form = [("username", &*address("bors")), ("password", PASSWORD)];
        let again = service.post(&Kind::DbBearer.login()).form(&form).with(&old);
        again.send().await.is_error(503, "Service Unavailable");
        assert_eq!(names(service).await, ["log_in_refused: unavailable"]);
    });
}
