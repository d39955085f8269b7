//! An application's own tables, columns, ids and profile, through the macros.
#![cfg(feature = "sqlite")]

use std::sync::Arc;

use auth_core::{
    Clock as _, Email, InsertUserError, NewUser, SystemClock, UpdateUserError, UserId, UserStore,
    conformance::{AccessTokenFixture, UserFixture},
};
use auth_sql::sqlite::{self, Database};
use diesel::{connection::SimpleConnection as _, prelude::*};
use tempfile::TempDir;

/// Names that a macro could trip over: the profile is called as a type of ours, `Result` is the application's own.
mod library {
    use serde::{Deserialize, Serialize};

    pub(crate) type Result = std::result::Result<(), String>;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct User {
        pub(crate) nickname: String,
        pub(crate) shelf: Option<i32>,
        pub(crate) connection: bool,
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
                security_epoch -> BigInt,
                revision -> BigInt,
                created_at -> BigInt,
                updated_at -> BigInt,
                nickname -> Text,
                shelf -> Nullable<Integer>,
                connection -> Bool,
            }
        }

        diesel::table! {
            cards (id) {
                id -> Text,
                digest -> Binary,
                user_id -> BigInt,
                epoch -> BigInt,
                created_at -> BigInt,
                expires_at -> Nullable<BigInt>,
                last_used_at -> BigInt,
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
            profile: User { nickname, shelf, connection },
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
        security_epoch INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        nickname TEXT NOT NULL,
        shelf INTEGER UNIQUE,
        connection INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE cards (
        id TEXT NOT NULL PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        user_id INTEGER NOT NULL REFERENCES \"the members\" (number) ON DELETE CASCADE,
        epoch INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        last_used_at INTEGER NOT NULL,
        user_agent TEXT,
        address TEXT,
        label TEXT
    ) STRICT;
";

async fn database(tables: &'static str) -> (Database, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.db").display().to_string();
    let pool = sqlite::connect("DATABASE_URL", &path).await.expect("a database");
    let database = Database::new(pool);
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
    _folder: TempDir,
}

async fn library() -> Library {
    let (database, folder) = database(LIBRARY).await;
    Library {
        members: Arc::new(library::Members::new(&database)),
        cards: Arc::new(library::Cards::new(&database)),
        database,
        _folder: folder,
    }
}

impl UserFixture for Library {
    type Id = i64;
    type Profile = library::User;
    type Store = library::Members;

    fn store(&self) -> Arc<library::Members> {
        Arc::clone(&self.members)
    }

    fn profile(&self, n: u32) -> library::User {
        library::User {
            nickname: format!("member {n} 'the \"reader\"' 読者"),
            shelf: n
                .is_multiple_of(2)
                .then(|| i32::try_from(n).expect("a small number")),
            connection: n.is_multiple_of(2),
        }
    }
}

impl AccessTokenFixture for Library {
    type Id = i64;
    type Store = library::Cards;

    fn store(&self) -> Arc<library::Cards> {
        Arc::clone(&self.cards)
    }

    async fn user(&self) -> i64 {
        let name = uuid::Uuid::new_v4().to_string();
        let user = new_user(&name, profile(&name, None));
        self.members.insert(user).await.expect("a member").id
    }
}

mod members {
    auth_core::user_store_conformance!(super::library);
}

mod cards {
    auth_core::access_token_store_conformance!(super::library);
}

mod cards_index {
    auth_core::access_token_index_conformance!(super::library);
}

mod cards_purge {
    auth_core::purge_expired_conformance!(super::library);
}

fn profile(nickname: &str, shelf: Option<i32>) -> library::User {
    library::User {
        nickname: nickname.to_owned(),
        shelf,
        connection: true,
    }
}

fn new_user<Id: UserId, P>(name: &str, profile: P) -> NewUser<Id, P> {
    NewUser {
        id: Id::generate(),
        email: format!("{name}@example.com").parse::<Email>().expect("an e-mail"),
        password_hash: None,
        is_active: true,
        is_superuser: false,
        is_verified: false,
        created_at: SystemClock.now(),
        profile,
    }
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
    assert!(matches!(eve, Err(InsertUserError::Store(_))), "{eve:?}");
    ada.profile.shelf = Some(2);
    let updated = library.members.update(&ada).await;
    assert!(matches!(updated, Err(UpdateUserError::Store(_))), "{updated:?}");
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

/// Every kind of id, each in tables of its own with tokens that refer to it.
mod ids {
    use std::{
        fmt::{self, Display},
        num::ParseIntError,
        str::FromStr,
    };

    use auth_core::{AccessToken, Client, PublicId, TokenKey, UserId};
    use auth_sql::ColumnId;
    use diesel::{
        backend::Backend,
        deserialize::{self, FromSql, FromSqlRow},
        expression::AsExpression,
        serialize::{self, Output, ToSql},
        sql_types::BigInt,
    };
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::*;

    /// An application's own type of id.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, AsExpression, FromSqlRow)]
    #[diesel(sql_type = BigInt)]
    pub(crate) struct ReaderId(i64);

    impl Display for ReaderId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "r{}", self.0)
        }
    }

    impl FromStr for ReaderId {
        type Err = ParseIntError;

        fn from_str(text: &str) -> Result<Self, ParseIntError> {
            text.trim_start_matches('r').parse().map(Self)
        }
    }

    impl UserId for ReaderId {
        fn generate() -> Option<Self> {
            None
        }
    }

    impl ColumnId for ReaderId {
        type Column = Self;
    }

    impl<DB: Backend> ToSql<BigInt, DB> for ReaderId
    where
        i64: ToSql<BigInt, DB>,
    {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
            self.0.to_sql(out)
        }
    }

    impl<DB: Backend> FromSql<BigInt, DB> for ReaderId
    where
        i64: FromSql<BigInt, DB>,
    {
        fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
            i64::from_sql(bytes).map(Self)
        }
    }

    macro_rules! tables {
        ($module:ident, $id:ty, $column:ident, $ddl:literal) => {
            mod $module {
                use super::*;

                mod schema {
                    diesel::table! {
                        users (id) {
                            id -> $column,
                            email -> Text,
                            normalized_email -> Text,
                            password_hash -> Nullable<Text>,
                            is_active -> Bool,
                            is_superuser -> Bool,
                            is_verified -> Bool,
                            security_epoch -> BigInt,
                            revision -> BigInt,
                            created_at -> BigInt,
                            updated_at -> BigInt,
                        }
                    }

                    diesel::table! {
                        tokens (id) {
                            id -> Binary,
                            digest -> Binary,
                            user_id -> $column,
                            epoch -> BigInt,
                            created_at -> BigInt,
                            expires_at -> Nullable<BigInt>,
                            last_used_at -> BigInt,
                            user_agent -> Nullable<Text>,
                            address -> Nullable<Text>,
                            label -> Nullable<Text>,
                        }
                    }
                }

                auth_sql::user_store! {
                    struct Users: Sqlite { table: schema::users, id: $id, profile: () }
                }

                auth_sql::access_token_store! {
                    struct Tokens: Sqlite { table: schema::tokens, user_id: $id }
                }

                #[tokio::test]
                async fn a_user_and_a_token_of_this_id_are_found_and_go_together() {
                    let (database, _folder) = database(concat!(
                        "CREATE TABLE users (id ", $ddl, ",
                            email TEXT NOT NULL, normalized_email TEXT NOT NULL UNIQUE, password_hash TEXT,
                            is_active INTEGER NOT NULL, is_superuser INTEGER NOT NULL,
                            is_verified INTEGER NOT NULL, security_epoch INTEGER NOT NULL,
                            revision INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
                         ) STRICT;
                         CREATE TABLE tokens (
                            id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
                            user_id NOT NULL REFERENCES users (id) ON DELETE CASCADE, epoch INTEGER NOT NULL,
                            created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER NOT NULL,
                            user_agent TEXT, address TEXT, label TEXT
                         );"
                    ))
                    .await;
                    a_user_and_a_token(&Users::new(&database), &Tokens::new(&database)).await;
                }
            }
        };
    }

    async fn a_user_and_a_token<Id: ColumnId>(
        users: &impl UserStore<Id>,
        tokens: &impl auth_core::AccessTokenStore<Id>,
    ) {
        users.insert(new_user("ben", ())).await.expect("another user");
        let user = users.insert(new_user("ada", ())).await.expect("a user");
        let found = users.find(&user.id).await.expect("an answer").expect("the user");
        assert_eq!((&found.id, &found.email), (&user.id, &user.email));

        let key = TokenKey::of("a token");
        let token = AccessToken {
            id: PublicId::generate(),
            digest: key.digest,
            user_id: user.id.clone(),
            epoch: 0,
            created_at: user.created_at,
            expires_at: None,
            last_used_at: user.created_at,
            client: Client::default(),
        };
        tokens.insert(&token, None).await.expect("a token");
        assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
        assert!(users.delete(&user.id).await.expect("an answer"));
        assert_eq!(tokens.find(&key).await.expect("an answer"), None);
    }

    tables!(uuid_bytes, Uuid, Binary, "BLOB NOT NULL PRIMARY KEY");
    tables!(uuid_text, Uuid, Text, "TEXT NOT NULL PRIMARY KEY");
    tables!(big_integer, i64, BigInt, "INTEGER PRIMARY KEY AUTOINCREMENT");
    tables!(integer, i32, Integer, "INTEGER PRIMARY KEY AUTOINCREMENT");
    tables!(string, String, Text, "TEXT NOT NULL PRIMARY KEY");
    tables!(own_type, ReaderId, BigInt, "INTEGER PRIMARY KEY AUTOINCREMENT");
}
