//! One request after another.

use auth_core::Lifetime;
use auth_http::{CookieTransport, MaxAge, SessionTransport};
use portcullis_support::Log;
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::{Cart, Service, begun, items, put, visit};

#[tokio::test]
async fn nothing_is_stored_for_a_visitor_who_puts_nothing_in() {
    let service = Service::new();
    let carts = service.carts();
    let looked = visit(&carts, None).await;
    assert_eq!(looked.session.get(), None);
    assert_eq!(looked.leave().await, Ok(None));
    let unchanged = visit(&carts, None).await;
    unchanged.session.update(|cart| cart.items.clear());
    assert_eq!(unchanged.leave().await, Ok(None));
    assert_eq!(service.store.calls(), Vec::<&str>::new());
    let put_in = visit(&carts, None).await;
    put_in.session.set(Cart::default());
    assert!(
        put_in.leave().await.expect("an answer").is_some(),
        "an empty cart was put in"
    );
    assert_eq!(service.store.calls(), ["create"]);
}

#[tokio::test]
async fn a_request_loads_once_and_saves_at_most_once() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    service.store.calls();
    let changing = visit(&carts, Some(&id)).await;
    let again = changing
        .slot
        .load(&changing.head)
        .await
        .expect("the same session");
    put(&changing.session, "b");
    put(&again, "c");
    assert_eq!(changing.leave().await, Ok(None), "the client has the id");
    assert_eq!(service.store.calls(), ["load", "save"]);
    let looking = visit(&carts, Some(&id)).await;
    assert_eq!(looking.session.get(), Some(Cart::of(&["a", "b", "c"])));
    looking.session.update(|cart| cart.items.sort());
    assert_eq!(looking.leave().await, Ok(None));
    assert_eq!(
        service.store.calls(),
        ["load"],
        "data that did not change is not saved"
    );
}

#[tokio::test]
async fn a_session_can_wait_on_any_thread() {
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let service = Service::new();
    let (carts, ada) = (service.carts(), service.user("ada").await);
    let (head, slot) = (crate::head(None), carts.slot());
    let session = sent(slot.load(&head)).await.expect("a visitor");
    put(&session, "a");
    sent(session.save()).await.expect("saved");
    let identified = service.users.identify_without_proof(ada);
    sent(session.log_in(identified)).await.expect("logged in");
    sent(session.renew()).await.expect("renewed");
    sent(session.end()).await.expect("ended");
    assert!(sent(slot.finish(&head)).await.is_ok());
    assert_eq!(service.store.len(), 0);
}

#[tokio::test]
async fn a_route_that_asks_for_no_session_loads_none() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    service.store.calls();
    let (head, slot) = (crate::head(Some(&id)), carts.slot());
    assert_eq!(slot.finish(&head).await, Ok(Vec::new()));
    assert_eq!(service.store.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_was_saved_in_the_handler_is_not_saved_again() {
    let service = Service::new();
    let carts = service.carts();
    let visit = visit(&carts, None).await;
    put(&visit.session, "a");
    visit.session.save().await.expect("saved");
    visit.session.save().await.expect("nothing to save");
    let id = visit.leave().await.expect("an answer").expect("an id");
    assert_eq!(service.store.calls(), ["create"]);
    assert_eq!(items(&carts, &id).await, Some(vec!["a".to_owned()]));
}

#[tokio::test]
async fn a_session_that_was_ended_is_gone_and_what_comes_after_is_another() {
    let service = Service::new();
    let carts = service.carts();
    let id = begun(&carts, &["a"]).await;
    let ending = visit(&carts, Some(&id)).await;
    put(&ending.session, "b");
    ending.session.end().await.expect("ended");
    assert_eq!(ending.session.get(), None);
    assert_eq!(service.store.len(), 0, "it is gone when `end` returns");
    put(&ending.session, "c");
    let other = ending.leave().await.expect("an answer").expect("an id");
    assert_ne!(other, id);
    assert_eq!(items(&carts, &id).await, None);
    assert_eq!(items(&carts, &other).await, Some(vec!["c".to_owned()]));
}

#[tokio::test]
async fn s3_use_moves_the_idle_limit_rarely_and_never_past_the_absolute_one() {
    let service = Service::new();
    let minutes = |n: u64| Lifetime::from_secs(n * 60).expect("minutes");
    let carts = service
        .kind("cart")
        .lifetime(minutes(60))
        .idle(minutes(20))
        .build();
    let carts = carts.expect("sessions");
    let id = begun(&carts, &["a"]).await;
    service.store.calls();
    for (after, calls) in [
        (Duration::seconds(59), &["load"][..]),
        (Duration::seconds(1), &["load", "save"]),
        (Duration::seconds(59), &["load"]),
        (Duration::minutes(18), &["load", "save"]),
        (Duration::minutes(19), &["load", "save"]),
        (Duration::minutes(19), &["load", "save"]),
    ] {
        service.clock.advance(after);
        assert!(visit(&carts, Some(&id)).await.leave().await.is_ok());
        assert_eq!(service.store.calls(), calls, "after {after}");
    }
    // 57 minutes and 59 seconds are over.
    service
        .clock
        .advance(Duration::minutes(2) + Duration::milliseconds(999));
    assert!(items(&carts, &id).await.is_some());
    service.clock.advance(Duration::MILLISECOND);
    assert_eq!(items(&carts, &id).await, None);
}

#[tokio::test]
async fn s3_a_look_up_does_not_end_a_session_whose_idle_limit_is_being_moved() {
    let service = Service::new();
    let minutes = |n: u64| Lifetime::from_secs(n * 60).expect("minutes");
    let carts = service
        .kind("cart")
        .lifetime(minutes(60))
        .idle(minutes(20))
        .build();
    let carts = carts.expect("sessions");
    let id = begun(&carts, &["a"]).await;
    service
        .clock
        .advance(Duration::minutes(20) - Duration::MILLISECOND);
    let using = visit(&carts, Some(&id)).await;
    service.clock.advance(Duration::MILLISECOND);
    assert_eq!(items(&carts, &id).await, None, "it has ended at this moment");
    // The clock of that node is behind.
    service.clock.advance(-Duration::MILLISECOND);
    using.leave().await.expect("used");
    service.clock.advance(Duration::MILLISECOND);
    assert!(items(&carts, &id).await.is_some(), "it was used in time");

    // After the absolute limit, nobody can be moving it.
    service.clock.advance(Duration::hours(1));
    assert_eq!(items(&carts, &id).await, None);
    assert_eq!(service.store.len(), 0);
    service.clock.advance(-Duration::hours(1));
    assert_eq!(items(&carts, &id).await, None, "it does not come back");
}

#[tokio::test]
async fn a_cookie_of_a_fixed_age_is_sent_again_when_the_idle_limit_moves() {
    let service = Service::new();
    let minutes = |n: u64| Lifetime::from_secs(n * 60).expect("minutes");
    let cookie = |age| {
        CookieTransport::builder()
            .name("__Host-ssid")
            .max_age(age)
            .build()
    };
    let twenty = MaxAge::Fixed(std::time::Duration::from_secs(20 * 60));
    for (age, idle, is_sent) in [
        (twenty, Some(minutes(20)), true),
        (twenty, None, false),
        (MaxAge::Token, Some(minutes(20)), false),
        (MaxAge::Session, Some(minutes(20)), false),
    ] {
        let carts = service
            .kind("cart")
            .transport(SessionTransport::cookie(cookie(age).expect("a cookie")));
        let carts = match idle {
            None => carts,
            Some(idle) => carts.idle(idle),
        };
        let carts = carts.build().expect("sessions");
        let id = begun(&carts, &["a"]).await;
        let sent = is_sent.then(|| id.clone());
        assert_eq!(visit(&carts, Some(&id)).await.leave().await, Ok(None), "{age:?}");
        service.clock.advance(Duration::minutes(1));
        assert_eq!(
            visit(&carts, Some(&id)).await.leave().await,
            Ok(sent.clone()),
            "{age:?}"
        );
        let changing = visit(&carts, Some(&id)).await;
        put(&changing.session, "b");
        assert_eq!(changing.leave().await, Ok(sent), "{age:?}");
    }
}

#[tokio::test]
async fn an_id_is_sent_again_if_the_handler_says_so() {
    let service = Service::new();
    for carts in [service.carts(), service.cookie_carts()] {
        let id = begun(&carts, &["a"]).await;
        let looking = visit(&carts, Some(&id)).await;
        looking.session.resend_id();
        assert_eq!(looking.leave().await, Ok(Some(id.clone())));
        let nobody = visit(&carts, None).await;
        nobody.session.resend_id();
        assert_eq!(nobody.leave().await, Ok(None));
    }
    let carts = service.cookie_carts();
    let id = begun(&carts, &["a"]).await;
    let ending = visit(&carts, Some(&id)).await;
    ending.session.end().await.expect("ended");
    ending.session.resend_id();
    assert_eq!(ending.leave().await, Ok(Some(String::new())), "it stays removed");
}

#[tokio::test]
async fn j9_an_id_is_good_for_its_own_kind_alone() {
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Wizard {
        items: Vec<String>,
    }
    let service = Service::new();
    let carts = service.carts();
    let wizards = service.kind::<Wizard>("wizard").build().expect("sessions");
    let id = begun(&carts, &["a"]).await;
    let other = visit(&wizards, Some(&id)).await;
    other.session.with(|wizard| assert_eq!(wizard, None));
    other.session.end().await.expect("nothing to end");
    assert!(items(&carts, &id).await.is_some());
}

/// The cart of the next version of the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Basket {
    lines: Vec<(String, u32)>,
}

#[tokio::test]
async fn data_of_an_old_shape_is_a_fresh_session() {
    let service = Service::new();
    let (carts, baskets) = (
        service.carts(),
        service.kind::<Basket>("cart").build().expect("sessions"),
    );
    let id = begun(&carts, &["secret pears"]).await;
    let listening = Log::begin();
    let looking = visit(&baskets, Some(&id)).await;
    let log = listening.text();
    assert!(
        log.contains(r#"outcome="outdated" session="cart""#) && !log.contains("pears"),
        "{log}"
    );
    assert_eq!(looking.session.get(), None);
    assert_eq!(looking.leave().await, Ok(None));
    assert!(
        items(&carts, &id).await.is_some(),
        "the version before can still read it"
    );

    let changing = visit(&baskets, Some(&id)).await;
    changing
        .session
        .update(|basket| basket.lines.push(("b".to_owned(), 1)));
    let fresh = changing.leave().await.expect("an answer").expect("an id");
    assert_ne!(fresh, id);
    assert_eq!(items(&carts, &id).await, None, "the new session takes its place");
    assert_eq!(service.store.len(), 1);

    let id = begun(&carts, &["a"]).await;
    let ending = visit(&baskets, Some(&id)).await;
    ending.session.end().await.expect("ended");
    assert_eq!(items(&carts, &id).await, None, "it can be ended");
}
