//! A server that is down, hangs or cuts, and callers that go away.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use auth_core::{AccessTokenStore as _, Cap, InsertUserError, StoreError, StoreErrorKind, UserStore as _};
use auth_mongo::{
    MongoAccessTokenStore, MongoSessionStore, MongoUserStore, connect,
    mongodb::{
        Client,
        event::{EventHandler, cmap::CmapEvent},
        options::{ClientOptions, ServerAddress},
    },
};
use portcullis_support::{Fault, Proxy};
use uuid::Uuid;

use super::database::{TestDatabase, new_token, new_user, options};

/// Where the server of the tests listens.
async fn server() -> String {
    options().await.hosts.first().expect("a host").to_string()
}

/// The users of `database`, asked through `proxy`.
async fn users_through(proxy: &Proxy, database: &TestDatabase, deadline: Duration) -> MongoUserStore<Uuid> {
    let url = format!("mongodb://{}/{}", proxy.address(), database.database.name());
    let behind = connect(&url).await.expect("a database");
    MongoUserStore::builder(&behind)
        .deadline(deadline)
        .build()
        .expect("a store")
}

/// Asks until there is an answer, as a service does that goes on.
async fn recovered<T>(mut ask: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_server_that_is_down_at_start_is_a_store_error_by_the_deadline_until_it_is_up() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::to(server().await).await;
    proxy.set(Fault::Cut).await;
    let url = format!("mongodb://{}/{}", proxy.address(), database.database.name());
    let behind = connect(&url).await.expect("no server is asked");
    let users = MongoUserStore::<Uuid>::builder(&behind)
        .deadline(Duration::from_secs(10))
        .build()
        .expect("no server is asked");

    let start = Instant::now();
    users.create_indexes().await.expect_err("no server");
    let refused = users.insert(new_user("ada", ())).await;
    assert!(matches!(refused, Err(InsertUserError::Store(_))), "{refused:?}");
    let error = users.find(&Uuid::now_v7()).await.expect_err("no server");
    assert_eq!(
        error.kind(),
        StoreErrorKind::Unreachable,
        "the log says why: {error}"
    );
    assert!(
        start.elapsed() < Duration::from_secs(3 * 10),
        "{:?}",
        start.elapsed()
    );

    proxy.heal().await;
    let nobody = recovered(async || users.find(&Uuid::now_v7()).await).await;
    assert!(nobody.is_none());
    users.create_indexes().await.expect("indexes");
    users.insert(new_user("ada", ())).await.expect("a user");
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_server_that_hangs_is_a_store_error_by_the_deadline_and_then_answers_again() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::to(server().await).await;
    let limit = Duration::from_millis(400);
    let users = users_through(&proxy, &database, limit).await;
    let ada = recovered(async || match users.insert(new_user("ada", ())).await {
        Ok(ada) => Ok(Some(ada)),
        Err(InsertUserError::Store(error)) => Err(error),
        Err(_taken) => Ok(None),
    })
    .await;

    proxy.set(Fault::Hang).await;
    for _call in 0..30 {
        let start = Instant::now();
        users.find(&Uuid::now_v7()).await.expect_err("no answer");
        assert!(
            start.elapsed() < limit + Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }
    proxy.heal().await;
    let id = ada.map_or_else(Uuid::now_v7, |ada| ada.id);
    let found = recovered(async || users.find(&id).await).await;
    assert_eq!(found.map(|user| user.id), Some(id));
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_connection_that_is_cut_is_an_error_at_once_and_then_there_are_others() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::to(server().await).await;
    let users = users_through(&proxy, &database, Duration::from_secs(5)).await;
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    for _round in 0..3 {
        proxy.set(Fault::Cut).await;
        let start = Instant::now();
        users.find(&ada.id).await.expect_err("no server");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        proxy.heal().await;
        let found = recovered(async || users.find(&ada.id).await).await;
        assert_eq!(found.map(|user| user.id), Some(ada.id));
    }
}

/// Polls `call` up to `polls` times, drops it as soon as it waits again, and says whether it came to its end.
async fn dropped<T>(call: impl Future<Output = T>, polls: u32) -> bool {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(_answer) => Poll::Ready(false),
            Poll::Pending if polled >= polls => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// On the runtime of an actix-web worker.
#[tokio::test(flavor = "current_thread")]
#[ignore = "needs MongoDB"]
async fn k2_a_caller_that_goes_away_costs_no_connection_and_leaves_a_change_whole() {
    let closed = Arc::new(AtomicU32::new(0));
    let mut options = options().await;
    options.max_pool_size = Some(2);
    let count = Arc::clone(&closed);
    options.cmap_event_handler = Some(EventHandler::callback(move |event| {
        if matches!(event, CmapEvent::ConnectionClosed(_)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let database = TestDatabase::with(options);
    let users = MongoUserStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    users.create_indexes().await.expect("indexes");
    tokens.create_indexes().await.expect("indexes");
    let ada = users.insert(new_user("ada", ())).await.expect("a user");

    let mut count = 0;
    for n in 0..20 {
        let (key, token) = new_token(&ada.id, &format!("token {n}"));
        for was_dropped in [
            dropped(users.find(&ada.id), n % 3).await,
            dropped(tokens.insert(&token, NonZeroU32::new(2).map(Cap::new)), n % 3).await,
            dropped(tokens.find(&key), n % 3).await,
        ] {
            count += u32::from(was_dropped);
        }
    }
    assert!(count >= 40, "{count} calls were dropped");
    let (key, token) = new_token(&ada.id, "the last");
    tokens
        .insert(&token, NonZeroU32::new(1).map(Cap::new))
        .await
        .expect("a token");
    assert_eq!(tokens.find(&key).await.expect("an answer"), Some(token));
    assert_eq!(
        tokens.delete_all(&ada.id).await.expect("an answer"),
        1,
        "the cap holds over what was dropped"
    );
    assert_eq!(closed.load(Ordering::SeqCst), 0, "no connection was closed");
}

#[tokio::test]
async fn a_deadline_of_zero_and_a_name_that_is_none_are_refused() {
    let nowhere = ServerAddress::parse("127.0.0.1:1").expect("an address");
    let client =
        Client::with_options(ClientOptions::builder().hosts(vec![nowhere]).build()).expect("a client");
    let database = client.database("auth");
    let zero = MongoUserStore::<Uuid>::builder(&database)
        .deadline(Duration::ZERO)
        .build();
    assert_eq!(zero.expect_err("is refused").setting(), "deadline");
    let zero = MongoAccessTokenStore::<Uuid>::builder(&database)
        .deadline(Duration::ZERO)
        .build();
    assert_eq!(zero.expect_err("is refused").setting(), "deadline");
    let zero = MongoSessionStore::<Uuid>::builder(&database)
        .deadline(Duration::ZERO)
        .build();
    assert_eq!(zero.expect_err("is refused").setting(), "deadline");
    for name in ["", "a$b", "a\0b", "system.users"] {
        let refused = MongoUserStore::<Uuid>::builder(&database)
            .collection(name)
            .build();
        assert_eq!(refused.expect_err(name).setting(), "collection");
        let refused = MongoAccessTokenStore::<Uuid>::builder(&database)
            .collection(name)
            .build();
        assert_eq!(refused.expect_err(name).setting(), "collection");
        let refused = MongoSessionStore::<Uuid>::builder(&database)
            .collection(name)
            .build();
        assert_eq!(refused.expect_err(name).setting(), "collection");
    }
    let nobody = MongoUserStore::<i64>::builder(&database).build();
    assert_eq!(nobody.expect_err("nobody makes ids").setting(), "ids");
    MongoUserStore::<i64>::builder(&database)
        .ids(|| 7)
        .build()
        .expect("a store");
    MongoAccessTokenStore::<i64>::builder(&database)
        .build()
        .expect("tokens make no ids");
}
