//! The suite, for each kind of id, and what UUIDs can stand in.

use std::{num::NonZeroU32, sync::Arc};

use auth_core::conformance::{AccessTokenFixture, UserFixture};
use auth_core::{AccessTokenStore, Cap, PurgeExpired, UserId, UserStore};

use super::sample::{new_token, new_user};
use crate::backend::{BYTES, Database, EXACT_TEXT, NOWHERE, Place, TABLE_END, database, pool};

/// A place with tables and the stores on it.
pub(crate) struct Fixture<U, T> {
    pub(crate) users: Arc<U>,
    pub(crate) tokens: Arc<T>,
    open: fn(&Database) -> (U, T),
    place: Place,
}

impl<U, T> Fixture<U, T> {
    pub(crate) fn new(place: Place, open: fn(&Database) -> (U, T)) -> Self {
        let (users, tokens) = open(&place.database(8));
        Self {
            users: Arc::new(users),
            tokens: Arc::new(tokens),
            open,
            place,
        }
    }

    /// On a pool of their own, as another process has.
    fn another(&self) -> (U, T) {
        (self.open)(&self.place.database(2))
    }

    /// Where nobody listens.
    fn nowhere(&self) -> (U, T) {
        (self.open)(&database(&pool(NOWHERE, 1)))
    }
}

/// What a store's types are, which its own type does not say.
pub(crate) trait Kind {
    type Id: UserId;
}

impl<U: UserStore<U::Id> + Kind + 'static, T: Send + Sync + 'static> UserFixture for Fixture<U, T> {
    type Id = U::Id;
    type Profile = ();
    type Store = U;

    fn store(&self) -> Arc<U> {
        Arc::clone(&self.users)
    }

    async fn another_process(&self) -> Arc<U> {
        Arc::new(self.another().0)
    }

    async fn out_of_reach(&self) -> Option<Arc<U>> {
        Some(Arc::new(self.nowhere().0))
    }

    fn profile(&self, _n: u32) {}
}

impl<U, T> AccessTokenFixture for Fixture<U, T>
where
    U: UserStore<U::Id> + Kind + 'static,
    T: AccessTokenStore<U::Id> + PurgeExpired + 'static,
{
    type Id = U::Id;
    type Store = T;

    fn store(&self) -> Arc<T> {
        Arc::clone(&self.tokens)
    }

    async fn another_process(&self) -> Arc<T> {
        Arc::new(self.another().1)
    }

    async fn out_of_reach(&self) -> Option<Arc<T>> {
        Some(Arc::new(self.nowhere().1))
    }

    async fn user(&self, id: Option<U::Id>) -> U::Id {
        let mut user = new_user(&uuid::Uuid::new_v4().to_string(), ());
        user.id = id.or(user.id);
        self.users.insert(user).await.expect("a user").id
    }
}

/// Tables whose ids are made as `key` says, are referred to as `reference`, and whose public ids are texts.
pub(crate) fn tables(key: &str, reference: &str) -> String {
    format!(
        "CREATE TABLE people (
            id {key} PRIMARY KEY, email varchar(254) NOT NULL, normalized_email {EXACT_TEXT} NOT NULL UNIQUE,
            password_hash text, is_active boolean NOT NULL, is_superuser boolean NOT NULL,
            is_verified boolean NOT NULL, roles varchar(4160) NOT NULL DEFAULT '', security_epoch bigint NOT NULL, revision bigint NOT NULL,
            created_at bigint NOT NULL, updated_at bigint NOT NULL
         ) {TABLE_END};
         CREATE TABLE keys_of_people (
            id varchar(36) NOT NULL UNIQUE, digest {BYTES} NOT NULL PRIMARY KEY, backend {EXACT_TEXT} NOT NULL,
            user_id {reference} NOT NULL, epoch bigint NOT NULL, actor text, created_at bigint NOT NULL,
            expires_at bigint, absolute_expires_at bigint, last_used_at bigint NOT NULL,
            access_generation bigint NOT NULL, access_rotated_at bigint,
            refresh_generation bigint NOT NULL, refresh_rotated_at bigint, user_agent text, address text, label text,
            FOREIGN KEY (user_id) REFERENCES people (id) ON DELETE CASCADE
         ) {TABLE_END};"
    )
}

/// A user and a token of the user, who go together.
pub(crate) async fn a_user_and_a_token<U, T>(fixture: &Fixture<U, T>)
where
    U: UserStore<U::Id> + Kind,
    T: AccessTokenStore<U::Id>,
{
    let (users, tokens) = (&fixture.users, &fixture.tokens);
    users.insert(new_user("ben", ())).await.expect("another user");
    let user = users.insert(new_user("ada", ())).await.expect("a user");
    let found = users.find(&user.id).await.expect("an answer").expect("the user");
    assert_eq!((&found.id, &found.email), (&user.id, &user.email));
    let (key, token) = new_token(&user.id, "token");
    for cap in [None, NonZeroU32::new(1).map(Cap::new)] {
        tokens.insert(&token, cap).await.expect("a token");
        assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token.clone()));
        assert_eq!(tokens.delete_all(&user.id).await.expect("an answer"), 1);
    }
    tokens.insert(&token, None).await.expect("a token");
    assert!(users.delete(&user.id).await.expect("an answer"));
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
}

/// Other spellings of an id are other users.
pub(crate) async fn ids_of_other_bytes<U: UserStore<String>, T>(fixture: &Fixture<U, T>) {
    let others = ["ADA", "ada ", " ada", "àda", "a\u{300}da", "ａda"];
    for (n, id) in ["ada"].into_iter().chain(others).enumerate() {
        let found = fixture.users.find(&id.to_owned()).await.expect("an answer");
        assert!(found.is_none(), "{id:?} is another user");
        let mut user = new_user(&format!("user{n}"), ());
        user.id = Some(id.to_owned());
        fixture.users.insert(user).await.expect(id);
    }
    assert!(!fixture.users.delete(&"Ada".to_owned()).await.expect("an answer"));
    for id in ["ada"].into_iter().chain(others) {
        assert!(
            fixture.users.delete(&id.to_owned()).await.expect("an answer"),
            "{id:?}"
        );
    }
}

/// The stores of one kind of id on tables of their own.
macro_rules! own {
    ($database:ident, $id:ty, $column:ident, $key:expr, $reference:expr) => {
        use crate::{
            backend::Place,
            server::kind::{Fixture, Kind, tables},
        };

        mod schema {
            diesel::table! {
                people (id) {
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
                keys_of_people (digest) {
                    id -> Text,
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
            struct People: $database { table: schema::people, id: $id, profile: () }
        }

        auth_sql::access_token_store! {
            struct Keys: $database { table: schema::keys_of_people, users: schema::people, user_id: $id }
        }

        impl Kind for People {
            type Id = $id;
        }

        async fn fixture() -> Fixture<People, Keys> {
            let place = Place::new().await;
            place.run(&tables($key, $reference)).await;
            Fixture::new(place, |database| {
                (People::new(database), Keys::new(database))
            })
        }
    };
}

/// A try of what `fixture` makes: the suite shows the rest on other columns.
macro_rules! sample {
    ($why:literal) => {
        #[test]
        #[ignore = $why]
        fn a_user_and_a_token_are_found_and_go_together() {
            auth_core::conformance::run(async {
                crate::server::kind::a_user_and_a_token(&fixture().await).await;
            });
        }
    };
}

/// The suite on the default tables, and a try of each kind of id on tables of its own; that of an integer is the library's.
macro_rules! all {
    ($database:ident, $why:literal) => {
        mod default_tables {
            use crate::{
                backend::{Database, Place, Tokens, Users},
                server::kind::{Fixture, Kind},
            };

            impl Kind for Users {
                type Id = uuid::Uuid;
            }

            async fn fixture() -> Fixture<Users, Tokens> {
                let open = |database: &Database| (Users::new(database), Tokens::new(database));
                Fixture::new(Place::migrated().await, open)
            }

            mod users {
                auth_core::user_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod list {
                auth_core::list_users_conformance!(super::fixture, #[ignore = $why]);
            }

            mod tokens {
                auth_core::access_token_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod index {
                auth_core::access_token_index_conformance!(super::fixture, #[ignore = $why]);
            }

            mod rotate {
                auth_core::rotate_tokens_conformance!(super::fixture, #[ignore = $why]);
            }

            mod purge {
                auth_core::purge_expired_conformance!(super::fixture, #[ignore = $why]);
            }
        }

        mod id_is_a_string {
            use crate::backend::EXACT_TEXT;

            crate::server::kind::own!($database, String, Text, EXACT_TEXT, EXACT_TEXT);
            crate::server::kind::sample!($why);

            #[test]
            #[ignore = $why]
            fn an_id_is_compared_byte_for_byte() {
                auth_core::conformance::run(async {
                    crate::server::kind::ids_of_other_bytes(&fixture().await).await;
                });
            }

            /// What of the suite ids of one spelling, as in the default tables, cannot show.
            #[test]
            #[ignore = $why]
            fn ids_that_look_alike_are_different_users() {
                use auth_core::conformance::{access_token_index, access_token_store, run, user_store};

                run(async {
                    let fixture = fixture().await;
                    user_store::ids_are_compared_byte_for_byte(&fixture).await;
                    access_token_store::ids_of_users_are_compared_byte_for_byte(&fixture).await;
                    access_token_index::users_of_ids_that_look_alike_have_lists_of_their_own(&fixture).await;
                });
            }
        }

        mod id_is_an_i32 {
            crate::server::kind::own!($database, i32, Integer, crate::backend::SERIAL, "integer");
            crate::server::kind::sample!($why);
        }

        mod id_is_a_uuid_in_text {
            crate::server::kind::own!($database, uuid::Uuid, Text, "varchar(36)", "varchar(36)");
            crate::server::kind::sample!($why);
        }

        mod id_is_a_uuid_in_bytes {
            use crate::backend::BYTES;

            crate::server::kind::own!($database, uuid::Uuid, Binary, BYTES, BYTES);
            crate::server::kind::sample!($why);
        }

        mod id_is_of_the_applications_own {
            use crate::{backend::BYTES, server::object_id::ObjectId};

            crate::server::kind::own!($database, ObjectId, Binary, BYTES, BYTES);
            crate::server::kind::sample!($why);
        }
    };
}

pub(crate) use {all, own, sample};
