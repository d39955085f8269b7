//! Calls whose reply is lost, or that a stalled server carries out late.

use std::{sync::Arc, time::Duration};

use auth_core::{CacheTicket, Cached, CachedUsers, User, UserCache, UserStore as _};
use auth_redis::RedisUserCache;
use portcullis_support::{Fault, Proxy};
use uuid::Uuid;

use super::{Member, Nodes, cache, fields};
use crate::server::{self, Server, until};

async fn ticket(cache: &RedisUserCache<Uuid, Member>, user: &User<Uuid, Member>) -> Option<CacheTicket> {
    match cache.find(&user.id).await.expect("an answer") {
        Cached::Miss(ticket) | Cached::Unreadable(ticket) => ticket,
        hit => panic!("{hit:?}"),
    }
}

async fn hit(cache: &RedisUserCache<Uuid, Member>, user: &User<Uuid, Member>) -> Option<String> {
    match cache.find(&user.id).await.expect("an answer") {
        Cached::Hit(found) => Some(fields(&found)),
        Cached::Miss(_) | Cached::Unreadable(_) | Cached::Full => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_call_whose_reply_is_lost_is_made_again() {
    let url = server::url("TEST_REDIS_URL");
    let nodes = Nodes::on(&url).await;
    let thief = Proxy::before(&url).await;
    let redis = server::redis_with(&thief.url(&url), &nodes.prefix).await;
    let robbed = cache(&redis, &nodes.secret);
    let steal = async || thief.set(Fault::LoseReply).await;
    let was_stolen = || assert_eq!(thief.fault(), Fault::None, "a reply was lost");
    // In the first round, the server may not know the scripts, so what is lost says nothing. The second one counts.
    for _round in 0..2 {
        let user = nodes.user(1).await;
        // The reply of the look-up.
        steal().await;
        let own = ticket(&robbed, &user).await.expect("a ticket");
        was_stolen();
        steal().await;
        robbed.put(own, &user).await.expect("kept");
        was_stolen();
        assert_eq!(hit(&robbed, &user).await, Some(fields(&user)));
        steal().await;
        let fence = robbed.fence(&user.id).await.expect("a fence");
        was_stolen();
        let value = nodes.value(user.id).await.expect("fences");
        assert_eq!(value.len(), 1 + 16, "one fence, though it was made twice");
        steal().await;
        robbed.lift(&user.id, fence, None).await.expect("lifted");
        was_stolen();
        assert_eq!(nodes.value(user.id).await, None);
    }
}

/// A reservation is asked for twice, and the server gets to the first one at the very end. The ticket of the second one was used
/// and made void meanwhile. It must not be good again.
#[tokio::test]
#[ignore = "needs Redis"]
async fn a_reservation_that_is_carried_out_late_revives_no_ticket() {
    let server = Server::start(&[]).await;
    let nodes = Nodes::on(&server.url()).await;
    let slow = Proxy::before(&server.url()).await;
    let redis = server::redis_with(&slow.url(&server.url()), &nodes.prefix).await;
    let reader = cache(&redis, &nodes.secret);
    for round in 0..4 {
        let mut user = nodes.user(round).await;
        // The reply to the look-up or to the reservation is lost, so one of them is made again.
        slow.set(Fault::LoseReply).await;
        let own = ticket(&reader, &user).await;
        let read = user.clone();
        user.is_superuser = !user.is_superuser;
        nodes.other.update(&user).await.expect("changed");
        user.revision += 1;
        if let Some(own) = own {
            reader.put(own, &read).await.expect("an answer");
        }
        let found = nodes.one.find(&user.id).await.expect("an answer");
        assert_eq!(found.as_ref().map(fields), Some(fields(&user)), "round {round}");
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_change_while_the_server_stalls_is_refused_or_seen() {
    let server = Server::start(&[]).await;
    let nodes = Nodes::on(&server.url()).await;
    let redis = nodes.redis.clone().deadline(Duration::from_millis(500));
    let hasty = RedisUserCache::<Uuid, Member>::new(redis.expect("a deadline"), &nodes.secret);
    let node = CachedUsers::new(nodes.store.clone(), Arc::new(hasty));
    let mut user = nodes.user(3).await;
    assert!(
        nodes.one.find(&user.id).await.expect("an answer").is_some(),
        "cached"
    );
    server.signal("-STOP");
    user.is_active = false;
    node.update(&user).await.expect_err("not fenced in time");
    let stored = nodes
        .store
        .find(&user.id)
        .await
        .expect("an answer")
        .expect("a user");
    assert_eq!(stored.revision, user.revision, "nothing was written");
    let reader = node
        .find(&user.id)
        .await
        .expect("an answer")
        .expect("from the store");
    assert_eq!(reader.revision, user.revision);
    server.signal("-CONT");
    // The fence of the call that was given up stands for a while, which is slower and not wrong.
    until("a change succeeds", async || node.update(&user).await.is_ok()).await;
    user.revision += 1;
    for node in [&nodes.one, &nodes.other, &node] {
        let found = node.find(&user.id).await.expect("an answer").expect("a user");
        assert_eq!(fields(&found), fields(&user));
    }
}
