//! Every kind of id, each in tables of its own with tokens that refer to it.

use std::{
    fmt::{self, Display},
    num::ParseIntError,
    str::FromStr,
};

use auth_core::{AccessToken, AccessTokenStore, Subject, TokenId, TokenLookup, UserId, UserStore};
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

use super::{
    object_id::ObjectId,
    own_table::{database, new_user},
};

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
                        roles -> Text,
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
                        backend -> Text,
                        user_id -> $column,
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
                        is_verified INTEGER NOT NULL, roles TEXT NOT NULL, security_epoch INTEGER NOT NULL,
                        revision INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
                     ) STRICT;
                     CREATE TABLE tokens (
                        id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL UNIQUE, backend TEXT NOT NULL,
                        user_id NOT NULL REFERENCES users (id) ON DELETE CASCADE, epoch INTEGER NOT NULL,
                        actor TEXT, created_at INTEGER NOT NULL, expires_at INTEGER,
                        absolute_expires_at INTEGER, last_used_at INTEGER NOT NULL,
                        access_generation INTEGER NOT NULL, access_rotated_at INTEGER,
                        refresh_generation INTEGER NOT NULL, refresh_rotated_at INTEGER,
                        user_agent TEXT, address TEXT, label TEXT
                     );"
                ))
                .await;
                a_user_and_a_token(&Users::new(&database), &Tokens::new(&database)).await;
            }
        }
    };
}

async fn a_user_and_a_token<Id: ColumnId>(users: &impl UserStore<Id>, tokens: &impl AccessTokenStore<Id>) {
    users.insert(new_user("ben", ())).await.expect("another user");
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let found = users.find(&user.id).await.expect("an answer").expect("the user");
    assert_eq!((&found.id, &found.email), (&user.id, &user.email));

    let key = TokenLookup::new("a token");
    let token = AccessToken::new(
        TokenId::generate(),
        key.digest,
        Subject::new(user.id.clone(), 0),
        user.created_at,
    );
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
tables!(object_id, ObjectId, Binary, "BLOB NOT NULL PRIMARY KEY");
tables!(own_type, ReaderId, BigInt, "INTEGER PRIMARY KEY AUTOINCREMENT");
