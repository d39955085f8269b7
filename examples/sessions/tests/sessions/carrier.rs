//! What travels, and how.

use reqwest::Method;

use crate::{BOTH, Carrier, Service};

#[actix_web::test]
async fn c1_the_cookie_is_of_the_host_alone_and_lives_as_long_as_the_session() {
    let service = Service::start(Carrier::Cookie);
    let answer = service.set(None, "{}").await;
    let id = answer.id.expect("an id");
    assert_eq!(id.len(), 46, "256 bits and the tag");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(
        cookies,
        [&format!(
            "__Host-ssid={id}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=21600"
        )]
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[actix_web::test]
async fn c2_a_deletion_removes_the_cookie_with_a_session_or_without() {
    let service = Service::start(Carrier::Cookie);
    let id = service.begun("{}").await;
    for id in [Some(&*id), None, Some("x")] {
        let answer = service.delete(id).await;
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(
            cookies,
            ["__Host-ssid=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"]
        );
    }
}

#[actix_web::test]
async fn a_header_of_another_name_carries_the_id() {
    let service = Service::with(Carrier::Header, &[("SESSION_HEADER", "X-Visit")]);
    let answer = service.set(None, r#"{"a":1}"#).await;
    let id = answer.headers["x-visit"].to_str().expect("text").to_owned();
    assert_eq!(answer.id, None, "`X-Session-Id` is not sent");
    assert_eq!(service.get(Some(&id)).await.status, 401, "nor read");
    let request = service
        .request(Method::GET, "/getSession", None)
        .header("x-visit", &id);
    assert_eq!(service.send(request).await.body, r#"{"a":1}"#);
}

#[actix_web::test]
async fn t4_an_id_counts_in_its_own_place_alone() {
    for carrier in BOTH {
        let service = Service::start(carrier);
        let id = service.begun("{}").await;
        let bearer = format!("Bearer {id}");
        let cookie = format!("__Host-ssid={id}");
        let elsewhere = match carrier {
            Carrier::Cookie => ("x-session-id", &*id),
            Carrier::Header => ("cookie", &*cookie),
        };
        for (name, value) in [elsewhere, ("authorization", &*bearer)] {
            let request = service
                .request(Method::GET, "/getSession", None)
                .header(name, value);
            assert_eq!(service.send(request).await.status, 401, "{name}");
        }
        let path = format!("/getSession?__Host-ssid={id}&x-session-id={id}");
        assert_eq!(
            service
                .send(service.request(Method::GET, &path, None))
                .await
                .status,
            401
        );
    }
}

#[actix_web::test]
async fn t3_two_ids_are_as_none() {
    let service = Service::start(Carrier::Cookie);
    let id = service.begun("{}").await;
    let request = service.request(Method::GET, "/getSession", None);
    let twice = format!("__Host-ssid={id}; __Host-ssid={id}");
    assert_eq!(service.send(request.header("cookie", twice)).await.status, 401);
    let service = Service::start(Carrier::Header);
    let id = service.begun("{}").await;
    let request = service.request(Method::GET, "/getSession", Some(&id));
    assert_eq!(
        service.send(request.header("x-session-id", &id)).await.status,
        401
    );
}

#[actix_web::test]
async fn x1_a_cross_site_request_is_refused_if_a_cookie_carries_the_id() {
    for (carrier, status) in [(Carrier::Cookie, 403), (Carrier::Header, 200)] {
        let service = Service::start(carrier);
        let id = service.begun(r#"{"kept":1}"#).await;
        for presented in [Some(&*id), None] {
            let request = service.request(Method::POST, "/setSession", presented).body("{}");
            let answer = service.send(request.header("sec-fetch-site", "cross-site")).await;
            assert_eq!(answer.status, status);
        }
        let kept = service.get(Some(&id)).await.body;
        assert_eq!(kept == r#"{"kept":1}"#, status == 403, "{kept}");
        let request = service.request(Method::GET, "/getSession", Some(&id));
        let answer = service.send(request.header("sec-fetch-site", "cross-site")).await;
        assert_eq!(answer.status, 200, "reading changes nothing");
        let request = service.request(Method::POST, "/deleteSession", Some(&id));
        let answer = service.send(request.header("sec-fetch-site", "cross-site")).await;
        assert_eq!(answer.status, status);
        let is_there = service.get(Some(&id)).await.status == 200;
        assert_eq!(is_there, status == 403, "it ends by its own site alone");
    }
}
