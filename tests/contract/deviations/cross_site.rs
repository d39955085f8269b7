//! Deviation 13: requests that another site makes a browser send.

use portcullis::http::CsrfPolicy;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Blueprint, Call, Kind, PASSWORD, Service, address, person};

/// What a browser says of a request from elsewhere; one of these is enough to be refused.
fn from_elsewhere(call: Call, n: usize) -> Call {
    match n {
        0 => call.header("sec-fetch-site", "cross-site"),
        1 => call.header("sec-fetch-site", "same-site"),
        2 => call.header("origin", "https://evil.example"),
        _ => call.header("origin", "null"),
    }
}

#[test]
fn deviation_13_a_cross_site_log_in_and_registration_are_403_where_there_is_a_cookie_backend() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for n in 0..4 {
            for kind in Kind::ALL {
                let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
                let call = from_elsewhere(service.post(&kind.login()).form(&form), n);
                let answer = call.send().await;
                if kind.is_cookie() {
                    answer.is_forbidden();
                    assert_eq!(answer.header("set-cookie"), None);
                } else {
                    kind.issued(&answer);
                }
            }
            let body = json!({"email": address("mordred"), "password": PASSWORD});
            from_elsewhere(service.post("/auth/register").json(&body), n)
                .send()
                .await
                .is_forbidden();
        }
        assert!(service.stored(&address("mordred")).await.is_none());
    });
}

#[test]
fn deviation_13_a_cross_site_request_with_a_cookie_is_403_and_changes_nothing() {
    for kind in [Kind::DbCookie, Kind::JwtCookie] {
        Blueprint::of(&[kind]).run(async |service: &Service| {
            let user = service.seed(person("lancelot").superuser()).await;
            let pass = service.pass(kind, &address("lancelot")).await;
            let path = format!("/users/{}", user.id);
            for n in 0..4 {
                for (method, path) in [
                    (Method::POST, &*kind.logout()),
                    (Method::PATCH, "/users/me"),
                    (Method::PATCH, &path),
                    (Method::DELETE, &path),
                    (Method::POST, "/required/active"),
                    (Method::PUT, "/optional/active"),
                    (Method::DELETE, "/guarded/active/required/active"),
                ] {
                    let call = service
                        .call(method.clone(), path)
                        .json(&json!({"email": address("evil")}));
                    let answer = from_elsewhere(call.with(&pass), n).send().await;
                    answer.is_forbidden();
                    assert_eq!(answer.header("set-cookie"), None);
                }
            }
            let stored = service.stored(&address("lancelot")).await.expect("still there");
            assert_eq!(stored.revision, user.revision);
            assert_eq!(
                service.me(&pass).await.status,
                200,
                "the credential is not revoked"
            );
        });
    }
}

#[test]
fn deviation_13_a_bearer_backend_alone_needs_no_check() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for n in 0..4 {
            let body = json!({"email": address(&format!("knight{n}")), "password": PASSWORD});
            let answer = from_elsewhere(service.post("/auth/register").json(&body), n)
                .send()
                .await;
            assert_eq!(answer.status, 201);
            let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
            let patch = from_elsewhere(service.patch("/users/me").json(&json!({})), n);
            assert_eq!(patch.with(&pass).send().await.status, 200);
            let answer = from_elsewhere(service.post(&Kind::DbBearer.logout()), n)
                .with(&pass)
                .send()
                .await;
            answer.is(204, "");
        }
    });
}

#[test]
fn deviation_13_the_same_origin_a_user_and_a_client_that_is_no_browser_pass() {
    Blueprint::of(&[Kind::DbCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let own = format!("http://{}", service.address);
        for (header, value) in [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("origin", &*own),
            ("x-nothing", "x"),
        ] {
            let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
            let call = service.post(&Kind::DbCookie.login()).form(&form);
            let pass = Kind::DbCookie.issued(&call.header(header, value).send().await);
            let patch = service.patch("/users/me").json(&json!({})).header(header, value);
            assert_eq!(patch.with(&pass).send().await.status, 200, "{header}: {value}");
            let answer = service
                .post(&Kind::DbCookie.logout())
                .header(header, value)
                .with(&pass)
                .send()
                .await;
            answer.is(204, "");
        }
    });
}

#[test]
fn deviation_13_a_trusted_origin_passes() {
    let mut blueprint = Blueprint::of(&[Kind::DbCookie]);
    blueprint.csrf = CsrfPolicy::same_origin()
        .trust("https://app.example")
        .expect("an origin");
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbCookie, &address("lancelot")).await;
        for (origin, allowed) in [
            ("https://app.example", true),
            ("https://app.example:8443", false),
            ("http://app.example", false),
        ] {
            let patch = service
                .patch("/users/me")
                .json(&json!({}))
                .header("origin", origin);
            let answer = patch
                .header("sec-fetch-site", "cross-site")
                .with(&pass)
                .send()
                .await;
            assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{origin}");
        }
    });
}
