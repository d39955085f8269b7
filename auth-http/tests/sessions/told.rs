//! What is told of sessions.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use auth_core::{MAX_SESSION_BYTES, User};
use auth_users::EventKind;
use portcullis::testing::Journal;
use time::Duration;
use uuid::Uuid;

use crate::{CLIENT, Cart, Service, begun, items, put, visit};

#[tokio::test]
async fn e3_the_log_in_and_the_end_of_a_session_of_a_user_are_told_and_so_is_one_that_is_refused() {
    let service = Service::new();
    let journal = Arc::new(Journal::new());
    service.users.audit().observe(journal.clone());
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let mut ids = Vec::new();
    for _device in 0..2 {
        let logging_in = visit(&carts, None).await;
        let identified = service.users.identify_without_proof(ada.clone());
        logging_in.session.log_in(identified).await.expect("logged in");
        ids.push(logging_in.leave().await.expect("an answer").expect("an id"));
    }
    visit(&carts, Some(&ids[0]))
        .await
        .session
        .end()
        .await
        .expect("ended");
    service.users.log_out_everywhere(&ada.id).await.expect("store");
    assert!(visit(&carts, Some(&ids[1])).await.session.user().is_none());
    // A visitor's is nobody's.
    let visitor = begun(&carts, &["a"]).await;
    visit(&carts, Some(&visitor))
        .await
        .session
        .end()
        .await
        .expect("ended");

    service.users.audit().drained().await;
    let events = journal.take();
    let of_sessions = events.iter().filter(|event| event.backend.is_some());
    for event in of_sessions {
        assert_eq!(event.client, Some(CLIENT), "{event:?}");
    }
    let told: Vec<_> = events
        .into_iter()
        .map(|event| (event.kind.name(), event.kind.why(), event.user, event.backend))
        .collect();
    let (of_ada, cart) = (Some(ada.id), Some(Arc::from("cart")));
    assert_eq!(
        told,
        [
            ("logged_in", None, of_ada, cart.clone()),
            ("logged_in", None, of_ada, cart.clone()),
            ("logged_out", None, of_ada, cart.clone()),
            ("logged_out_everywhere", None, of_ada, None),
            ("credential_refused", Some("stale_epoch"), of_ada, cart),
        ]
    );
}

/// The events since the last call: each name with its reason, and the user.
async fn told(service: &Service, journal: &Journal) -> Vec<(String, Option<Uuid>)> {
    service.users.audit().drained().await;
    let events = journal.take().into_iter().map(|event| {
        assert_eq!(event.client, Some(CLIENT), "{event:?}");
        assert_eq!(event.backend.as_deref(), Some("cart"));
        let why = event.kind.why().unwrap_or_default();
        (format!("{} {why}", event.kind.name()), event.user)
    });
    events.collect()
}

#[tokio::test]
async fn e3_a_session_that_is_not_valid_is_told_with_what_is_wrong() {
    let service = Service::new();
    let journal = Arc::new(Journal::new());
    service.users.audit().observe(journal.clone());
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let refused = |why: &str, user| vec![(format!("credential_refused {why}"), user)];
    let ended = begun(&carts, &["a"]).await;
    visit(&carts, Some(&ended))
        .await
        .session
        .end()
        .await
        .expect("ended");
    for (id, why) in [(&*ended, "unknown"), ("x", "malformed")] {
        assert!(visit(&carts, Some(id)).await.session.get().is_none());
        assert_eq!(told(&service, &journal).await, refused(why, None), "{id}");
    }
    let logging_in = visit(&carts, None).await;
    let identified = service.users.identify_without_proof(ada.clone());
    logging_in.session.log_in(identified).await.expect("logged in");
    let id = logging_in.leave().await.expect("an answer").expect("an id");
    assert_eq!(items(&carts, &id).await, Some(Vec::new()));
    told(&service, &journal).await;
    service.clock.advance(Duration::DAY);
    assert_eq!(items(&carts, &id).await, None);
    assert_eq!(told(&service, &journal).await, refused("expired", Some(ada.id)));
}

#[tokio::test]
async fn e3_a_log_in_through_the_session_of_another_user_tells_that_theirs_has_ended() {
    let service = Service::new();
    let journal = Arc::new(Journal::new());
    service.users.audit().observe(journal.clone());
    let carts = service.carts();
    let (ada, bob) = (service.user("ada").await, service.user("bob").await);
    let mut id = None;
    for user in [&ada, &bob, &bob] {
        let logging_in = visit(&carts, id.as_deref()).await;
        let identified = service.users.identify_without_proof(user.clone());
        logging_in.session.log_in(identified).await.expect("logged in");
        id = logging_in.leave().await.expect("an answer");
    }
    let (ada, bob) = (Some(ada.id), Some(bob.id));
    let expected = [
        ("logged_in ", ada),
        ("logged_out ", ada),
        ("logged_in ", bob),
        ("logged_in ", bob),
    ];
    let expected = expected.map(|(name, user)| (name.to_owned(), user));
    assert_eq!(told(&service, &journal).await, expected);

    let ending = visit(&carts, id.as_deref()).await;
    service.store.is_read_only.store(true, SeqCst);
    ending.session.end().await.expect_err("no answer");
    let refused = ("log_out_refused unavailable".to_owned(), bob);
    assert_eq!(told(&service, &journal).await, [refused]);
    let needs = |_: &Cart, _: Option<&User>| false;
    ending.session.check(&needs).expect_err("refused");
    assert_eq!(told(&service, &journal).await, [("forbidden ".to_owned(), bob)]);
}

#[tokio::test]
async fn e3_a_log_in_whose_data_is_too_large_says_so() {
    let service = Service::new();
    let journal = Arc::new(Journal::new());
    service.users.audit().observe(journal.clone());
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let visit = visit(&carts, None).await;
    put(&visit.session, &"x".repeat(MAX_SESSION_BYTES));
    let identified = service.users.identify_without_proof(ada);
    let refused = visit.session.log_in(identified).await.expect_err("too large");
    assert_eq!(refused.into_response().status, 413);
    service.users.audit().drained().await;
    let kinds: Vec<_> = journal.take().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::LogInRefused { why: "too_large" }]);
}
