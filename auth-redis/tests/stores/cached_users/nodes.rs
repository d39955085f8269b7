//! What several nodes see of each other's changes.

use std::sync::Arc;

use auth_core::{
    AccessTokenStore as _, CachedUsers, ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy,
    Outcome, RevocableStrategy, SigningSecret, Subject, User, UserCache as _, UserStore as _, admit,
};
use auth_redis::{RedisAccessTokenStore, RedisUserCache};
use portcullis::jwt::{JwtStrategy, TrackedJwtStrategy};
use uuid::Uuid;

use super::{Member, Nodes, cache, check, fields};
use crate::{
    redis::round_trips::{counted, unattended},
    server::{self, Server},
    token::hour,
};

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_user_is_read_from_the_cache_until_it_is_changed_on_any_node() {
    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let mut user = nodes.user(5).await;
    check(&nodes.one, &user).await;
    let old = user.clone();
    user.is_superuser = true;
    nodes.change_past_the_cache(&user).await;
    user.revision += 1;
    // No field is lost in the cache.
    for node in [&nodes.one, &nodes.other] {
        check(node, &old).await;
    }

    user.is_active = false;
    user.security_epoch += 1;
    nodes.other.update(&user).await.expect("written");
    user.revision += 1;
    for node in [&nodes.one, &nodes.other] {
        check(node, &user).await;
    }
    assert!(nodes.one.delete(&user.id).await.expect("deleted"));
    for node in [&nodes.one, &nodes.other] {
        assert!(node.find(&user.id).await.expect("an answer").is_none());
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_fence_that_nobody_lifts_falls_within_five_minutes() {
    use auth_redis::fred::interfaces::KeysInterface as _;

    let nodes = Nodes::on(&server::url("TEST_REDIS_URL")).await;
    let cache = cache(&nodes.redis, &nodes.secret);
    let user = nodes.user(1).await;
    for _writer in 0..100 {
        cache.fence(&user.id).await.expect("a fence");
    }
    let left: i64 = nodes
        .client
        .pttl(nodes.key(user.id))
        .await
        .expect("a time to live");
    assert!((30_000..=300_000).contains(&left), "{left}");
    let value = nodes.value(user.id).await.expect("fences");
    assert_eq!(value.len(), 1 + 16 * 64, "of very many, the newest");
    check(&nodes.one, &user).await;
}

/// A log-in by a `strategy` over the log-ins of a cache.
async fn comes_with_its_user<S: RevocableStrategy<Uuid>>(
    strategy: impl FnOnce(Arc<RedisAccessTokenStore<Uuid>>, &SigningSecret) -> S,
) {
    let server = Server::start(&[]).await;
    let client = server::client(&server.url()).await;
    let nodes = Nodes::on(&server.url()).await;
    let user = nodes.user(4).await;
    let redis = unattended(&server).await;
    let cache = RedisUserCache::<_, Member>::new(redis, &nodes.secret);
    let tokens = Arc::new(cache.access_tokens());
    let strategy = strategy(tokens.clone(), &nodes.secret);
    let cached = CachedUsers::new(nodes.store.clone(), Arc::new(cache));
    let subject = Subject::from(&user);
    let issued = strategy
        .issue(&NewLogIn::new("api", &subject, &ClientInfo::default()))
        .await
        .expect("a token");
    let secret = issued.access.secret.expose_secret();
    let request = async || -> Outcome<User<_, Member>> {
        match admit(&cached, strategy.read("api", secret).await).await {
            Outcome::Authenticated((user, _credential)) => Outcome::Authenticated(user),
            Outcome::Rejected(rejection) => Outcome::Rejected(rejection),
            other => panic!("{other:?}"),
        }
    };
    let authenticated = async || match request().await {
        Outcome::Authenticated(user) => user,
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(&authenticated().await), fields(&user), "from the store");
    counted(&client).await;
    for _request in 0..20 {
        assert_eq!(fields(&authenticated().await), fields(&user));
    }
    let counts = counted(&client).await;
    // The script itself gets two keys.
    assert_eq!(
        (counts.get("evalsha"), counts.get("get"), counts.len()),
        (Some(&20), Some(&40), 2),
        "{counts:?}"
    );

    let mut changed = user.clone();
    changed.security_epoch += 1;
    cached.update(&changed).await.expect("written");
    assert!(matches!(request().await, Outcome::Rejected(_)), "at once");
    strategy.revoke("api", secret).await.expect("revoked");
    let (key, token) = hour(user.id);
    tokens.insert(&token, None).await.expect("inserted");
    let found = tokens.find(&key).await.expect("an answer").expect("a token");
    assert!(
        found.provenance.loaded_user.is_some(),
        "the request after the change cached the user again"
    );
    cached.delete(&user.id).await.expect("deleted");
    let found = tokens.find(&key).await.expect("an answer").expect("a token");
    assert!(
        found.provenance.loaded_user.is_none(),
        "nothing of a deleted user is left"
    );
}

fn lifetime() -> Lifetime {
    Lifetime::from_secs(3600).expect("an hour")
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn an_opaque_token_comes_with_its_user_in_one_round_trip() {
    comes_with_its_user(|tokens, _secret| OpaqueStrategy::new(tokens, lifetime())).await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_tracked_jwt_comes_with_its_user_in_one_round_trip() {
    comes_with_its_user(|tokens, secret| {
        let jwt = JwtStrategy::hs256(secret, lifetime()).expect("a strategy");
        TrackedJwtStrategy::new(jwt, tokens, lifetime()).expect("a strategy")
    })
    .await;
}
