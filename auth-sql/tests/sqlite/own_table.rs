//! An application's own tables, columns, ids and profile, through the macros.

use std::{sync::Arc, time::Duration};

use auth_core::{
    Clock as _, Email, InsertUserError, NewUser, SystemClock, UpdateUserError, UserId, UserStore,
    conformance::{AccessTokenFixture, UserFixture, purge_expired, rotate_tokens, run},
};
use auth_sql::sqlite::{self, Database, Pool};
use diesel::{connection::SimpleConnection as _, prelude::*};
use tempfile::TempDir;

use super::file::folder;

/// Names that a macro could trip over: the profile is called as a type of ours, `Result` is the application's own, and the
/// columns are imported. Some columns are called as a macro would call its variables.
mod library {
    #[expect(unused_imports, reason = "they are there to be tripped over")]
    use schema::{cards::dsl::*, members::dsl::*};
    use serde::{Deserialize, Serialize};

    pub(crate) type Result = std::result::Result<(), String>;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct User {
        pub(crate) nickname: String,
        pub(crate) shelf: Option<i32>,
        pub(crate) connection: bool,
        pub(crate) r#move: bool,
        pub(crate) profile: i32,
        pub(crate) sql: i32,
        pub(crate) new_nickname: i32,
        pub(crate) key: i32,
        pub(crate) owner: i32,
        pub(crate) token: i32,
        pub(crate) at: i32,
    }

    pub(crate) mod schema {
        diesel::table! {
            #[sql_name = "the members"]
            members (id) {
                #[sql_name = "number"]
                id -> BigInt,
                #[sql_name = "mail"]
                email -> Text,
                #[sql_name = "mail_key"]
                normalized_email -> Text,
                password_hash -> Nullable<Text>,
                is_active -> Bool,
                is_superuser -> Bool,
                is_verified -> Bool,
                roles -> Text,
                security_epoch -> BigInt,
                revision -> BigInt,
                created_at -> BigInt,
                updated_at -> BigInt,
                nickname -> Text,
                shelf -> Nullable<Integer>,
                connection -> Bool,
                r#move -> Bool,
                profile -> Integer,
                sql -> Integer,
                new_nickname -> Integer,
                key -> Integer,
                owner -> Integer,
                token -> Integer,
                at -> Integer,
            }
        }

        diesel::table! {
            cards (id) {
                id -> Text,
                digest -> Binary,
                backend -> Text,
                user_id -> BigInt,
                epoch -> BigInt,
                actor -> Nullable<Text>,
                created_at -> BigInt,
                expires_at -> Nullable<BigInt>,
                absolute_expires_at -> Nullable<BigInt>,
                last_used_at -> BigInt,
                access_generation -> BigInt,
                access_rotated_at -> Nullable<BigInt>,
                refresh_generation -> BigInt,
                refresh_rotated_at -> Nullable<BigInt>,
                user_agent -> Nullable<Text>,
                address -> Nullable<Text>,
                label -> Nullable<Text>,
            }
        }
    }

    auth_sql::user_store! {
        pub(crate) struct Members: Sqlite {
            table: schema::members,
            id: i64,
            profile: User {
                nickname, shelf, connection, r#move, profile, sql, new_nickname, key, owner, token, at,
            },
        }
    }

    auth_sql::access_token_store! {
        pub(crate) struct Cards: Sqlite { table: schema::cards, user_id: i64 }
    }
}

const LIBRARY: &str = "
    CREATE TABLE \"the members\" (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        mail TEXT NOT NULL,
        mail_key TEXT NOT NULL UNIQUE,
        password_hash TEXT,
        is_active INTEGER NOT NULL,
        is_superuser INTEGER NOT NULL,
        is_verified INTEGER NOT NULL,
        roles TEXT NOT NULL,
        security_epoch INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        nickname TEXT NOT NULL,
        shelf INTEGER UNIQUE,
        connection INTEGER NOT NULL,
        move INTEGER NOT NULL,
        profile INTEGER NOT NULL,
        sql INTEGER NOT NULL,
        new_nickname INTEGER NOT NULL,
        key INTEGER NOT NULL,
        owner INTEGER NOT NULL,
        token INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE cards (
        id TEXT NOT NULL PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        backend TEXT NOT NULL,
        user_id INTEGER NOT NULL REFERENCES \"the members\" (number) ON DELETE CASCADE,
        epoch INTEGER NOT NULL,
        actor TEXT,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        absolute_expires_at INTEGER,
        last_used_at INTEGER NOT NULL,
        access_generation INTEGER NOT NULL,
        access_rotated_at INTEGER,
        refresh_generation INTEGER NOT NULL,
        refresh_rotated_at INTEGER,
        user_agent TEXT,
        address TEXT,
        label TEXT
    ) STRICT;
";

/// A pool on the file in `folder`: a second one is what another process has.
pub(crate) async fn open(folder: &TempDir) -> Pool {
    let path = folder.path().join("own.db").display().to_string();
    sqlite::connect(&path).await.expect("a database")
}

/// A pool that was closed, so that nothing can be reached by it.
pub(crate) async fn closed(folder: &TempDir) -> Pool {
    let pool = open(folder).await;
    pool.close();
    pool
}

pub(crate) async fn database(tables: &'static str) -> (Database, TempDir) {
    let folder = folder();
    // Many wait for one writer here: the suite asks for an order, not for speed.
    let database = Database::new(open(&folder).await).deadline(Duration::from_secs(20));
    let database = database.expect("a deadline");
    database
        .write(|connection| connection.batch_execute(tables))
        .await
        .expect("tables");
    (database, folder)
}

struct Library {
    members: Arc<library::Members>,
    cards: Arc<library::Cards>,
    database: Database,
    folder: TempDir,
}

async fn library() -> Library {
    let (database, folder) = database(LIBRARY).await;
    Library {
        members: Arc::new(library::Members::new(&database)),
        cards: Arc::new(library::Cards::new(&database)),
        database,
        folder,
    }
}

impl UserFixture for Library {
    type Id = i64;
    type Profile = library::User;
    type Store = library::Members;

    fn store(&self) -> Arc<library::Members> {
        Arc::clone(&self.members)
    }

    async fn another_process(&self) -> Arc<library::Members> {
        Arc::new(library::Members::new(open(&self.folder).await))
    }

    async fn out_of_reach(&self) -> Option<Arc<library::Members>> {
        Some(Arc::new(library::Members::new(closed(&self.folder).await)))
    }

    fn profile(&self, n: u32) -> library::User {
        let number = i32::try_from(n).expect("a small number");
        library::User {
            nickname: format!("member {n} 'the \"reader\"' 読者"),
            shelf: n.is_multiple_of(2).then_some(number),
            connection: n.is_multiple_of(2),
            r#move: n.is_multiple_of(3),
            profile: number + 1,
            sql: number + 2,
            new_nickname: number + 3,
            key: number + 4,
            owner: number + 5,
            token: number + 6,
            at: number + 7,
        }
    }
}

impl AccessTokenFixture for Library {
    type Id = i64;
    type Store = library::Cards;

    fn store(&self) -> Arc<library::Cards> {
        Arc::clone(&self.cards)
    }

    async fn another_process(&self) -> Arc<library::Cards> {
        Arc::new(library::Cards::new(open(&self.folder).await))
    }

    async fn out_of_reach(&self) -> Option<Arc<library::Cards>> {
        Some(Arc::new(library::Cards::new(closed(&self.folder).await)))
    }

    async fn user(&self, id: Option<i64>) -> i64 {
        let name = uuid::Uuid::new_v4().to_string();
        let mut user = new_user(&name, profile(&name, None));
        user.id = id;
        self.members.insert(user).await.expect("a member").id
    }
}

mod members {
    auth_core::user_store_conformance!(super::library);
}

/// The promises that depend on the columns. The default tables show the rest.
mod cards {
    auth_core::access_token_ids_conformance!(super::library);
}

#[test]
fn cards_are_advanced_and_purged() {
    run(async {
        let fixture = library().await;
        rotate_tokens::a_step_replaces_the_generation_alone(&fixture).await;
        rotate_tokens::a_step_shows_in_the_list(&fixture).await;
    });
    run(async {
        purge_expired::a_purge_removes_what_has_expired_alone(&library().await).await;
    });
}

fn profile(nickname: &str, shelf: Option<i32>) -> library::User {
    library::User {
        nickname: nickname.to_owned(),
        shelf,
        connection: true,
        r#move: false,
        profile: 1,
        sql: 2,
        new_nickname: 3,
        key: 4,
        owner: 5,
        token: 6,
        at: 7,
    }
}

pub(crate) fn new_user<Id: UserId, P>(name: &str, profile: P) -> NewUser<Id, P> {
    NewUser::new(
        format!("{name}@example.com").parse::<Email>().expect("an e-mail"),
        profile,
        SystemClock.now(),
    )
}

#[tokio::test]
async fn a_field_of_the_profile_is_a_real_column() {
    use library::schema::members;

    let library = library().await;
    for (name, shelf) in [("ada", Some(3)), ("ben", None), ("eve", Some(5))] {
        let member = new_user(name, profile(name, shelf));
        library.members.insert(member).await.expect("a member");
    }
    let high = library
        .database
        .read(|connection| {
            members::table
                .filter(members::shelf.gt(3))
                .select(members::nickname)
                .load::<String>(connection)
        })
        .await;
    assert_eq!(high.expect("an answer"), ["eve"]);
}

#[tokio::test]
async fn another_unique_column_is_not_taken_for_the_email() {
    let library = library().await;
    let ada = library
        .members
        .insert(new_user("ada", profile("ada", Some(1))))
        .await;
    let mut ada = ada.expect("a member");
    let ben = new_user("ben", profile("ben", Some(2)));
    library.members.insert(ben).await.expect("a member");

    let eve = library
        .members
        .insert(new_user("eve", profile("eve", Some(2))))
        .await;
    assert!(matches!(eve, Err(InsertUserError::ProfileTaken)), "{eve:?}");
    ada.profile.shelf = Some(2);
    let updated = library.members.update(&ada).await;
    assert!(
        matches!(updated, Err(UpdateUserError::ProfileTaken)),
        "{updated:?}"
    );
    ada.profile.shelf = Some(1);
    ada.email = "ben@example.com".parse().expect("an e-mail");
    let updated = library.members.update(&ada).await;
    assert!(matches!(updated, Err(UpdateUserError::EmailTaken)), "{updated:?}");
}

#[tokio::test]
async fn a_table_without_a_unique_index_on_the_email_takes_no_user() {
    let library = library().await;
    library
        .database
        .write(|connection| {
            connection.batch_execute(
                "CREATE TABLE loose AS SELECT * FROM \"the members\";
                 DROP TABLE \"the members\";
                 ALTER TABLE loose RENAME TO \"the members\";",
            )
        })
        .await
        .expect("a table without its indexes");
    let ada = library
        .members
        .insert(new_user("ada", profile("ada", None)))
        .await;
    assert!(matches!(ada, Err(InsertUserError::Store(_))), "{ada:?}");
}

#[tokio::test]
async fn an_own_result_type_does_not_disturb_the_macros() {
    let fine: library::Result = Ok(());
    assert_eq!(fine, Ok(()));
}
