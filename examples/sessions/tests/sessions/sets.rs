//! Bodies that are refused, and sets that meet.

use std::sync::Arc;

use futures_util::future::join_all;
use portcullis::store::SessionStore;
use reqwest::Method;

use crate::{BOTH, Carrier, Service};

#[actix_web::test]
async fn a_body_that_is_no_object_is_refused_and_nothing_is_written() {
    for carrier in BOTH {
        let service = Service::start(carrier);
        let id = service.begun(r#"{"kept":1}"#).await;
        for body in [
            "",
            "null",
            "[]",
            "\"{}\"",
            "7",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "\u{feff}{}",
        ] {
            for presented in [None, Some(&*id)] {
                let answer = service.set(presented, body).await;
                assert_eq!(answer.status, 422, "{body}");
                assert!(answer.body.starts_with(r#"{"detail":[{"#), "{}", answer.body);
                assert_eq!(answer.id, None);
            }
        }
        assert_eq!(service.get(Some(&id)).await.body, r#"{"kept":1}"#);
    }
}

#[actix_web::test]
async fn x3_a_form_of_another_site_is_no_object() {
    let service = Service::start(Carrier::Cookie);
    for (content_type, status) in [
        ("text/plain", 422),
        ("application/x-www-form-urlencoded", 422),
        ("multipart/form-data; boundary=x", 422),
        ("application/json; charset=utf-8", 200),
    ] {
        let request = service.request(Method::POST, "/setSession", None).body("{}");
        let answer = service.send(request.header("content-type", content_type)).await;
        assert_eq!(answer.status, status, "{content_type}");
    }
}

pub(crate) async fn sixteen_kibibytes_are_kept_and_one_byte_more_is_refused(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let longest = format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024 - 8));
        assert_eq!(longest.len(), 16 * 1024);
        let id = service.begun(&longest).await;
        let answer = service.set(Some(&id), &longest.replacen('x', "xx", 1)).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (413, r#"{"detail":"Payload Too Large"}"#)
        );
        assert_eq!(service.get(Some(&id)).await.body, longest, "nothing is lost");
    }
}

pub(crate) async fn of_parallel_sets_the_last_wins(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        let id = service.begun("{}").await;
        let bodies: Vec<_> = (0..50).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
        let answers = join_all(bodies.iter().map(|body| service.set(Some(&id), body))).await;
        assert!(
            answers.iter().all(|answer| answer.status == 200),
            "none is a conflict"
        );
        let kept = service.get(Some(&id)).await.body;
        assert!(bodies.contains(&kept), "{kept}");
    }
}

pub(crate) async fn s4_a_log_out_beats_sets_in_flight(store: &Arc<dyn SessionStore>) {
    for carrier in BOTH {
        let service = Service::on(store, carrier, &[]);
        for round in 0..50 {
            let id = service.begun("{}").await;
            let sets = (0..8).map(|n| {
                let (service, id) = (&service, &*id);
                async move {
                    if n == round % 8 {
                        return service.delete(Some(id)).await.status;
                    }
                    let answer = service.set(Some(id), "{\"late\":1}").await;
                    // One that came first, one that came after, and one that was in flight.
                    assert!(matches!(answer.status, 200 | 401), "{answer:?}");
                    answer.status
                }
            });
            let statuses = join_all(sets).await;
            assert_eq!(statuses[round % 8], 200);
            assert_eq!(service.get(Some(&id)).await.status, 401, "nothing is resurrected");
        }
    }
}
