//! Redis through Sentinel.

use crate::{
    crowd::{Crowd, is_not_ready, is_replicated},
    process::{Showcase, until},
    server::{
        redis::{ask, is_ok},
        redis_sentinel::{NAME, RedisSentinel, is_replica},
    },
    stage::start,
};

async fn program(sentinel: &RedisSentinel) -> Showcase {
    start(&[("REDIS_URL".to_owned(), sentinel.url())]).await
}

async fn scene() -> (RedisSentinel, Showcase, Crowd) {
    let sentinel = RedisSentinel::start().await;
    let showcase = program(&sentinel).await;
    showcase.until_ready().await;
    let crowd = Crowd::gather(&showcase).await;
    is_replicated(sentinel.master.port).await;
    (sentinel, showcase, crowd)
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_master_that_is_killed_is_503_until_its_replica_took_over() {
    let (mut sentinel, showcase, mut crowd) = scene().await;
    sentinel.master.server.kill().await;
    crowd
        .meanwhile(sentinel.master_is_at(sentinel.replica.port))
        .await;
    crowd.is_as_before().await;
    showcase.until_ready().await;

    sentinel.master.server.start_again();
    let (old, new) = (sentinel.master.port, sentinel.replica.port);
    crowd
        .meanwhile(until("the old master follows", async || is_replica(old).await))
        .await;
    is_replicated(new).await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn a_master_that_hangs_is_503_by_the_deadline_and_replaced_and_does_not_come_back_as_one() {
    let (sentinel, _showcase, mut crowd) = scene().await;
    sentinel.master.server.pause();
    crowd
        .meanwhile(sentinel.master_is_at(sentinel.replica.port))
        .await;
    crowd.is_as_before().await;
    sentinel.master.server.resume();
    let old = sentinel.master.port;
    crowd
        .meanwhile(until("the old master follows", async || is_replica(old).await))
        .await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn an_ordered_failover_is_at_most_503_meanwhile() {
    let (sentinel, _showcase, mut crowd) = scene().await;
    let ordered = async {
        is_ok(&ask(sentinel.sentinels[0].port, &["SENTINEL", "FAILOVER", NAME]).await);
        sentinel.master_is_at(sentinel.replica.port).await;
        let old = sentinel.master.port;
        until("the old master follows", async || is_replica(old).await).await;
    };
    crowd.meanwhile(ordered).await;
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn while_every_sentinel_is_gone_the_master_serves() {
    let (mut sentinel, _showcase, mut crowd) = scene().await;
    for one in &mut sentinel.sentinels {
        one.server.kill().await;
    }
    crowd.is_as_before().await;
    for one in &mut sentinel.sentinels {
        one.server.start_again();
    }
    crowd.is_as_before().await;
}

#[tokio::test]
#[ignore = "needs Redis Sentinel"]
async fn without_its_servers_the_program_starts_and_finds_them_by_itself() {
    let mut sentinel = RedisSentinel::start().await;
    sentinel.master.server.pause();
    sentinel.replica.server.pause();
    for one in &mut sentinel.sentinels {
        one.server.kill().await;
    }
    let showcase = program(&sentinel).await;
    is_not_ready(&showcase).await;
    for one in &mut sentinel.sentinels {
        one.server.start_again();
    }
    is_not_ready(&showcase).await;
    sentinel.master.server.resume();
    sentinel.replica.server.resume();
    showcase.until_ready().await;
    Crowd::gather(&showcase).await.is_as_before().await;
}
