//! N19: the client that changes the password of its user, and stays logged in.

use serde_json::json;

use crate::harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person};

/// Every kind of backend, whose first is `kind`, where the client stays logged in.
fn with(kind: Kind, configure: impl Fn(&mut Blueprint), test: impl AsyncFn(&Service, Pass)) {
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.keeps_log_in = true;
    configure(&mut blueprint);
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot").verified(true)).await;
        let pass = service.pass(kind, &address("lancelot")).await;
        test(service, pass).await;
    });
}

async fn patch(service: &Service, pass: &Pass, body: serde_json::Value) -> Answer {
    let answer = service.patch("/users/me").json(&body).with(pass).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

/// The tokens that come beside the user.
fn attached(kind: Kind, answer: &Answer) -> Option<Pass> {
    let (token, refresh) = match kind.cookie() {
        None => {
            assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
            let value = |name| answer.header(name).map(str::to_owned);
            (value("x-access-token"), value("x-refresh-token"))
        }
        Some(name) => {
            assert!(!answer.headers.contains_key("x-access-token"), "{answer:?}");
            let value = |name: &str| answer.cookie(name).map(|cookie| cookie.value);
            (value(name), kind.refresh_cookie().and_then(value))
        }
    };
    assert_eq!(
        refresh.is_some(),
        token.is_some() && kind.has_refresh(),
        "{answer:?}"
    );
    let token = token?;
    Some(Pass { kind, token, refresh })
}

#[test]
fn n19_a_change_of_the_own_password_ends_every_log_in_and_brings_a_new_one_if_that_is_set() {
    for kind in Kind::ALL {
        with(
            kind,
            |_blueprint| {},
            async |service, pass| {
                let other = service.pass(kind, &address("lancelot")).await;
                let answer = patch(service, &pass, json!({ "password": NEW_PASSWORD })).await;
                assert_eq!(answer.json()["email"], address("lancelot"));
                let next = attached(kind, &answer).expect("a new log-in");
                for dead in [&pass, &other] {
                    service.me(dead).await.is_unauthorized();
                    if let Some(refresh) = &dead.refresh {
                        service.refresh(kind, refresh).await.is_unauthorized();
                    }
                }
                assert_eq!(service.me(&next).await.status, 200, "{kind:?}");
                if let Some(refresh) = &next.refresh {
                    kind.issued(&service.refresh(kind, refresh).await);
                }
                if let Some(name) = kind.cookie() {
                    let cookie = answer.cookie(name).expect("a cookie");
                    let expected = ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"];
                    assert_eq!(cookie.attributes, expected);
                }
            },
        );
    }
}

#[test]
fn n19_no_other_change_brings_a_log_in() {
    for kind in Kind::ALL {
        with(
            kind,
            |_blueprint| {},
            async |service, pass| {
                for body in [
                    json!({}),
                    json!({ "password": null }),
                    json!({ "email": address("galahad") }),
                ] {
                    let answer = patch(service, &pass, body).await;
                    assert_eq!(attached(kind, &answer), None);
                }
                let weak = service.patch("/users/me").json(&json!({ "password": "short" }));
                let refused = weak.with(&pass).send().await;
                refused.refuses_password("UPDATE_USER_INVALID_PASSWORD");
                assert_eq!(attached(kind, &refused), None);
                assert_eq!(service.me(&pass).await.status, 200);
            },
        );
    }
}

#[test]
fn n19_who_must_verify_a_new_email_first_is_logged_out_and_the_password_has_changed() {
    let kind = Kind::TrackedCookie;
    with(
        kind,
        |blueprint| blueprint.verification = true,
        async |service, pass| {
            let body = json!({ "password": NEW_PASSWORD, "email": address("galahad") });
            let answer = patch(service, &pass, body).await;
            assert_eq!(attached(kind, &answer), None);
            service.me(&pass).await.is_unauthorized();
            let log_in = service.log_in(kind, &address("galahad"), NEW_PASSWORD).await;
            log_in.is_error(400, "LOGIN_USER_NOT_VERIFIED");
        },
    );
}

#[test]
fn deviation_5_by_default_the_client_that_changes_the_password_is_logged_out_with_the_rest() {
    for kind in Kind::ALL {
        with(
            kind,
            |blueprint| blueprint.keeps_log_in = false,
            async |service, pass| {
                let answer = patch(service, &pass, json!({ "password": NEW_PASSWORD })).await;
                assert_eq!(attached(kind, &answer), None);
                service.me(&pass).await.is_unauthorized();
                assert_eq!(
                    service.log_in(kind, &address("lancelot"), PASSWORD).await.status,
                    400
                );
            },
        );
    }
}
