//! What stands under which key, and for how long.

use auth_core::{
    AccessTokenStore as _, InsertTokenError, Predecessor, SessionChange, SessionStore as _, SessionWrite,
    ShardTag, StoreErrorKind,
};
use auth_redis::{RedisSessionStore, fred::interfaces::KeysInterface as _};
use time::Duration;
use uuid::Uuid;

use crate::{
    redis::scene::{Scene, is, scene},
    server::until,
    session::{change, session},
    token::hour,
};

const HOUR: Option<Duration> = Some(Duration::HOUR);

fn tag(user: Uuid) -> String {
    format!("{{{:04x}}}", ShardTag::for_user(&user).get())
}

/// How many milliseconds the session and the index of `user` live on.
async fn left(scene: &Scene, user: Uuid) -> [i64; 2] {
    let keys = scene.keys().await;
    let [(index, index_left), (session, session_left)] = &keys[..] else {
        panic!("a session and its index: {keys:?}")
    };
    assert_eq!(*index, format!("{}:i:{user}", tag(user)));
    assert!(session.starts_with(&format!("{}:s:", tag(user))), "{session}");
    [*session_left, *index_left]
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_save_moves_the_expiry_of_the_session_and_of_its_index() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let (key, begun) = session(Some(user), Some(Duration::minutes(10)));
    scene.sessions.create(&key, &begun, None).await.expect("created");
    let (now, at) = (begun.created_at, begun.created_at + Duration::SECOND);
    for (revision, (minutes, data)) in [(40, None), (5, Some("[1]")), (-1, None), (20, Some("[2]"))]
        .into_iter()
        .enumerate()
    {
        let end = (minutes >= 0).then(|| now + Duration::minutes(minutes));
        let mut change = SessionChange::new(at, end);
        change.data = data.map(str::to_owned);
        let saved = scene.sessions.save(&key, &change).await;
        assert_eq!(saved.expect("an answer"), SessionWrite::Done);
        for left in left(&scene, user).await {
            assert!(
                left == minutes || is(left, minutes),
                "{revision}: {left} ms are not {minutes} minutes"
            );
        }
    }
    let deleted = scene.sessions.delete(&key, Some(2)).await;
    assert_eq!(deleted.expect("an answer"), SessionWrite::Done);
    assert_eq!(scene.keys().await, [], "the last session takes the index along");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_session_expires_and_the_index_forgets_it_at_the_next_creation() {
    let scene = scene().await;
    let user = Uuid::now_v7();
    let members = async || {
        let index = format!("{}{}:i:{user}", scene.prefix, tag(user));
        let size = crate::server::ask(&scene.client, &["ZCARD", &index]).await;
        size.expect("a size").as_i64().expect("a number")
    };
    let (kept, begun) = session(Some(user), None);
    scene.sessions.create(&kept, &begun, None).await.expect("created");
    let mut keys = Vec::new();
    for _ in 0..5 {
        let (key, begun) = session(Some(user), Some(Duration::seconds(3)));
        scene.sessions.create(&key, &begun, None).await.expect("created");
        keys.push(key);
    }
    for key in &keys {
        until("the session expires", async || {
            scene.sessions.load(key).await.expect("an answer").is_none()
        })
        .await;
    }
    assert_eq!(members().await, 6);
    let (key, begun) = session(Some(user), HOUR);
    scene.sessions.create(&key, &begun, None).await.expect("created");
    assert_eq!(members().await, 2);
    assert_eq!(scene.sessions.delete_all(&user).await.expect("an answer"), 2);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_visitors_session_is_one_key_and_a_users_is_never_taken_for_a_token() {
    let scene = scene().await;
    let (key, begun) = session(None, HOUR);
    scene.sessions.create(&key, &begun, None).await.expect("created");
    let keys = scene.keys().await;
    assert!(keys.len() == 1 && keys[0].0.contains("}:s:"), "{keys:?}");

    let user = Uuid::now_v7();
    let (key, begun) = session(Some(user), HOUR);
    scene.sessions.create(&key, &begun, None).await.expect("created");
    assert_eq!(scene.store.find(&key).await.expect("an answer"), None);
    let (token_key, token) = hour(user);
    scene.store.insert(&token, None).await.expect("inserted");
    assert_eq!(scene.sessions.load(&token_key).await.expect("an answer"), None);
    // Each store ends its own alone.
    assert_eq!(scene.store.delete_all(&user).await.expect("an answer"), 1);
    assert!(scene.sessions.load(&key).await.expect("an answer").is_some());
    scene.store.insert(&token, None).await.expect("inserted");
    assert_eq!(scene.sessions.delete_all(&user).await.expect("an answer"), 1);
    assert!(scene.store.find(&token_key).await.expect("an answer").is_some());
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_took_the_place_of_a_session_is_known_for_a_minute() {
    let scene = scene().await;
    let ((old, begun), (key, new)) = (session(None, HOUR), session(None, HOUR));
    scene.sessions.create(&old, &begun, None).await.expect("created");
    let predecessor = Predecessor::new(old, None);
    let replaced = scene.sessions.create(&key, &new, Some(&predecessor)).await;
    assert_eq!(replaced.expect("an answer"), SessionWrite::Done);
    let mut keys = scene.keys().await;
    keys.sort_by_key(|(_, left)| *left);
    let [(known, known_left), (session, _)] = &keys[..] else {
        panic!("a session, and that it took a place: {keys:?}")
    };
    assert!(known.contains("}:r:") && session.contains("}:s:"), "{keys:?}");
    assert!((1..=60_000).contains(known_left), "{keys:?}");
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_key_with_the_tag_of_another_is_refused_and_one_without_a_tag_is_not_found() {
    let scene = scene().await;
    let users = std::iter::repeat_with(Uuid::now_v7);
    let (_, begun) = session(Some(Uuid::now_v7()), HOUR);
    let owner = begun.subject.as_ref().expect("a user").user_id;
    let mut others = users.filter(|user| ShardTag::for_user(user) != ShardTag::for_user(&owner));
    let (mut key, _) = session(others.next(), HOUR);
    for tag in [key.tag, None] {
        key.tag = tag;
        let Err(InsertTokenError::Store(error)) = scene.sessions.create(&key, &begun, None).await else {
            panic!("its user's index would be on another node")
        };
        assert_eq!(error.kind(), StoreErrorKind::Internal, "{error}");
    }
    assert_eq!(scene.keys().await, []);
    let gone = SessionWrite::Gone;
    assert_eq!(scene.sessions.load(&key).await.expect("an answer"), None);
    let change = change(&begun, "[]", None);
    assert_eq!(scene.sessions.save(&key, &change).await.expect("an answer"), gone);
    assert_eq!(scene.sessions.delete(&key, None).await.expect("an answer"), gone);
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_revision_is_counted_past_every_byte() {
    let scene = scene().await;
    for first in [0xff, 0xffff, (1 << 53) - 1, (1 << 56) - 1, i64::MAX - 1, -1] {
        let (key, mut begun) = session(None, HOUR);
        begun.revision = first;
        scene.sessions.create(&key, &begun, None).await.expect("created");
        let change = change(&begun, "[]", first);
        let saved = scene.sessions.save(&key, &change).await.expect("an answer");
        assert_eq!(saved, SessionWrite::Done);
        let loaded = scene.sessions.load(&key).await.expect("an answer");
        assert_eq!(loaded.map(|session| session.revision), Some(first + 1));
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_stored_session_that_cannot_be_read_is_a_store_error_and_can_be_deleted() {
    let scene = scene().await;
    let (key, begun) = session(None, HOUR);
    for damage in [
        "",
        "s",
        "hunter2",
        "{}",
        &"s".repeat(44),
        &"s".repeat(45),
        &"s".repeat(200),
    ] {
        scene.sessions.create(&key, &begun, None).await.expect("created");
        let name = format!("{}{}", scene.prefix, scene.keys().await[0].0);
        let () = scene
            .client
            .set(&name, damage, None, None, false)
            .await
            .expect("spoiled");
        let change = change(&begun, "[]", None);
        for error in [
            scene.sessions.load(&key).await.expect_err(damage),
            scene.sessions.save(&key, &change).await.expect_err(damage),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::InvalidData, "{damage}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let kept: String = scene.client.get(&name).await.expect("an answer");
        assert_eq!(kept, damage, "a save leaves what it cannot read");
        let deleted = scene.sessions.delete(&key, Some(0)).await;
        assert_eq!(deleted.expect("an answer"), SessionWrite::Done);
        assert_eq!(scene.keys().await, []);
    }
    let (key, begun) = session(Some(Uuid::now_v7()), HOUR);
    scene.sessions.create(&key, &begun, None).await.expect("created");
    let numbers = RedisSessionStore::<i64>::new(&scene.redis);
    let error = numbers.load(&key).await.expect_err("a user id of another type");
    assert_eq!(error.kind(), StoreErrorKind::InvalidData);
}
