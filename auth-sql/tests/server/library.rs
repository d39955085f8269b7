//! An application's own tables, columns, ids and profile, with names that a macro or a database could trip over.

use crate::backend::{BIG_SERIAL, BYTES, EXACT_TEXT, TABLE_END};

/// Tables with indexes of the application's own names, which say nothing of their columns.
pub(crate) fn tables() -> String {
    format!(
        "CREATE TABLE the_members (
            number {BIG_SERIAL} PRIMARY KEY, mail text NOT NULL, mail_key {EXACT_TEXT} NOT NULL,
            password_hash text, is_active boolean NOT NULL, is_superuser boolean NOT NULL,
            is_verified boolean NOT NULL, roles varchar(4160) NOT NULL DEFAULT '', security_epoch bigint NOT NULL, revision bigint NOT NULL,
            created_at bigint NOT NULL, updated_at bigint NOT NULL, nickname text NOT NULL, shelf integer,
            connection boolean NOT NULL, profile integer NOT NULL, owner integer NOT NULL, token integer NOT NULL,
            CONSTRAINT one_each UNIQUE (mail_key), CONSTRAINT mail_key UNIQUE (shelf)
         ) {TABLE_END};
         CREATE TABLE cards (
            id {BYTES} NOT NULL PRIMARY KEY, digest {BYTES} NOT NULL, backend {EXACT_TEXT} NOT NULL,
            user_id bigint NOT NULL, epoch bigint NOT NULL, actor text, created_at bigint NOT NULL,
            expires_at bigint, absolute_expires_at bigint, last_used_at bigint NOT NULL,
            access_generation bigint NOT NULL, access_rotated_at bigint,
            refresh_generation bigint NOT NULL, refresh_rotated_at bigint, user_agent text, address text, label text,
            CONSTRAINT one_card UNIQUE (digest),
            FOREIGN KEY (user_id) REFERENCES the_members (number) ON DELETE CASCADE
         ) {TABLE_END};"
    )
}

/// The stores and the suite on them.
macro_rules! all {
    ($database:ident, $why:literal) => {
        pub(crate) mod library {
            use std::sync::Arc;

            use auth_core::{
                UserStore as _,
                conformance::{AccessTokenFixture, UserFixture, access_token_store, purge_expired, rotate_tokens},
            };
            #[expect(unused_imports, reason = "the columns are there to be tripped over")]
            use schema::{cards::dsl::*, members::dsl::*};
            use serde::{Deserialize, Serialize};

            use crate::{
                backend::{Database, NOWHERE, Place, database, pool},
                server::{library::tables, sample::new_user},
            };

            /// The application's own, which the macros do not trip over.
            pub(crate) type Result = std::result::Result<(), String>;

            /// Called as a type of ours is.
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub(crate) struct User {
                pub(crate) nickname: String,
                pub(crate) shelf: Option<i32>,
                pub(crate) connection: bool,
                pub(crate) profile: i32,
                pub(crate) owner: i32,
                pub(crate) token: i32,
            }

            pub(crate) mod schema {
                diesel::table! {
                    #[sql_name = "the_members"]
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
                        profile -> Integer,
                        owner -> Integer,
                        token -> Integer,
                    }
                }

                diesel::table! {
                    cards (id) {
                        id -> Binary,
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
                pub(crate) struct Members: $database {
                    table: schema::members,
                    id: i64,
                    profile: User { nickname, shelf, connection, profile, owner, token },
                }
            }

            auth_sql::access_token_store! {
                pub(crate) struct Cards: $database { table: schema::cards, users: schema::members, user_id: i64 }
            }

            pub(crate) struct Library {
                pub(crate) members: Arc<Members>,
                pub(crate) cards: Arc<Cards>,
                pub(crate) database: Database,
                pub(crate) place: Place,
            }

            pub(crate) async fn library() -> Library {
                let place = Place::new().await;
                place.run(&tables()).await;
                let database = place.database(8);
                Library {
                    members: Arc::new(Members::new(&database)),
                    cards: Arc::new(Cards::new(&database)),
                    database,
                    place,
                }
            }

            pub(crate) fn profile(name: &str, on_shelf: Option<i32>) -> User {
                User {
                    nickname: name.to_owned(),
                    shelf: on_shelf,
                    connection: true,
                    profile: 1,
                    owner: 2,
                    token: 3,
                }
            }

            impl UserFixture for Library {
                type Id = i64;
                type Profile = User;
                type Store = Members;

                fn store(&self) -> Arc<Members> {
                    Arc::clone(&self.members)
                }

                async fn another_process(&self) -> Arc<Members> {
                    Arc::new(Members::new(self.place.database(2)))
                }

                async fn out_of_reach(&self) -> Option<Arc<Members>> {
                    Some(Arc::new(Members::new(database(&pool(NOWHERE, 1)))))
                }

                fn profile(&self, n: u32) -> User {
                    let (number, is_even) = (i32::try_from(n).expect("a small number"), n.is_multiple_of(2));
                    User {
                        nickname: format!("member {n} 'the \"reader\"' \\ 読者 \u{1f4da}"),
                        shelf: is_even.then_some(number),
                        connection: is_even,
                        profile: number + 1,
                        owner: number + 2,
                        token: number + 3,
                    }
                }
            }

            impl AccessTokenFixture for Library {
                type Id = i64;
                type Store = Cards;

                fn store(&self) -> Arc<Cards> {
                    Arc::clone(&self.cards)
                }

                async fn another_process(&self) -> Arc<Cards> {
                    Arc::new(Cards::new(self.place.database(2)))
                }

                async fn out_of_reach(&self) -> Option<Arc<Cards>> {
                    Some(Arc::new(Cards::new(database(&pool(NOWHERE, 1)))))
                }

                async fn user(&self, given: Option<i64>) -> i64 {
                    let name = uuid::Uuid::new_v4().to_string();
                    let mut user = new_user(&name, profile(&name, None));
                    user.id = given;
                    self.members.insert(user).await.expect("a member").id
                }
            }

            use library as fixture;

            mod members {
                auth_core::user_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod list {
                auth_core::list_users_conformance!(super::fixture, #[ignore = $why]);
            }

            /// The promises that depend on the type of the ids. The next test has those that depend on the type of the
            /// instants. The default tables show the rest.
            mod cards {
                auth_core::access_token_ids_conformance!(super::fixture, #[ignore = $why]);
            }

            /// The default tables have their instants in the database's own type.
            #[test]
            #[ignore = $why]
            fn cards_with_instants_in_big_integers_are_touched_advanced_and_purged() {
                auth_core::conformance::run(async {
                    access_token_store::a_touch_sets_the_last_use_and_the_expiry_alone(&fixture().await).await;
                    access_token_store::a_touch_never_revives_an_expired_token(&fixture().await).await;
                    rotate_tokens::a_step_replaces_the_generation_alone(&fixture().await).await;
                    rotate_tokens::a_step_shows_in_the_list(&fixture().await).await;
                    rotate_tokens::a_step_moves_the_expiry_but_never_past_the_absolute_limit(&fixture().await).await;
                    rotate_tokens::an_expired_token_is_not_advanced(&fixture().await).await;
                    purge_expired::a_purge_removes_what_has_expired_alone(&fixture().await).await;
                    purge_expired::a_purge_goes_by_the_expiry_that_a_touch_has_set(&fixture().await).await;
                });
            }

            #[test]
            fn an_own_result_type_does_not_disturb_the_macros() {
                let fine: Result = Ok(());
                assert_eq!(fine, Ok(()));
            }
        }
    };
}

pub(crate) use all;
