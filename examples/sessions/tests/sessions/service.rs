//! One client after another.

use std::sync::Arc;

use portcullis::store::SessionStore;
use time::Duration;

use crate::{BOTH, Service};

pub(crate) async fn what_is_set_is_got_as_it_was_put(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        for data in [
            r#"{"nul":"\u0000","half":"\ud83e","n":123456789012345678901234567890.10,"b":1,"a":[{}],"b":2}"#,
            "{ \"é\" : \"\u{1f98a}\" }",
            "{}",
        ] {
            let answer = service.set(None, &format!(" {data}\n")).await;
            assert_eq!((answer.status, &*answer.body), (200, "null"), "{data}");
            let got = service.get(answer.id.as_deref()).await;
            assert_eq!((got.status, &*got.body), (200, data));
            assert_eq!(got.headers["content-type"], "application/json");
            assert_eq!(got.headers["cache-control"], "no-store");
            assert_eq!(got.id, None, "reading sets nothing");
        }
    }
}

pub(crate) async fn a_set_replaces_the_data(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let mut id = service.begun(r#"{"a":1}"#).await;
        for data in [r#"{"b":2}"#, "{}", r#"{"c":3}"#] {
            let answer = service.set(Some(&id), data).await;
            assert_eq!((answer.status, &*answer.body), (200, "null"));
            id = answer.id.expect("the id is sent at each set");
            assert_eq!(service.get(Some(&id)).await.body, data);
        }
    }
}

#[actix_web::test]
async fn without_a_session_there_is_nothing_to_get() {
    for carrier in BOTH {
        let service = Service::start(carrier);
        let id = service.begun("{}").await;
        let [shorter, longer] = [id[..id.len() - 1].to_owned(), format!("{id}A")];
        let other_case = id.to_ascii_uppercase();
        for id in [
            None,
            Some(""),
            Some("x"),
            Some(&*shorter),
            Some(&*longer),
            Some(&*other_case),
        ] {
            let answer = service.get(id).await;
            assert_eq!(
                (answer.status, &*answer.body),
                (401, r#"{"detail":"Unauthorized"}"#),
                "{id:?}"
            );
            assert_eq!(service.admin(id).await, 401);
        }
    }
}

pub(crate) async fn a_deleted_session_is_as_none(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let (id, other) = (service.begun("{}").await, service.begun("{}").await);
        for _twice in 0..2 {
            let answer = service.delete(Some(&id)).await;
            assert_eq!((answer.status, &*answer.body), (200, "null"));
            assert_eq!(service.get(Some(&id)).await.status, 401);
        }
        let answer = service.delete(None).await;
        assert_eq!((answer.status, &*answer.body), (200, "null"), "without one, too");
        assert_eq!(service.get(Some(&other)).await.status, 200, "another one stays");
    }
}

pub(crate) async fn s2_an_id_that_a_client_chose_is_never_adopted(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let ended = service.begun("{}").await;
        service.delete(Some(&ended)).await;
        let made_up = "A".repeat(46);
        for id in [&*ended, &*made_up, "x"] {
            let answer = service.set(Some(id), r#"{"mine":1}"#).await;
            assert_eq!(answer.status, 200);
            let given = answer.id.expect("an id");
            assert_ne!(given, id);
            assert_eq!(service.get(Some(id)).await.status, 401);
            assert_eq!(service.get(Some(&given)).await.body, r#"{"mine":1}"#);
        }
    }
}

#[actix_web::test]
async fn the_verifier_asks_for_the_role() {
    for carrier in BOTH {
        let service = Service::start(carrier);
        for (data, status) in [
            (r#"{"role":"admin"}"#, 200),
            (r#"{"role":"reader"}"#, 403),
            (r#"{"role":["admin"]}"#, 403),
            (r#"{"nested":{"role":"admin"}}"#, 403),
            ("{}", 403),
        ] {
            let id = service.begun(data).await;
            assert_eq!(service.admin(Some(&id)).await, status, "{data}");
        }
        assert_eq!(service.admin(None).await, 401);
    }
}

pub(crate) async fn s3_a_session_lives_for_six_hours_however_it_is_used(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let id = service.begun("{}").await;
        service.clock.advance(Duration::hours(6) - Duration::MILLISECOND);
        assert_eq!(
            service.set(Some(&id), r#"{"late":1}"#).await.id.as_deref(),
            Some(&*id)
        );
        assert_eq!(service.get(Some(&id)).await.status, 200);
        service.clock.advance(Duration::MILLISECOND);
        assert_eq!(service.get(Some(&id)).await.status, 401);
        let answer = service.set(Some(&id), "{}").await;
        assert_ne!(answer.id.expect("an id"), id, "an expired id is as none");
        service.clock.advance(-Duration::DAY);
        assert_eq!(service.get(Some(&id)).await.status, 401, "nor does it come back");
    }
}

pub(crate) async fn s3_a_session_that_is_not_used_ends_by_the_idle_limit(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(
            store,
            carrier,
            &[("SESSION_LIFETIME", "1000"), ("SESSION_IDLE", "100")],
        );
        let (used, idle) = (service.begun("{}").await, service.begun("{}").await);
        for _ in 0..9 {
            service.clock.advance(Duration::seconds(99));
            assert_eq!(service.get(Some(&used)).await.status, 200);
        }
        assert_eq!(service.get(Some(&idle)).await.status, 401);
        // Its absolute end is at 1000 seconds, of which 891 are over.
        service.clock.advance(Duration::seconds(99));
        assert_eq!(service.get(Some(&used)).await.status, 200);
        service.clock.advance(Duration::seconds(10));
        assert_eq!(
            service.get(Some(&used)).await.status,
            401,
            "use never extends past the absolute limit"
        );
    }
}
