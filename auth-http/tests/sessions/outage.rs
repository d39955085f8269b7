//! A store that does not answer.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use async_trait::async_trait;
use auth_core::{Lifetime, StoreError};
use auth_http::HttpError;
use auth_users::{EventKind, Intent, Origin, UserManager, Veto, VetoError};
use portcullis::testing::Journal;

use crate::{CLIENT, Cart, Service, begun, items, put, try_visit, visit};

#[tokio::test]
async fn a_store_that_is_down_is_never_an_empty_session() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    service.store.is_down.store(true, SeqCst);
    let error = try_visit(&carts, Some(&id)).await.err().expect("no answer");
    assert_eq!(error.into_response().status, 503);
    let visitor = visit(&carts, None).await;
    put(&visitor.session, "b");
    let (status, headers) = visitor.leave().await.expect_err("not stored");
    assert_eq!(status, 503);
    assert!(
        !headers.iter().any(|(name, _)| *name == "x-session-id"),
        "{headers:?}"
    );
}

#[tokio::test]
async fn a_log_out_that_did_not_reach_the_store_is_not_reported() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let ending = visit(&carts, Some(&id)).await;
    service.store.is_read_only.store(true, SeqCst);
    let error = ending.session.end().await.expect_err("no answer");
    assert!(matches!(error, HttpError::Unavailable(_)), "{error:?}");
    assert_eq!(ending.leave().await, Ok(None), "the client keeps its id");
    assert!(items(&carts, &id).await.is_some());
}

#[tokio::test]
async fn a_change_that_cannot_be_saved_is_an_error() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let changing = visit(&carts, Some(&id)).await;
    service.store.is_read_only.store(true, SeqCst);
    put(&changing.session, "b");
    changing.session.save().await.expect_err("not saved");
    service.store.is_read_only.store(false, SeqCst);
    assert_eq!(changing.leave().await, Ok(None));
    let kept = items(&carts, &id).await.expect("a session");
    assert_eq!(kept, ["a", "b"], "the change was still to be saved");
    let changing = visit(&carts, Some(&id)).await;
    changing.session.set(Cart::of(&["c"]));
    service.store.is_read_only.store(true, SeqCst);
    assert_eq!(changing.refused().await, 503);
}

#[tokio::test]
async fn a_use_that_cannot_be_recorded_is_a_use() {
    let service = Service::new();
    let idle = Lifetime::from_secs(600).expect("ten minutes");
    let carts = service.kind::<Cart>("cart").idle(idle).build().expect("sessions");
    let id = begun(&carts, &["a"]).await;
    service.clock.advance(time::Duration::minutes(5));
    let looking = visit(&carts, Some(&id)).await;
    service.store.is_read_only.store(true, SeqCst);
    assert_eq!(looking.leave().await, Ok(None));
}

/// Refuses each log-in, in one of three ways.
#[derive(Clone, Copy)]
enum Refusing {
    Says,
    Fails,
    Panics,
}

#[async_trait]
impl Veto for Refusing {
    async fn check(
        &self,
        intent: Intent<'_>,
        origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        assert!(matches!(intent, Intent::LogIn { .. }));
        assert_eq!(origin.backend.as_deref(), Some("cart"));
        assert_eq!(origin.client, Some(CLIENT));
        match self {
            Self::Says => Err(VetoError::refused("not today")),
            Self::Fails => Err(StoreError::unreachable("rules", "no route to host").into()),
            Self::Panics => panic!("on purpose"),
        }
    }
}

#[tokio::test]
async fn e8_l4_a_log_in_that_the_application_refuses_leaves_the_session_before() {
    for (veto, status, why) in [
        (Refusing::Says, 403, "vetoed"),
        (Refusing::Fails, 503, "unavailable"),
        (Refusing::Panics, 500, "unavailable"),
    ] {
        let service = Service::with(|users, _store| users.veto(Arc::new(veto)));
        let journal = Arc::new(Journal::new());
        service.users.audit().observe(journal.clone());
        let (carts, ada) = (service.cookie_carts(), service.user("ada").await);
        let id = begun(&carts, &["a"]).await;
        let logging_in = visit(&carts, Some(&id)).await;
        let user = ada.id;
        let identified = service.users.identify_without_proof(ada);
        let refused = logging_in.session.log_in(identified).await.expect_err("refused");
        assert_eq!(refused.into_response().status, status);
        assert!(logging_in.session.user().is_none());
        assert_eq!(logging_in.leave().await, Ok(None), "no id goes out");
        assert_eq!(items(&carts, &id).await.expect("a session"), ["a"]);
        assert_eq!(service.store.len(), 1);
        service.users.audit().drained().await;
        let events = journal.events();
        let [event] = &*events else {
            panic!("{events:?}");
        };
        assert_eq!(
            (&event.kind, event.user),
            (&EventKind::LogInRefused { why }, Some(user))
        );
    }
}

#[tokio::test]
async fn a_log_in_that_fails_leaves_the_session_before() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let logging_in = visit(&carts, Some(&id)).await;
    service.store.is_read_only.store(true, SeqCst);
    let identified = service.users.identify_without_proof(ada);
    logging_in
        .session
        .log_in(identified)
        .await
        .expect_err("not stored");
    assert_eq!(logging_in.leave().await, Ok(None));
    assert_eq!(items(&carts, &id).await.expect("a session"), ["a"]);
    assert_eq!(service.store.len(), 1);
}
