//! What a column cannot hold.

use auth_core::{InsertUserError, UpdateUserError, UserStore as _};
use auth_sql::sqlite::{self, Database};
use diesel::connection::SimpleConnection as _;
use serde::{Deserialize, Serialize};

use super::{file::folder, own_table::new_user};

const TABLES: &str = "
    CREATE TABLE guilds (id INTEGER PRIMARY KEY);
    CREATE TABLE smiths (
        id TEXT PRIMARY KEY NOT NULL, email TEXT NOT NULL, normalized_email TEXT NOT NULL UNIQUE, password_hash TEXT,
        is_active INTEGER NOT NULL, is_superuser INTEGER NOT NULL, is_verified INTEGER NOT NULL, roles TEXT NOT NULL,
        security_epoch INTEGER NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        nickname TEXT NOT NULL CHECK (length(nickname) <= 8), shelf INTEGER,
        guild INTEGER REFERENCES guilds (id), motto TEXT NOT NULL, anvils INTEGER,
        CONSTRAINT low_shelf CHECK (shelf < 100)
    ) STRICT;";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Smith {
    nickname: String,
    shelf: Option<i32>,
    guild: Option<i32>,
    words: Option<String>,
    anvils: Option<String>,
}

diesel::table! {
    smiths (id) {
        id -> Text,
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
        nickname -> Text,
        shelf -> Nullable<Integer>,
        guild -> Nullable<Integer>,
        #[sql_name = "motto"]
        words -> Nullable<Text>,
        // The table takes the texts of numbers alone.
        anvils -> Nullable<Text>,
    }
}

auth_sql::user_store! {
    struct Smiths: Sqlite {
        table: smiths,
        id: String,
        profile: Smith { nickname, shelf, guild, words, anvils },
    }
}

fn smith() -> Smith {
    Smith {
        nickname: "wayland".to_owned(),
        shelf: None,
        guild: None,
        words: Some("Strike while the iron is hot".to_owned()),
        anvils: None,
    }
}

#[tokio::test]
async fn u1_a_value_that_a_column_cannot_hold_names_its_field_and_writes_nothing() {
    let folder = folder();
    let path = folder.path().join("smiths.db").display().to_string();
    let database = Database::new(sqlite::connect(&path).await.expect("a file"));
    let tables = database
        .write(|connection| connection.batch_execute(TABLES))
        .await;
    tables.expect("tables");
    let smiths = Smiths::new(&database);
    let wayland = smiths
        .insert(new_user("wayland", smith()))
        .await
        .expect("a smith");
    for (profile, field) in [
        (
            Smith {
                nickname: "wayland the smith".to_owned(),
                ..smith()
            },
            Some("nickname"),
        ),
        (
            Smith {
                shelf: Some(100),
                ..smith()
            },
            Some("shelf"),
        ),
        (
            Smith {
                words: None,
                ..smith()
            },
            Some("words"),
        ),
        (
            Smith {
                anvils: Some("many".to_owned()),
                ..smith()
            },
            Some("anvils"),
        ),
        // SQLite does not say which.
        (
            Smith {
                guild: Some(7),
                ..smith()
            },
            None,
        ),
    ] {
        match smiths.insert(new_user("another", profile.clone())).await {
            Err(InsertUserError::ProfileRefused { field: named }) => {
                assert_eq!(named.as_deref(), field, "{profile:?}");
            }
            other => panic!("{profile:?}: {other:?}"),
        }
        let mut changed = wayland.clone();
        changed.profile = profile.clone();
        match smiths.update(&changed).await {
            Err(UpdateUserError::ProfileRefused { field: named }) => {
                assert_eq!(named.as_deref(), field, "{profile:?}");
            }
            other => panic!("{profile:?}: {other:?}"),
        }
    }
    let found = smiths
        .find(&wayland.id)
        .await
        .expect("an answer")
        .expect("the smith");
    assert_eq!((found.revision, found.profile), (0, smith()));
    let column = database.write(|connection| connection.batch_execute("ALTER TABLE smiths RENAME TO others"));
    column.await.expect("another name");
    let lost = smiths.insert(new_user("lost", smith())).await;
    assert!(matches!(lost, Err(InsertUserError::Store(_))), "{lost:?}");
}
