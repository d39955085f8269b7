//! New ids whose storing is not answered, so that the session before may be gone already.

use auth_http::HttpError;
use uuid::Uuid;

use crate::{
    Service, begun, items,
    store::Loss::{self, AfterALogOut, BeforeALogOut, OfTheAnswer, OfTheCall, OfTime},
    visit,
};

/// What becomes of a session, if its new id meets `losses`, the last first: the data under the id that the client has then,
/// or the error, and the data under the old id.
async fn renewed(
    service: &Service,
    is_log_in: bool,
    losses: &[Loss],
) -> (Result<Option<Vec<String>>, HttpError>, Option<Vec<String>>) {
    let carts = service.carts();
    let ada = service.user(&Uuid::now_v7().to_string()).await;
    let id = begun(&carts, &["a"]).await;
    let visit = visit(&carts, Some(&id)).await;
    let set = |losses: &[Loss]| losses.clone_into(&mut service.store.losses.lock().expect("no panic"));
    set(losses);
    let renewed = match is_log_in {
        true => {
            let identified = service.users.identify_without_proof(ada);
            visit.session.log_in(identified).await
        }
        false => visit.session.renew().await,
    };
    set(&[]);
    let new = visit.leave().await.expect("an answer");
    let old_data = items(&carts, &id).await;
    match renewed {
        Ok(()) => (Ok(items(&carts, &new.expect("an id")).await), old_data),
        Err(error) => {
            assert_eq!(new, None, "no id of a failure goes out");
            (Err(error), old_data)
        }
    }
}

#[tokio::test]
async fn a_new_id_whose_answer_is_lost_keeps_the_data() {
    let service = Service::new();
    for is_log_in in [true, false] {
        for loss in [OfTheCall, OfTheAnswer] {
            let (new, old) = renewed(&service, is_log_in, &[loss]).await;
            assert_eq!(new.expect("the second call").expect("a session"), ["a"]);
            assert_eq!(old, None, "the old id is dead");
        }
    }
    assert_eq!(service.store.len(), 4, "no attempt is left behind");
}

#[tokio::test]
async fn s4_a_lost_answer_does_not_hide_a_log_out() {
    let service = Service::new();
    for loss in [AfterALogOut, BeforeALogOut] {
        let (gone, old) = renewed(&service, false, &[loss]).await;
        let gone = gone.expect_err("it was ended");
        assert!(matches!(gone, HttpError::Unauthorized { .. }), "{gone:?}");
        assert_eq!(old, None);
        assert_eq!(service.store.len(), 0);
    }
    for (n, loss) in [AfterALogOut, BeforeALogOut].into_iter().enumerate() {
        let (new, old) = renewed(&service, true, &[loss]).await;
        let new = new.expect("the password was right").expect("a session");
        assert_eq!(new, <[&str; 0]>::default(), "the data begins anew");
        assert_eq!(old, None);
        assert_eq!(service.store.len(), n + 1);
    }
}

#[tokio::test]
async fn a_new_id_that_never_reaches_the_store_is_an_error_and_leaves_the_session() {
    let service = Service::new();
    for is_log_in in [true, false] {
        let (error, old) = renewed(&service, is_log_in, &[OfTheCall, OfTheCall]).await;
        let error = error.expect_err("no answer");
        assert!(matches!(error, HttpError::Unavailable(_)), "{error:?}");
        assert_eq!(old.expect("the session before"), ["a"]);
    }
    assert_eq!(service.store.len(), 2, "no attempt is left behind");
}

#[tokio::test]
async fn s4_a_new_id_that_took_too_long_is_not_stored_again_after_a_log_out() {
    let service = Service::new();
    for is_log_in in [true, false] {
        service.store.calls();
        let (error, _) = renewed(&service, is_log_in, &[OfTime]).await;
        let error = error.expect_err("no answer in time");
        assert!(matches!(error, HttpError::Unavailable(_)), "{error:?}");
        let creations = service.store.calls().into_iter().filter(|call| *call == "create");
        assert_eq!(creations.count(), 2, "the first call may still run");
    }
}
