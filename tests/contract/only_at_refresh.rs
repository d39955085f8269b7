//! Section 11: JWTs whose log-in is looked at by a refresh alone.

use std::sync::Arc;

use serde_json::json;
use time::Duration;

use crate::harness::{Blueprint, Kind, NEW_PASSWORD, Pass, Service, Store, Watch, address, person};

/// Says `test` of each kind.
fn with_each(test: impl AsyncFn(&Service, Kind, &Watch)) {
    for kind in [Kind::TrackedBearer, Kind::TrackedCookie] {
        let watch = Arc::new(Watch::default());
        let mut blueprint = Blueprint::of(&[kind]);
        blueprint.store = Store::Memory;
        blueprint.watch = Some(Arc::clone(&watch));
        blueprint.refresh.only_at_refresh = true;
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            test(service, kind, &watch).await;
        });
    }
}

async fn lancelot(service: &Service, kind: Kind) -> Pass {
    service.pass(kind, &address("lancelot")).await
}

#[test]
fn a_request_asks_for_the_user_alone_and_a_refresh_for_the_log_in_too() {
    with_each(async |service, kind, watch| {
        let pass = lancelot(service, kind).await;
        watch.calls();
        assert_eq!(service.me(&pass).await.status, 200);
        assert_eq!(watch.calls(), ["users.find"]);
        kind.issued(&service.refresh(kind, pass.refresh()).await);
        assert_eq!(watch.calls(), ["users.find", "tokens.advance"]);
    });
}

#[test]
fn j12_a_log_out_ends_the_refresh_token_at_once_and_the_jwt_at_its_expiry() {
    with_each(async |service, kind, _watch| {
        let (pass, other) = (lancelot(service, kind).await, lancelot(service, kind).await);
        let log_out = service.post(&kind.logout()).with(&pass).send().await;
        log_out.is(204, "");
        for name in [kind.cookie(), kind.refresh_cookie()].into_iter().flatten() {
            assert_eq!(log_out.cookie(name).expect("a removal").value, "");
        }
        service.refresh(kind, pass.refresh()).await.is_unauthorized();
        // It left the list, which a user can ask for by what is left of it.
        let listed = service.get("/auth/sessions").with(&pass).send().await.json();
        let current = listed
            .as_array()
            .expect("a list")
            .iter()
            .map(|log_in| &log_in["current"]);
        assert_eq!(current.collect::<Vec<_>>(), [&json!(false)]);
        // Whole seconds, rounded down.
        service.advance(Duration::minutes(60) - Duration::SECOND);
        assert_eq!(service.me(&pass).await.status, 200);
        service.advance(Duration::SECOND);
        service.me(&pass).await.is_unauthorized();
        kind.issued(&service.refresh(kind, other.refresh()).await);
    });
}

#[test]
fn s5_what_ends_every_credential_of_a_user_ends_the_jwt_at_once() {
    with_each(async |service, kind, _watch| {
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(kind, &address("arthur")).await;
        for (name, what) in [
            ("gawain", "another password"),
            ("kay", "a log-out everywhere"),
            ("mordred", "deactivation"),
        ] {
            let user = service.seed(person(name)).await;
            let pass = service.pass(kind, &address(name)).await;
            let other = service.pass(kind, &address(name)).await;
            let call = match what {
                "another password" => {
                    let change = json!({ "password": NEW_PASSWORD });
                    service.patch("/users/me").json(&change).with(&pass)
                }
                "a log-out everywhere" => service.post("/auth/logout-everywhere").with(&pass),
                _ => {
                    let change = json!({ "is_active": false });
                    let call = service.patch(&format!("/users/{}", user.id));
                    call.json(&change).with(&king)
                }
            };
            let answer = call.send().await;
            assert!([200, 204].contains(&answer.status), "{what}: {answer:?}");
            for ended in [&pass, &other] {
                service.me(ended).await.is_unauthorized();
                service.refresh(kind, ended.refresh()).await.is_unauthorized();
            }
        }
    });
}
