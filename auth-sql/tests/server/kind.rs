//! The suite, for each kind of id, and what UUIDs can stand in.

use std::sync::Arc;

use auth_core::conformance::{AccessTokenFixture, UserFixture};
use auth_core::{AccessTokenStore, PurgeExpired, UserId, UserStore};

use super::sample::new_user;
use crate::backend::{BYTES, EXACT_TEXT, Place, TABLE_END};

/// A place with tables and the stores on it.
pub(crate) struct Fixture<U, T> {
    pub(crate) users: Arc<U>,
    pub(crate) tokens: Arc<T>,
    pub(crate) _place: Place,
}

/// What a store's types are, which its own type does not say.
pub(crate) trait Kind {
    type Id: UserId;
}

impl<U: UserStore<U::Id> + Kind + 'static, T: Send + Sync> UserFixture for Fixture<U, T> {
    type Id = U::Id;
    type Profile = ();
    type Store = U;

    fn store(&self) -> Arc<U> {
        Arc::clone(&self.users)
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

    async fn user(&self) -> U::Id {
        let user = new_user(&uuid::Uuid::new_v4().to_string(), ());
        self.users.insert(user).await.expect("a user").id
    }
}

/// Tables whose ids are made as `key` says, are referred to as `reference`, and whose public ids are texts.
pub(crate) fn tables(key: &str, reference: &str) -> String {
    format!(
        "CREATE TABLE people (
            id {key} PRIMARY KEY, email varchar(254) NOT NULL, normalized_email {EXACT_TEXT} NOT NULL UNIQUE,
            password_hash text, is_active boolean NOT NULL, is_superuser boolean NOT NULL,
            is_verified boolean NOT NULL, security_epoch bigint NOT NULL, revision bigint NOT NULL,
            created_at bigint NOT NULL, updated_at bigint NOT NULL
         ) {TABLE_END};
         CREATE TABLE keys_of_people (
            id varchar(36) NOT NULL UNIQUE, digest {BYTES} NOT NULL PRIMARY KEY, user_id {reference} NOT NULL,
            epoch bigint NOT NULL, created_at bigint NOT NULL, expires_at bigint, last_used_at bigint NOT NULL,
            user_agent text, address text, label text,
            FOREIGN KEY (user_id) REFERENCES people (id) ON DELETE CASCADE
         ) {TABLE_END};"
    )
}

/// The stores of one kind of id, on tables of their own, and the suite on them.
macro_rules! own {
    ($database:ident, $why:literal, $module:ident, $id:ty, $column:ident, $key:expr, $reference:expr) => {
        mod $module {
            use std::sync::Arc;

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
                let database = place.database(16);
                Fixture {
                    users: Arc::new(People::new(&database)),
                    tokens: Arc::new(Keys::new(&database)),
                    _place: place,
                }
            }

            mod users {
                auth_core::user_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod tokens {
                auth_core::access_token_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod index {
                auth_core::access_token_index_conformance!(super::fixture, #[ignore = $why]);
            }

            mod purge {
                auth_core::purge_expired_conformance!(super::fixture, #[ignore = $why]);
            }
        }
    };
}

/// The suite on the default tables, and on tables of each kind of id.
macro_rules! all {
    ($database:ident, $why:literal) => {
        mod default_tables {
            use std::sync::Arc;

            use crate::{
                backend::{Place, Tokens, Users},
                server::kind::{Fixture, Kind},
            };

            impl Kind for Users {
                type Id = uuid::Uuid;
            }

            async fn fixture() -> Fixture<Users, Tokens> {
                let place = Place::migrated().await;
                let database = place.database(16);
                Fixture {
                    users: Arc::new(Users::new(&database)),
                    tokens: Arc::new(Tokens::new(&database)),
                    _place: place,
                }
            }

            mod users {
                auth_core::user_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod tokens {
                auth_core::access_token_store_conformance!(super::fixture, #[ignore = $why]);
            }

            mod index {
                auth_core::access_token_index_conformance!(super::fixture, #[ignore = $why]);
            }

            mod purge {
                auth_core::purge_expired_conformance!(super::fixture, #[ignore = $why]);
            }
        }

        crate::server::kind::own!(
            $database, $why, id_is_i32, i32, Integer, crate::backend::SERIAL, "integer"
        );
        crate::server::kind::own!(
            $database, $why, id_is_a_string, String, Text, crate::backend::EXACT_TEXT, crate::backend::EXACT_TEXT
        );
        crate::server::kind::own!(
            $database, $why, id_is_a_uuid_in_text, uuid::Uuid, Text, "varchar(36)", "varchar(36)"
        );
        crate::server::kind::own!(
            $database, $why, id_is_a_uuid_in_bytes, uuid::Uuid, Binary, crate::backend::BYTES, crate::backend::BYTES
        );
    };
}

pub(crate) use {all, own};
