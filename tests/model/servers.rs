//! The same on stores that others use at the same time, and what takes a server.

use std::{env, sync::Arc, time::Duration};

use diesel_async::SimpleAsyncConnection as _;
use portcullis::{
    redis::{self, Redis, RedisAccessTokenStore},
    sql::postgres::{self, Database, PostgresAccessTokenStore, PostgresUserStore},
    testing::memory::MemoryUserStore,
};
use uuid::Uuid;

use crate::{block_on, crowd, seeds, sequence, world::Stores};

const SEQUENCES: u64 = 200;

/// A busy machine is slow, and that is no divergence.
const PATIENCE: Duration = Duration::from_secs(60);

fn server(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_absent| panic!("{variable} names a server"))
}

fn own_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

async fn run_all(stores: &Stores) {
    for seed in seeds(SEQUENCES) {
        sequence::run(stores, seed).await;
    }
}

async fn on_redis(test: impl AsyncFnOnce(&Stores)) {
    let pool = redis::connect(&server("TEST_REDIS_URL")).await.expect("a pool");
    let redis = Redis::new(pool)
        .prefix(&format!("{}:", own_name()))
        .and_then(|redis| redis.deadline(PATIENCE))
        .expect("allowed");
    redis.ping().await.expect("an answer");
    let stores = Stores {
        users: Arc::new(MemoryUserStore::new()),
        tokens: Arc::new(RedisAccessTokenStore::new(redis)),
    };
    test(&stores).await;
}

async fn on_postgres(test: impl AsyncFnOnce(&Stores)) {
    let (url, schema) = (server("TEST_POSTGRES_URL"), own_name());
    let end = if url.contains('?') { '&' } else { '?' };
    let own_url = format!("{url}{end}sslmode=disable&options=-c%20search_path%3D{schema}");
    execute(&url, &format!("CREATE SCHEMA {schema}")).await;
    let pool = postgres::connect(&own_url).expect("a pool");
    postgres::migrate(&pool).await.expect("migrated");
    let database = Database::new(pool).deadline(PATIENCE).expect("allowed");
    let stores = Stores {
        users: Arc::new(PostgresUserStore::new(&database)),
        tokens: Arc::new(PostgresAccessTokenStore::new(&database)),
    };
    test(&stores).await;
    execute(&url, &format!("DROP SCHEMA {schema} CASCADE")).await;
}

#[test]
#[ignore = "needs Redis"]
fn two_hundred_sequences_on_redis_come_out_as_the_model_says() {
    block_on(on_redis(run_all));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn two_hundred_sequences_on_postgres_come_out_as_the_model_says() {
    block_on(on_postgres(run_all));
}

#[test]
#[ignore = "needs Redis"]
fn f3_50_parallel_uses_of_a_refresh_token_on_redis_are_one_rotation() {
    block_on(on_redis(crowd::uses_one_refresh_token));
}

#[test]
#[ignore = "needs PostgreSQL"]
fn f3_50_parallel_uses_of_a_refresh_token_on_postgres_are_one_rotation() {
    block_on(on_postgres(crowd::uses_one_refresh_token));
}

async fn execute(url: &str, statement: &str) {
    let pool = postgres::connect(url).expect("a pool");
    let mut connection = pool.get().await.expect("a connection");
    connection.batch_execute(statement).await.expect(statement);
}
