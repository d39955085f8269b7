//! What a column cannot hold, and that it costs nobody a connection.

use crate::backend::{EXACT_TEXT, NARROW_TEXT, SMALL, TABLE_END};

/// A table that is narrower than its profile.
pub(crate) fn tables() -> String {
    let (before, small) = SMALL;
    format!(
        "{before}
         CREATE TABLE guilds (id integer NOT NULL PRIMARY KEY) {TABLE_END};
         CREATE TABLE smiths (
            id {EXACT_TEXT} NOT NULL PRIMARY KEY, email varchar(40) NOT NULL,
            normalized_email {EXACT_TEXT} NOT NULL UNIQUE, password_hash text, is_active boolean NOT NULL,
            is_superuser boolean NOT NULL, is_verified boolean NOT NULL, roles varchar(4160) NOT NULL DEFAULT '', security_epoch bigint NOT NULL,
            revision bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL,
            nickname varchar(8) NOT NULL, alias {NARROW_TEXT}, shelf {small} CHECK (shelf < 100),
            guild integer, motto varchar(100) NOT NULL,
            CONSTRAINT smiths_guild FOREIGN KEY (guild) REFERENCES guilds (id)
         ) {TABLE_END};"
    )
}

/// The store and its tests.
macro_rules! all {
    ($database:ident, $why:literal) => {
        mod refused {
            use auth_core::{InsertUserError, UpdateUserError, UserStore as _};
            use serde::{Deserialize, Serialize};

            use crate::{
                backend::{CONNECTION_NUMBER, OUT_OF_RANGE, Place, UNHOLDABLE, database, number},
                server::{refused::tables, sample::new_user},
            };

            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            struct Smith {
                nickname: String,
                alias: Option<String>,
                shelf: Option<i32>,
                guild: Option<i32>,
                words: Option<String>,
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
                    alias -> Nullable<Text>,
                    shelf -> Nullable<Integer>,
                    guild -> Nullable<Integer>,
                    #[sql_name = "motto"]
                    words -> Nullable<Text>,
                }
            }

            auth_sql::user_store! {
                struct Smiths: $database {
                    table: smiths,
                    id: String,
                    profile: Smith { nickname, alias, shelf, guild, words },
                }
            }

            fn smith() -> Smith {
                Smith {
                    nickname: "wayland".to_owned(),
                    words: Some("Strike while the iron is hot".to_owned()),
                    ..Smith::default()
                }
            }

            /// What cannot be held, and the field that is named.
            fn refused() -> Vec<(Smith, Option<&'static str>)> {
                let text = |text: &str| Some(text.to_owned());
                vec![
                    (
                        Smith {
                            nickname: "wayland the smith".to_owned(),
                            ..smith()
                        },
                        Some("nickname"),
                    ),
                    (
                        Smith {
                            alias: text(UNHOLDABLE),
                            ..smith()
                        },
                        Some("alias"),
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
                            shelf: Some(70_000),
                            ..smith()
                        },
                        OUT_OF_RANGE,
                    ),
                    (
                        Smith {
                            guild: Some(7),
                            ..smith()
                        },
                        Some("guild"),
                    ),
                    (
                        Smith {
                            words: None,
                            ..smith()
                        },
                        Some("words"),
                    ),
                ]
            }

            async fn scene() -> (Place, crate::backend::Pool, Smiths) {
                let place = Place::new().await;
                place.run(&tables()).await;
                let pool = place.pool(1);
                let smiths = Smiths::new(database(&pool));
                (place, pool, smiths)
            }

            async fn connection(pool: &crate::backend::Pool) -> i64 {
                number(
                    &mut pool.get().await.expect("a connection"),
                    CONNECTION_NUMBER,
                )
                .await
            }

            #[test]
            #[ignore = $why]
            fn u1_a_value_that_a_column_cannot_hold_names_its_field_and_costs_no_connection() {
                auth_core::conformance::run(async {
                    let (_place, pool, smiths) = scene().await;
                    let before = connection(&pool).await;
                    let wayland = smiths
                        .insert(new_user("wayland", smith()))
                        .await
                        .expect("a smith");
                    for (profile, field) in refused() {
                        let inserted = smiths.insert(new_user("another", profile.clone())).await;
                        match inserted {
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
                    let long = smiths.insert(new_user(&"a".repeat(60), smith())).await;
                    assert!(
                        matches!(&long, Err(InsertUserError::ProfileRefused { field: Some(field) }) if field == "email"),
                        "{long:?}"
                    );
                    let found = smiths
                        .find(&wayland.id)
                        .await
                        .expect("an answer")
                        .expect("the smith");
                    assert_eq!(
                        (found.revision, found.profile),
                        (0, smith()),
                        "nothing is written"
                    );
                    let another = new_user::<String, _>("another", ()).email;
                    let another = smiths.find_by_email(another.normalized()).await;
                    assert!(another.expect("an answer").is_none(), "nothing is written");
                    assert_eq!(
                        connection(&pool).await,
                        before,
                        "the connection is the same"
                    );
                });
            }

            #[test]
            #[ignore = $why]
            fn u1_what_the_values_have_no_part_in_stays_an_error_of_the_store() {
                auth_core::conformance::run(async {
                    let (place, _pool, smiths) = scene().await;
                    place
                        .run("ALTER TABLE smiths ADD COLUMN tenant integer NOT NULL")
                        .await;
                    let inserted = smiths.insert(new_user("wayland", smith())).await;
                    assert!(
                        matches!(inserted, Err(InsertUserError::Store(_))),
                        "{inserted:?}"
                    );
                    place.run("DROP TABLE smiths").await;
                    let inserted = smiths.insert(new_user("wayland", smith())).await;
                    assert!(
                        matches!(inserted, Err(InsertUserError::Store(_))),
                        "{inserted:?}"
                    );
                });
            }

            /// Sixteen connections that have prepared everything, and then a table that changes.
            #[test]
            #[ignore = $why]
            fn u4_a_table_that_changes_under_warm_connections_fails_no_call() {
                auth_core::conformance::run(async {
                    let (place, _pool, _smiths) = scene().await;
                    let pool = place.pool(16);
                    let smiths = Smiths::new(database(&pool));
                    let wayland = smiths
                        .insert(new_user("wayland", smith()))
                        .await
                        .expect("a smith");
                    let mut held = Vec::new();
                    for _ in 0..16 {
                        held.push(pool.get().await.expect("a connection"));
                    }
                    for n in 0..16 {
                        // The one that is free is the one that the store gets.
                        drop(held.remove(0));
                        smiths
                            .find(&wayland.id)
                            .await
                            .expect("an answer")
                            .expect("the smith");
                        let email = wayland.email.normalized();
                        smiths
                            .find_by_email(email)
                            .await
                            .expect("an answer")
                            .expect("the smith");
                        smiths
                            .insert(new_user(&format!("warm{n}"), smith()))
                            .await
                            .expect("a smith");
                        held.push(pool.get().await.expect("a connection"));
                    }
                    drop(held);
                    place.run(crate::backend::WIDER).await;
                    let mut calls = tokio::task::JoinSet::new();
                    for n in 0..64 {
                        let (smiths, wayland) = (smiths.clone(), wayland.clone());
                        calls.spawn(async move {
                            if n % 4 == 0 {
                                let new = new_user(&format!("cold{n}"), smith());
                                smiths
                                    .insert(new)
                                    .await
                                    .map(drop)
                                    .map_err(|error| error.to_string())
                            } else if n % 2 == 0 {
                                let found = smiths.find_by_email(wayland.email.normalized()).await;
                                found.map(drop).map_err(|error| error.to_string())
                            } else {
                                let found = smiths.find(&wayland.id).await;
                                found.map(drop).map_err(|error| error.to_string())
                            }
                        });
                    }
                    let failed: Vec<_> = calls
                        .join_all()
                        .await
                        .into_iter()
                        .filter_map(Result::err)
                        .collect();
                    assert!(failed.is_empty(), "{} of 64: {failed:?}", failed.len());
                });
            }
        }
    };
}

pub(crate) use all;
