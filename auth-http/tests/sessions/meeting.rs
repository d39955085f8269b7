//! Requests that meet.

use auth_http::HttpError;

use crate::{Cart, Service, begun, items, put, visit};

#[tokio::test]
async fn no_update_of_parallel_requests_is_lost() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &[]).await;
    let mut visits = Vec::new();
    for n in 0..20 {
        let visit = visit(&carts, Some(&id)).await;
        put(&visit.session, &format!("{n:02}"));
        put(&visit.session, &format!("{n:02}+"));
        visits.push(visit);
    }
    for visit in visits {
        assert_eq!(visit.leave().await, Ok(None));
    }
    let mut kept = items(&carts, &id).await.expect("a session");
    let expected: Vec<_> = (0..20)
        .flat_map(|n| [format!("{n:02}"), format!("{n:02}+")])
        .collect();
    kept.sort();
    assert_eq!(kept, expected, "each once");
}

#[tokio::test]
async fn data_that_was_set_is_a_conflict_with_another_change() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let (late, early) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    put(&early.session, "early");
    early.leave().await.expect("saved");
    late.session.set(Cart::of(&["late"]));
    let (status, headers) = late.leave().await.expect_err("a conflict");
    assert_eq!(status, 409);
    assert!(!headers.iter().any(|(name, _)| *name == "x-session-id"));
    assert_eq!(items(&carts, &id).await.expect("a session"), ["a", "early"]);
}

#[tokio::test]
async fn a_handler_can_merge_a_conflict_by_hand() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let (late, early) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    put(&early.session, "early");
    early.leave().await.expect("saved");
    late.session.set(Cart::of(&["late"]));
    let conflict = late.session.save().await.expect_err("a conflict");
    assert!(matches!(conflict, HttpError::Conflict), "{conflict:?}");
    let mut theirs = late.session.get().expect("their data");
    assert_eq!(theirs.items, ["a", "early"]);
    theirs.items.push("late".to_owned());
    late.session.set(theirs);
    assert_eq!(late.leave().await, Ok(None));
    assert_eq!(
        items(&carts, &id).await.expect("a session"),
        ["a", "early", "late"]
    );
}

#[tokio::test]
async fn the_last_writer_wins_by_choice() {
    let service = Service::new();
    let carts = service.last_carts();
    let id = begun(&carts, &["a"]).await;
    let (last, first) = (visit(&carts, Some(&id)).await, visit(&carts, Some(&id)).await);
    put(&first.session, "first");
    first.leave().await.expect("saved");
    put(&last.session, "last");
    assert_eq!(last.leave().await, Ok(None));
    assert_eq!(items(&carts, &id).await.expect("a session"), ["a", "last"]);
}

#[tokio::test]
async fn s4_no_late_change_brings_an_ended_session_back() {
    let service = Service::new();
    for carts in [service.carts(), service.last_carts()] {
        let id = begun(&carts, &["a"]).await;
        let (set, updated, looked) = (
            visit(&carts, Some(&id)).await,
            visit(&carts, Some(&id)).await,
            visit(&carts, Some(&id)).await,
        );
        visit(&carts, Some(&id)).await.session.end().await.expect("ended");
        set.session.set(Cart::of(&["late"]));
        put(&updated.session, "late");
        assert_eq!(
            set.refused().await,
            401,
            "the data was not written, so nothing says that it was"
        );
        assert_eq!(updated.refused().await, 401);
        assert_eq!(looked.leave().await, Ok(None));
        assert_eq!(items(&carts, &id).await, None);
        assert_eq!(service.store.len(), 0);
    }
}

#[tokio::test]
async fn s4_a_session_that_expired_meanwhile_is_not_revived() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let late = visit(&carts, Some(&id)).await;
    put(&late.session, "late");
    service.clock.advance(time::Duration::hours(6));
    assert_eq!(late.refused().await, 401);
    assert_eq!(items(&carts, &id).await, None);
}

#[tokio::test]
async fn two_first_requests_at_once_begin_a_session_each() {
    let service = Service::new();
    let carts = service.carts();
    let (one, two) = (visit(&carts, None).await, visit(&carts, None).await);
    put(&one.session, "one");
    put(&two.session, "two");
    let one = one.leave().await.expect("stored").expect("an id");
    let two = two.leave().await.expect("stored").expect("an id");
    assert_ne!(one, two);
    assert_eq!(items(&carts, &one).await.expect("a session"), ["one"]);
    assert_eq!(items(&carts, &two).await.expect("a session"), ["two"]);
}
