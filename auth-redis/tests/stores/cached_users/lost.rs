//! Calls whose reply is lost, or that a stalled server carries out late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use auth_core::{CacheTicket, Cached, CachedUsers, User, UserCache, UserStore as _};
use auth_redis::{RedisUserCache, fred::interfaces::KeysInterface as _};
use portcullis_support::{Fault, Proxy};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
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
    let detour = Detour::to(server.port).await;
    let redis = server::redis_with(&detour.url, &nodes.prefix).await;
    let reader = cache(&redis, &nodes.secret);
    // So that the server knows the script.
    assert!(ticket(&reader, &nodes.user(0).await).await.is_some());
    let mut user = nodes.user(1).await;
    detour.holds.store(true, SeqCst);
    let own = ticket(&reader, &user).await.expect("the second attempt's");
    assert!(!detour.holds.load(SeqCst), "the first attempt was held back");
    let read = user.clone();
    user.is_superuser = !user.is_superuser;
    nodes.other.update(&user).await.expect("changed");
    user.revision += 1;
    detour.carries_out().await;
    let taken = nodes.value(user.id).await.expect("a ticket");
    assert_eq!(taken[0], b't', "the first attempt was carried out");
    // As a reader of before the change.
    let _none: i64 = nodes.client.del(least(&nodes, user.id)).await.expect("dropped");
    reader.put(own, &read).await.expect("an answer");
    let found = nodes.one.find(&user.id).await.expect("an answer");
    assert_eq!(found.as_ref().map(fields), Some(fields(&user)));
}

/// The key of the revision that the user must have at least, which would refuse an older one whatever the ticket.
fn least(nodes: &Nodes, id: Uuid) -> String {
    nodes.key(id).replace("}:c:", "}:v:")
}

/// A request, and the connection that it waits for.
type Held = Arc<Mutex<Option<(Vec<u8>, TcpStream)>>>;

/// A way to a server on which one script can be held back: its caller loses the connection, and the server gets it later.
struct Detour {
    url: String,
    holds: Arc<AtomicBool>,
    held: Held,
}

impl Detour {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let (holds, held) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let (its_holds, its_held) = (Arc::clone(&holds), Arc::clone(&held));
        tokio::spawn(async move {
            while let Ok((client, _address)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.expect("a server");
                tokio::spawn(carry(
                    client,
                    server,
                    Arc::clone(&its_holds),
                    Arc::clone(&its_held),
                ));
            }
        });
        Self { url, holds, held }
    }

    /// Lets the server have what is held back.
    async fn carries_out(&self) {
        let held = self.held.lock().await.take();
        let (request, mut server) = held.expect("a request that is held back");
        server.write_all(&request).await.expect("sent");
        let mut reply = [0; 64];
        assert!(server.read(&mut reply).await.expect("a reply") > 0);
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, holds: Arc<AtomicBool>, held: Held) {
    let (mut request, mut reply) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            Ok(length @ 1..) = client.read(&mut request) => {
                let request = &request[..length];
                let is_script = request.windows(7).any(|word| word == b"EVALSHA");
                if is_script && holds.swap(false, SeqCst) {
                    *held.lock().await = Some((request.to_vec(), server));
                    return;
                }
                server.write_all(request).await.expect("sent");
            }
            Ok(length @ 1..) = server.read(&mut reply) => {
                client.write_all(&reply[..length]).await.expect("sent");
            }
            else => return,
        }
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
