//! The reference stores in memory keep every promise of the suite.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use auth_core::{
    UserId,
    conformance::{self, AccessTokenFixture, SessionFixture, UserFixture},
    memory::{MemoryAccessTokenStore, MemorySessionStore, MemoryUserStore},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reader {
    first_name: String,
    age: Option<u32>,
}

struct Users<Id: UserId>(Arc<MemoryUserStore<Id, Reader>>);

impl<Id: UserId> UserFixture for Users<Id> {
    type Id = Id;
    type Profile = Reader;
    type Store = MemoryUserStore<Id, Reader>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.0)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        self.store()
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        None
    }

    fn profile(&self, n: u32) -> Reader {
        Reader {
            first_name: format!("Zoë \"{n}\""),
            age: n.is_multiple_of(2).then_some(n),
        }
    }
}

struct Tokens<Id: UserId>(Arc<MemoryAccessTokenStore<Id>>, fn() -> Id);

impl<Id: UserId> AccessTokenFixture for Tokens<Id> {
    type Id = Id;
    type Store = MemoryAccessTokenStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.0)
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.unwrap_or_else(self.1)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        self.store()
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        None
    }

    fn interleavings(&self) -> u32 {
        1000
    }
}

async fn tokens() -> Tokens<Uuid> {
    Tokens(Arc::default(), Uuid::now_v7)
}

async fn tokens_of_text_ids() -> Tokens<String> {
    Tokens(Arc::default(), || Uuid::now_v7().to_string())
}

struct Sessions<Id: UserId>(Arc<MemorySessionStore<Id>>, fn() -> Id);

impl<Id: UserId> SessionFixture for Sessions<Id> {
    type Id = Id;
    type Store = MemorySessionStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.0)
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.unwrap_or_else(self.1)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        self.store()
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        None
    }
}

async fn sessions() -> Sessions<Uuid> {
    Sessions(Arc::default(), Uuid::now_v7)
}

async fn sessions_of_text_ids() -> Sessions<String> {
    Sessions(Arc::default(), || Uuid::now_v7().to_string())
}

mod users_with_ids_made_here {
    use super::*;

    auth_core::user_store_conformance!(async || Users::<Uuid>(Arc::default()));
}

mod list {
    use super::*;

    auth_core::list_users_conformance!(async || Users::<Uuid>(Arc::default()));
}

mod users_with_ids_made_by_the_store {
    use super::*;

    auth_core::user_ids_conformance!(async || {
        Users(Arc::new(MemoryUserStore::with_ids(|n| i64::try_from(n).ok())))
    });
}

mod users_with_text_ids {
    use super::*;

    auth_core::user_ids_conformance!(async || Users::<String>(Arc::default()));
}

mod access_tokens {
    auth_core::access_token_store_conformance!(super::tokens);
}

mod access_tokens_of_text_ids {
    auth_core::access_token_ids_conformance!(super::tokens_of_text_ids);
    auth_core::rotate_ids_conformance!(super::tokens_of_text_ids);
}

mod index {
    auth_core::access_token_index_conformance!(super::tokens);
}

mod rotation {
    auth_core::rotate_tokens_conformance!(super::tokens);
}

mod purge {
    auth_core::purge_expired_conformance!(super::tokens);
}

mod sessions_of_uuids {
    auth_core::session_store_conformance!(super::sessions);
    auth_core::purge_sessions_conformance!(super::sessions);
}

mod sessions_of_texts {
    auth_core::session_ids_conformance!(super::sessions_of_text_ids);
}

/// 20 times the 50 interleavings that every store passes.
#[test]
fn s4_sessions_hold_through_a_thousand_random_interleavings() {
    conformance::run(async {
        for _ in 0..20 {
            let fixture = sessions().await;
            conformance::session_store::s4_a_log_out_beats_requests_in_flight(&fixture).await;
            conformance::session_store::no_update_is_lost_between_parallel_saves(&fixture).await;
        }
    });
}

/// An attribute after the maker goes to each test: `should_panic` holds only if it got there.
mod attributes {
    use super::*;

    async fn no_server() -> Tokens<Uuid> {
        panic!("there is no server")
    }

    auth_core::purge_expired_conformance!(
        no_server,
        #[should_panic(expected = "there is no server")]
    );
}
