//! Sessions of users.

use std::sync::atomic::Ordering;

use auth_core::{Lifetime, SessionStore as _, User};
use auth_http::{HttpError, Present, RequestSession, Sessions};
use time::Duration;

use crate::{Cart, Service, begun, id_in, items, put, visit};

impl Service {
    async fn log_in(&self, session: &RequestSession<Cart>, user: &User) -> Result<(), HttpError> {
        let identified = self.users.identify_without_proof(user.clone());
        session.log_in(identified).await
    }

    /// The id of a session of `user`, which the visitor of `id` began.
    async fn logged_in(&self, carts: &Sessions<Cart>, id: Option<&str>, user: &User) -> String {
        let visit = visit(carts, id).await;
        self.log_in(&visit.session, user).await.expect("logged in");
        visit.leave().await.expect("an answer").expect("an id")
    }
}

async fn user_of(carts: &Sessions<Cart>, id: &str) -> Option<uuid::Uuid> {
    visit(carts, Some(id)).await.session.user().map(|user| user.id)
}

#[tokio::test]
async fn s1_each_log_in_gives_a_new_id_and_the_old_one_is_dead() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let mut id = begun(&carts, &["a"]).await;
    for _log_in in 0..3 {
        service.clock.advance(Duration::hours(5));
        let next = service.logged_in(&carts, Some(&id), &ada).await;
        assert_ne!(next, id);
        assert_eq!(items(&carts, &id).await, None);
        assert_eq!(
            items(&carts, &next).await,
            Some(vec!["a".to_owned()]),
            "the data stays"
        );
        assert_eq!(user_of(&carts, &next).await, Some(ada.id));
        id = next;
    }
    assert_eq!(service.store.len(), 1);
    let first = service.logged_in(&carts, None, &ada).await;
    assert_eq!(
        items(&carts, &first).await,
        Some(Vec::new()),
        "also without a session before"
    );
}

#[tokio::test]
async fn s1_what_a_request_changes_around_its_log_in_is_kept() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let visit = visit(&carts, Some(&id)).await;
    put(&visit.session, "before");
    service.log_in(&visit.session, &ada).await.expect("logged in");
    assert_eq!(visit.session.user().map(|user| user.id), Some(ada.id));
    put(&visit.session, "after");
    let id = visit.leave().await.expect("an answer").expect("an id");
    let kept = items(&carts, &id).await.expect("a session");
    assert_eq!(kept, ["a", "before", "after"]);
}

#[tokio::test]
async fn s1_nothing_of_another_user_is_taken_over() {
    let service = Service::new();
    let (carts, ada, bob) = (
        service.carts(),
        service.user("ada").await,
        service.user("bob").await,
    );
    let adas = service
        .logged_in(&carts, Some(&begun(&carts, &["ada's"]).await), &ada)
        .await;
    let bobs = service.logged_in(&carts, Some(&adas), &bob).await;
    assert_eq!(items(&carts, &bobs).await, Some(Vec::new()));
    assert_eq!(user_of(&carts, &bobs).await, Some(bob.id));
    assert_eq!(items(&carts, &adas).await, None);
    assert_eq!(service.store.len(), 1);
}

#[tokio::test]
async fn s1_of_two_log_ins_of_one_visitor_both_succeed() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let (one, other) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    for visit in [one, other] {
        service.log_in(&visit.session, &ada).await.expect("logged in");
        let id = visit.leave().await.expect("an answer").expect("an id");
        assert_eq!(user_of(&carts, &id).await, Some(ada.id));
    }
    assert_eq!(items(&carts, &id).await, None);
    assert_eq!(service.store.len(), 2);
}

#[tokio::test]
async fn s4_a_late_answer_to_a_request_before_a_log_in_leaves_its_cookie_alone() {
    let service = Service::new();
    let (carts, ada) = (service.cookie_carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let (saved, late) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    put(&saved.session, "saved");
    saved.session.save().await.expect("saved");
    let logged_in = service.logged_in(&carts, Some(&id), &ada).await;
    assert_eq!(saved.leave().await, Ok(None), "the old id is dead");
    put(&late.session, "late");
    let (status, headers) = late.leave().await.expect_err("the old session is gone");
    assert_eq!(status, 401);
    assert_eq!(headers.iter().find_map(id_in), None, "nobody ordered a log-out");
    assert_eq!(user_of(&carts, &logged_in).await, Some(ada.id));
    let kept = items(&carts, &logged_in).await.expect("a session");
    assert_eq!(kept, ["a", "saved"]);
}

#[tokio::test]
async fn a_log_in_keeps_what_another_request_put_in_meanwhile() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let logging_in = visit(&carts, Some(&id)).await;
    let meanwhile = visit(&carts, Some(&id)).await;
    put(&meanwhile.session, "meanwhile");
    meanwhile.leave().await.expect("saved");
    service
        .log_in(&logging_in.session, &ada)
        .await
        .expect("logged in");
    let id = logging_in.leave().await.expect("an answer").expect("an id");
    assert_eq!(items(&carts, &id).await.expect("a session"), ["a", "meanwhile"]);
    assert_eq!(service.store.len(), 1, "no attempt is left behind");
}

#[tokio::test]
async fn s4_a_log_in_takes_nothing_from_a_session_that_was_ended_meanwhile() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["somebody's"]).await;
    let logging_in = visit(&carts, Some(&id)).await;
    visit(&carts, Some(&id)).await.session.end().await.expect("ended");
    service
        .log_in(&logging_in.session, &ada)
        .await
        .expect("logged in");
    let id = logging_in.leave().await.expect("an answer").expect("an id");
    assert_eq!(items(&carts, &id).await, Some(Vec::new()));
    assert_eq!(service.store.len(), 1);
}

#[tokio::test]
async fn s4_a_session_that_was_changed_and_then_ended_meanwhile_is_no_reason_to_refuse_a_log_in() {
    let service = Service::new();
    service.store.ends_after_conflict.store(true, Ordering::SeqCst);
    let carts = service.carts();
    for (name, own) in [("set", &["own"][..]), ("updated", &[])] {
        let ada = service.user(name).await;
        let id = begun(&carts, &["somebody's"]).await;
        let (logging_in, changing) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
        put(&changing.session, "somebody's, too");
        changing.leave().await.expect("saved");
        if name == "set" {
            logging_in.session.set(Cart::of(own));
        } else {
            put(&logging_in.session, "put to somebody's");
        }
        service
            .log_in(&logging_in.session, &ada)
            .await
            .expect("the password was right");
        let new = logging_in.leave().await.expect("an answer").expect("an id");
        assert_eq!(user_of(&carts, &new).await, Some(ada.id));
        assert_eq!(items(&carts, &new).await.expect("a session"), own);
        assert_eq!(items(&carts, &id).await, None);
    }
    assert_eq!(service.store.len(), 2, "no attempt is left behind");
    // A new id alone does not bring it back.
    let id = begun(&carts, &["a"]).await;
    let (renewing, changing) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    put(&changing.session, "b");
    changing.leave().await.expect("saved");
    let gone = renewing.session.renew().await.expect_err("it is gone");
    assert!(matches!(gone, HttpError::Unauthorized { .. }), "{gone:?}");
    assert_eq!(service.store.len(), 2);
}

#[tokio::test]
async fn a_new_id_keeps_data_user_and_limits() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = service
        .logged_in(&carts, Some(&begun(&carts, &["a"]).await), &ada)
        .await;
    service.clock.advance(Duration::hours(5));
    let visit = visit(&carts, Some(&id)).await;
    put(&visit.session, "b");
    visit.session.renew().await.expect("renewed");
    let renewed = visit.leave().await.expect("an answer").expect("an id");
    assert_eq!(items(&carts, &id).await, None);
    assert_eq!(items(&carts, &renewed).await.expect("a session"), ["a", "b"]);
    assert_eq!(user_of(&carts, &renewed).await, Some(ada.id));
    service.clock.advance(Duration::hours(1));
    assert_eq!(items(&carts, &renewed).await, None, "its end stays where it was");
}

#[tokio::test]
async fn s4_a_new_id_does_not_bring_an_ended_session_back() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let renewing = visit(&carts, Some(&id)).await;
    visit(&carts, Some(&id)).await.session.end().await.expect("ended");
    let gone = renewing.session.renew().await.expect_err("it is gone");
    assert!(matches!(gone, HttpError::Unauthorized { .. }), "{gone:?}");
    assert_eq!(service.store.len(), 0);
}

#[tokio::test]
async fn s5_whatever_ends_a_users_credentials_ends_the_sessions() {
    let service = Service::new();
    let carts = service.carts();
    for (name, is_removed) in [
        ("logged-out", true),
        ("inactive", false),
        ("deleted", true),
        ("gone", true),
    ] {
        let user = service.user(name).await;
        let ids = [
            service.logged_in(&carts, None, &user).await,
            service.logged_in(&carts, None, &user).await,
        ];
        match name {
            "logged-out" => assert!(service.users.log_out_everywhere(&user.id).await.expect("ended")),
            "inactive" => {
                let mut inactive = user.clone();
                inactive.is_active = false;
                service.users.store().update(&inactive).await.expect("updated");
            }
            "deleted" => {
                service.users.delete(&user).await.expect("deleted");
                assert_eq!(service.store.len(), 0, "a deletion removes the rows");
            }
            // Past the manager.
            _ => assert!(service.users.store().delete(&user.id).await.expect("deleted")),
        }
        for id in &ids {
            assert_eq!(items(&carts, id).await, None, "{name}");
        }
        assert_eq!(service.store.len() == 0, is_removed, "{name}");
        service.store.delete_all(&user.id).await.expect("cleared");
    }
}

#[tokio::test]
async fn l4_a_user_who_may_not_log_in_does_not() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let id = begun(&carts, &["a"]).await;
    let mut inactive = ada.clone();
    inactive.is_active = false;
    service.users.store().update(&inactive).await.expect("updated");
    let visit = visit(&carts, Some(&id)).await;
    let refused = service.log_in(&visit.session, &ada).await.expect_err("inactive");
    assert!(matches!(refused, HttpError::Code(_)), "{refused:?}");
    assert_eq!(visit.leave().await, Ok(None));
    assert_eq!(
        items(&carts, &id).await,
        Some(vec!["a".to_owned()]),
        "the session stays"
    );
}

#[tokio::test]
async fn s3_a_log_in_can_end_earlier_than_other_sessions() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let minute = Lifetime::from_secs(60).expect("a minute");
    let visit = visit(&carts, None).await;
    let identified = service.users.identify_without_proof(ada).ending_after(minute);
    visit.session.log_in(identified).await.expect("logged in");
    let id = visit.leave().await.expect("an answer").expect("an id");
    service
        .clock
        .advance(Duration::minutes(1) - Duration::MILLISECOND);
    assert!(items(&carts, &id).await.is_some());
    service.clock.advance(Duration::MILLISECOND);
    assert_eq!(items(&carts, &id).await, None);
}

#[tokio::test]
async fn nobody_acts_as_a_user_by_a_session() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let visit = visit(&carts, None).await;
    let acting = service
        .users
        .identify_without_proof(ada)
        .acting(uuid::Uuid::now_v7());
    let error = visit.session.log_in(acting).await.expect_err("acting");
    assert!(matches!(error, HttpError::Internal(_)), "{error:?}");
    assert_eq!(service.store.len(), 0);
}

#[tokio::test]
async fn a_verifier_sees_the_data_and_the_user() {
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let shopping = |cart: &Cart, user: Option<&User>| !cart.items.is_empty() && user.is_some();
    let nobody = visit(&carts, None).await.session;
    for answer in [nobody.check(&Present), nobody.check(&shopping)] {
        assert!(
            matches!(answer, Err(HttpError::Unauthorized { .. })),
            "{answer:?}"
        );
    }
    let id = begun(&carts, &["a"]).await;
    let visitor = visit(&carts, Some(&id)).await.session;
    visitor.check(&Present).expect("a session");
    assert!(matches!(visitor.check(&shopping), Err(HttpError::Forbidden)));
    let id = service.logged_in(&carts, Some(&id), &ada).await;
    visit(&carts, Some(&id))
        .await
        .session
        .check(&(shopping, Present))
        .expect("a user with a cart");
}
