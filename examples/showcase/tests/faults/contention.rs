//! Locks: a store that is there, and makes everybody wait.

use std::time::Duration;

use futures_util::future::join_all;
use mysql_async::prelude::Queryable as _;
use reqwest::Method;
use tokio::time::sleep;

use portcullis_support::{in_time, until};

use crate::{
    database::{Database, Kind},
    outage::RECOVERY,
    site::{Answer, Call, Credential, PASSWORD, Site, address},
    stage::{Place, Stage, Store},
};

/// More than the pool has connections.
const CROWD: usize = 40;

/// A session of somebody else's, which holds locks until it is dropped.
enum Other {
    Postgres(tokio_postgres::Client),
    MariaDb(mysql_async::Conn),
}

impl Other {
    async fn connect(kind: Kind, database: &Database) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(database.postgres().await),
            Kind::MariaDb => Self::MariaDb(database.mariadb().await),
            Kind::MongoDb => unreachable!("no locks to hold"),
        }
    }

    async fn run(&mut self, sql: &str) {
        match self {
            Self::Postgres(client) => in_time(sql, client.batch_execute(sql)).await.expect(sql),
            Self::MariaDb(client) => in_time(sql, client.query_drop(sql)).await.expect(sql),
        }
    }

    /// Waits until a deletion waits for a lock that this session holds.
    async fn is_in_the_way(&mut self) {
        until("somebody waits for the lock", async || self.waiting().await > 0).await;
    }

    async fn waiting(&mut self) -> i64 {
        match self {
            Self::Postgres(client) => {
                let ask = "SELECT count(*) FROM pg_locks \
                           WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
                client.query_one(ask, &[]).await.expect("a count").get(0)
            }
            Self::MariaDb(client) => {
                // It tells of locks only whoever may see what everybody does: a deletion takes that long where it waits.
                let ask = "SELECT count(*) FROM information_schema.processlist \
                           WHERE db = database() AND info LIKE 'DELETE%' AND time_ms > 100";
                client.query_first(ask).await.expect("a count").expect("a row")
            }
        }
    }

    /// How many deadlocks the server has found so far.
    async fn deadlocks(&mut self) -> i64 {
        match self {
            Self::Postgres(client) => {
                let ask = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
                client.query_one(ask, &[]).await.expect("a count").get(0)
            }
            Self::MariaDb(client) => {
                let ask = "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'";
                let (_, count): (String, i64) =
                    client.query_first(ask).await.expect("a count").expect("a row");
                count
            }
        }
    }
}

/// While every connection of the pool waits for a lock, whoever needs one is told in time, and others are served.
pub(crate) async fn exhausted_pool(kind: Kind) {
    let stage = Stage::start(Store::Database(kind)).await;
    let (_showcase, site) = stage.ready().await;
    let ada = site.person("ada").await;
    let credential = site.credential("db", &ada).await;
    let Place::Database(database) = &stage.place else {
        unreachable!("a database")
    };
    let mut other = Other::connect(kind, database).await;
    let (lock, unlock) = match kind {
        Kind::Postgres => ("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE", "ROLLBACK"),
        _ => ("LOCK TABLES users WRITE", "UNLOCK TABLES"),
    };
    other.run(lock).await;
    for _round in 0..2 {
        let mut calls: Vec<_> = (0..CROWD).map(|_| site.read(&credential).in_crowd()).collect();
        calls.push(site.log_in("db", &ada, PASSWORD));
        calls.push(site.register(&address("ben")));
        let calls = join_all(calls.into_iter().map(|call| call.send()));
        let (answers, ()) = tokio::join!(calls, async {
            // By now no connection is left.
            sleep(Duration::from_millis(500)).await;
            site.serves_what_needs_no_store().await;
        });
        for answer in answers {
            answer.is_unavailable_in_time();
        }
    }
    other.run(unlock).await;
    site.recovers(&credential, RECOVERY).await;
    for answer in join_all((0..CROWD).map(|_| site.read(&credential).send())).await {
        answer.is(200);
    }
    site.credential("db", &ada).await;
}

/// The transaction that the server undoes to end a deadlock is made again, and its client learns nothing of it.
pub(crate) async fn deadlock(kind: Kind) {
    let (stage, king) = with_superuser(Store::Database(kind)).await;
    let (_showcase, site) = stage.ready().await;
    let king = site.credential("db", &king).await;
    let ben = site.person("ben").await;
    let credential = site.credential("db", &ben).await;
    let id = id(&site, &credential).await;
    let Place::Database(database) = &stage.place else {
        unreachable!("a database")
    };
    let mut other = Other::connect(kind, database).await;
    // A table of the application's own, whose rows go with their user.
    let id_type = match kind {
        Kind::MariaDb => "binary(16)",
        _ => "uuid",
    };
    other
        .run(&format!(
            "CREATE TABLE notes (user_id {id_type} NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)"
        ))
        .await;
    other
        .run("INSERT INTO notes SELECT id FROM users WHERE email LIKE 'ben@%'")
        .await;
    if kind == Kind::MariaDb {
        other
            .run("CREATE TABLE written (n int) SELECT seq AS n FROM seq_1_to_1000")
            .await;
    }
    let mut deleted = in_a_circle(&mut other, kind, delete(&site, &king, &id)).await;
    for _again in 0..2 {
        // PostgreSQL takes half of the deadline to see a deadlock, and a machine that is busy the rest.
        if deleted.status == 503 {
            deleted.is_unavailable_in_time();
            deleted = in_a_circle(&mut other, kind, delete(&site, &king, &id)).await;
        }
    }
    deleted.is(204);
    site.read(&credential).send().await.is(401);
    site.log_in("db", &ben, PASSWORD).send().await.is(400);
}

/// What a deletion of Ben is answered whose transaction waits for another's, which comes to wait for it.
async fn in_a_circle(other: &mut Other, kind: Kind, delete: Call) -> Answer {
    let before = other.deadlocks().await;
    if kind == Kind::MariaDb {
        // It undoes the one that has written less.
        other.run("START TRANSACTION").await;
        other.run("UPDATE written SET n = n + 1").await;
    } else {
        other.run("BEGIN").await;
    }
    other.run("SELECT 1 FROM notes FOR UPDATE").await;
    let (deleted, ()) = tokio::join!(delete.send(), async {
        // It has the user by then, and waits for the note. PostgreSQL undoes whoever has waited for a second first.
        other.is_in_the_way().await;
        other
            .run("SELECT 1 FROM users WHERE email LIKE 'ben@%' FOR UPDATE")
            .await;
        other.run("ROLLBACK").await;
    });
    until("the deadlock is counted", async || {
        other.deadlocks().await > before
    })
    .await;
    deleted
}

/// Log-ins, changes of password and the end of one user at once are each done or "not now".
pub(crate) async fn crowded_user(store: Store) {
    let (stage, king) = with_superuser(store).await;
    let (_showcase, site) = stage.ready().await;
    let backend = store.bearer();
    let king = site.credential(backend, &king).await;
    for round in 0..3 {
        let email = site.person(&format!("victim-{round}")).await;
        let credential = site.credential(backend, &email).await;
        let id = id(&site, &credential).await;
        let log_ins = join_all((0..6).map(|_| site.log_in(backend, &email, PASSWORD).send()));
        let next = format!("{PASSWORD}, {round}");
        let changes = join_all((0..2).map(|_| site.change_password(&credential, &next).send()));
        let end = async {
            sleep(Duration::from_millis(50 * round)).await;
            delete(&site, &king, &id).send().await
        };
        let (log_ins, changes, deleted) = tokio::join!(log_ins, changes, end);

        let mut credentials = vec![credential];
        for answer in log_ins {
            match answer.status {
                200 => credentials.push(Credential::issued(backend, &answer)),
                400 => assert_eq!(answer.body, r#"{"detail":"LOGIN_BAD_CREDENTIALS"}"#),
                _ => answer.is_unavailable(),
            }
        }
        for answer in changes {
            assert!(
                [200, 401].contains(&answer.status) || {
                    answer.is_unavailable();
                    true
                },
                "{answer:?}"
            );
        }
        if deleted.status == 503 {
            deleted.is_unavailable();
            // It may have been done all the same.
            let again = delete(&site, &king, &id).send().await;
            assert!([204, 404].contains(&again.status), "{again:?}");
        } else {
            deleted.is(204);
        }
        for credential in &credentials {
            site.read(credential).send().await.is(401);
        }
        for password in [PASSWORD, &next] {
            site.log_in(backend, &email, password).send().await.is(400);
        }
    }
}

async fn with_superuser(store: Store) -> (Stage, String) {
    let king = address("king");
    let mut stage = Stage::start(store).await;
    stage
        .environment
        .push(("SUPERUSER".to_owned(), format!("{king}:{PASSWORD}")));
    (stage, king)
}

async fn id(site: &Site, credential: &Credential) -> String {
    let me = site.me(credential).send().await.json();
    me["id"].as_str().expect("an id").to_owned()
}

fn delete(site: &Site, king: &Credential, id: &str) -> crate::site::Call {
    site.call(Method::DELETE, &format!("/users/{id}")).with(king)
}
