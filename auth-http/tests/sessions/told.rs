//! What is told of sessions.

use std::sync::Arc;

use auth_core::MAX_SESSION_BYTES;
use auth_users::EventKind;
use portcullis::testing::Journal;

use crate::{Service, begun, put, visit};

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
    let events = journal.take().into_iter();
    let told: Vec<_> = events
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
