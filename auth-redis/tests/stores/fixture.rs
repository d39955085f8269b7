//! What the conformance suites run on: stores with keys of their own on the server of a URL.

use std::{convert::Infallible, fmt, str::FromStr, sync::Arc, time::Duration};

use auth_core::{
    UserId,
    conformance::{AccessTokenFixture, SessionFixture},
};
use auth_redis::{Redis, RedisAccessTokenStore, RedisSessionStore};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::server;

pub(crate) struct Fixture<Id> {
    tokens: Arc<RedisAccessTokenStore<Id>>,
    sessions: Arc<RedisSessionStore<Id>>,
    url: String,
    prefix: String,
}

impl<Id: SampleId> Fixture<Id> {
    pub(crate) async fn on(variable: &str) -> Self {
        let (url, prefix) = (server::url(variable), server::prefix());
        let redis = server::redis_with(&url, &prefix).await;
        Self {
            tokens: Arc::new(RedisAccessTokenStore::new(&redis)),
            sessions: Arc::new(RedisSessionStore::new(redis)),
            url,
            prefix,
        }
    }

    async fn of_another_process(&self) -> Redis {
        let redis = server::unconnected(&self.url, &self.prefix).await;
        redis.ping().await.expect("a connection");
        redis
    }
}

pub(crate) async fn out_of_reach() -> Redis {
    let pool = auth_redis::connect("redis://127.0.0.1:1").await;
    let redis = Redis::new(pool.expect("a pool")).deadline(Duration::from_millis(200));
    redis.expect("a deadline")
}

impl<Id: SampleId> AccessTokenFixture for Fixture<Id> {
    type Id = Id;
    type Store = RedisAccessTokenStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.tokens)
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.unwrap_or_else(Id::sample)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        Arc::new(RedisAccessTokenStore::new(self.of_another_process().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        Some(Arc::new(RedisAccessTokenStore::new(out_of_reach().await)))
    }
}

impl<Id: SampleId> SessionFixture for Fixture<Id> {
    type Id = Id;
    type Store = RedisSessionStore<Id>;

    fn store(&self) -> Arc<Self::Store> {
        Arc::clone(&self.sessions)
    }

    async fn user(&self, id: Option<Id>) -> Id {
        id.unwrap_or_else(Id::sample)
    }

    async fn another_process(&self) -> Arc<Self::Store> {
        Arc::new(RedisSessionStore::new(self.of_another_process().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<Self::Store>> {
        Some(Arc::new(RedisSessionStore::new(out_of_reach().await)))
    }
}

/// An id of which there are always more.
pub(crate) trait SampleId: UserId {
    fn sample() -> Self;
}

impl SampleId for Uuid {
    fn sample() -> Self {
        Self::now_v7()
    }
}

impl SampleId for i64 {
    /// No floating-point number holds it.
    fn sample() -> Self {
        let (high, _low) = Uuid::new_v4().as_u64_pair();
        (high | 1 | 1 << 62).cast_signed()
    }
}

impl SampleId for String {
    fn sample() -> Self {
        format!("{{1fff}}:u:\0\r\n*1 \"é\u{1f98a}\\ {}", Uuid::new_v4())
    }
}

/// An application's own type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ReaderId(String);

impl fmt::Display for ReaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReaderId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl UserId for ReaderId {
    fn generate() -> Option<Self> {
        None
    }
}

impl SampleId for ReaderId {
    fn sample() -> Self {
        Self(format!("}}}}{{}}{}", Uuid::new_v4().simple()))
    }
}

/// The suites on the server of `$variable` with ids of one type, and what depends on the ids with a module for each other.
macro_rules! conformance {
    ($variable:literal, $need:literal $(, $module:ident: $id:ty)*) => {
        mod uuid {
            async fn fixture() -> $crate::fixture::Fixture<uuid::Uuid> {
                $crate::fixture::Fixture::on($variable).await
            }

            mod store {
                auth_core::access_token_store_conformance!(super::fixture, #[ignore = $need]);
            }

            mod index {
                auth_core::access_token_index_conformance!(super::fixture, #[ignore = $need]);
            }

            mod rotate {
                auth_core::rotate_tokens_conformance!(super::fixture, #[ignore = $need]);
            }

            mod sessions {
                auth_core::session_store_conformance!(super::fixture, #[ignore = $need]);
            }
        }

        $(mod $module {
            async fn fixture() -> $crate::fixture::Fixture<$id> {
                $crate::fixture::Fixture::on($variable).await
            }

            auth_core::access_token_ids_conformance!(fixture, #[ignore = $need]);
            auth_core::rotate_ids_conformance!(fixture, #[ignore = $need]);

            mod sessions {
                auth_core::session_ids_conformance!(super::fixture, #[ignore = $need]);
            }
        })*
    };
}

pub(crate) use conformance;
