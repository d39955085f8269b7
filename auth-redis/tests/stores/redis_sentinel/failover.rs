//! A master that dies or hangs, and a replica that takes its place.

use std::num::NonZeroU32;

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _};
use auth_redis::{Redis, RedisAccessTokenStore};
use uuid::Uuid;

use crate::{
    server::{self, Server, tell, until},
    token::hour,
};

struct Scene {
    master: Server,
    replica: Server,
    sentinel: Server,
    redis: Redis,
    store: RedisAccessTokenStore<Uuid>,
}

async fn scene() -> Scene {
    let (master, replica) = (Server::start(&[]).await, Server::start(&[]).await);
    replica.follow(&master).await;
    let sentinel = Server::sentinel(master.port).await;
    until("Sentinel knows the replica", async || {
        let info = tell(&sentinel.url(), &["INFO", "sentinel"]).await;
        info.as_string().is_some_and(|info| info.contains("slaves=1"))
    })
    .await;
    let url = format!(
        "redis-sentinel://127.0.0.1:{}?sentinelServiceName=main",
        sentinel.port
    );
    let redis = server::redis(&url).await;
    Scene {
        store: RedisAccessTokenStore::new(&redis),
        master,
        replica,
        sentinel,
        redis,
    }
}

impl Scene {
    /// Tokens that were kept and revoked before the failover are so after it.
    async fn survives(&mut self, fail: impl AsyncFnOnce(&mut Server, &Server)) {
        let user = Uuid::now_v7();
        let [(kept_key, kept), (revoked_key, revoked)] = [hour(user), hour(user)];
        self.store.insert(&kept, None).await.expect("inserted");
        self.store.insert(&revoked, None).await.expect("inserted");
        assert!(self.store.delete(&revoked_key).await.expect("revoked"));
        tell(&self.master.url(), &["WAIT", "1", "1000"]).await;
        fail(&mut self.master, &self.sentinel).await;
        until("the replica is the master", async || {
            let role = tell(&self.replica.url(), &["ROLE"]).await;
            role.into_array()[0].as_str().is_some_and(|role| role == "master")
        })
        .await;
        until("the new master takes tokens", async || {
            self.store.insert(&hour(user).1, NonZeroU32::new(2)).await.is_ok()
        })
        .await;
        assert_eq!(self.store.find(&kept_key).await.expect("an answer"), Some(kept));
        assert_eq!(self.store.find(&revoked_key).await.expect("an answer"), None);
        assert_eq!(self.store.list(&user).await.expect("a list").len(), 2);
        assert_eq!(self.store.delete_all(&user).await.expect("deleted"), 2);
    }
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_failover_that_was_ordered_is_followed() {
    let order = async |_: &mut Server, sentinel: &Server| {
        tell(&sentinel.url(), &["SENTINEL", "FAILOVER", "main"]).await;
    };
    scene().await.survives(order).await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_master_that_dies_is_left_for_the_replica() {
    scene()
        .await
        .survives(async |master: &mut Server, _: &Server| master.kill())
        .await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_master_that_hangs_is_left_for_the_replica() {
    scene()
        .await
        .survives(async |master: &mut Server, _: &Server| master.signal("-STOP"))
        .await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_revocation_that_no_replica_has_is_not_reported_as_done() {
    let scene = scene().await;
    let own = server::client(&scene.master.url()).await;
    let redis = Redis::from(&scene.redis)
        .wait_for_replicas(NonZeroU32::MIN, &own)
        .expect("no cluster");
    let store = RedisAccessTokenStore::<Uuid>::new(&redis);
    let user = Uuid::now_v7();
    let tokens = [hour(user), hour(user), hour(user)];
    for (_, token) in &tokens {
        store.insert(token, None).await.expect("inserted");
    }
    assert!(store.delete(&tokens[0].0).await.expect("the replica has it"));
    scene.replica.signal("-STOP");
    for _attempt in 0..2 {
        // The second time there is nothing left to delete, but still something to wait for.
        let error = store
            .delete(&tokens[1].0)
            .await
            .expect_err("the replica does not have it");
        assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
        assert_eq!(store.find(&tokens[1].0).await.expect("an answer"), None);
    }
    let anew = server::client(&scene.master.url()).await;
    let fresh = redis
        .clone()
        .wait_for_replicas(NonZeroU32::MIN, &anew)
        .expect("no cluster");
    let error = RedisAccessTokenStore::<Uuid>::new(&fresh)
        .delete(&tokens[1].0)
        .await;
    error.expect_err("a connection that wrote nothing before has as much to wait for");
    store
        .delete_all(&user)
        .await
        .expect_err("the replica does not have it");
    scene.replica.signal("-CONT");
    until("the replica has it", async || {
        store.delete_all(&user).await.is_ok()
    })
    .await;
    let (key, token) = hour(user);
    store.insert(&token, None).await.expect("inserted");
    assert!(
        store
            .delete_by_id(&user, token.id)
            .await
            .expect("the replica has it")
    );
    assert_eq!(store.find(&key).await.expect("an answer"), None);
}

#[tokio::test]
#[ignore = "needs Redis Cluster"]
async fn replicas_of_a_cluster_are_not_waited_for() {
    let pool = auth_redis::connect("URL", &server::url("TEST_REDIS_CLUSTER_URL"))
        .await
        .expect("a pool");
    let refused = Redis::from(&pool).wait_for_replicas(NonZeroU32::MIN, &pool.clients()[0]);
    assert_eq!(refused.expect_err("a cluster").setting(), "replicas");
}
