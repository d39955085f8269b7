//! How often a request asks a store.

mod server;

use std::sync::Arc;

use portcullis::{SigningSecret, store::Clock};

use crate::harness::{Blueprint, Kind, Refresh, SECRET, Service, Store, Watch, address, backend, person};

/// What a request with a credential of this kind asks the stores, the user included.
fn asked(kind: Kind) -> &'static [&'static str] {
    if kind.is_revocable() {
        &["tokens.find", "users.find"]
    } else {
        &["users.find"]
    }
}

fn watched(store: Store, test: impl AsyncFnOnce(&Service, &Watch)) {
    let watch = Arc::new(Watch::default());
    // The opaque backends first: a JWT costs none of them a look-up.
    let mut blueprint = Blueprint::of(&[
        Kind::DbBearer,
        Kind::DbCookie,
        Kind::JwtBearer,
        Kind::JwtCookie,
        Kind::TrackedBearer,
        Kind::TrackedCookie,
    ]);
    blueprint.store = store;
    blueprint.watch = Some(Arc::clone(&watch));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot").verified(true)).await;
        test(service, &watch).await;
    });
}

#[test]
fn a_request_asks_for_its_token_once_and_for_its_user_once() {
    for store in [Store::Sqlite, Store::Memory] {
        watched(store, async |service, watch| {
            for kind in Kind::ALL {
                let pass = service.pass(kind, &address("lancelot")).await;
                for path in ["/users/me", "/required/active", "/optional/active"] {
                    watch.calls();
                    assert_eq!(service.get(path).with(&pass).send().await.status, 200);
                    assert_eq!(watch.calls(), asked(kind), "{store:?} {kind:?} {path}");
                }
            }
            watch.calls();
            service.get("/users/me").send().await.is_unauthorized();
            assert!(watch.calls().is_empty(), "nothing was presented");
        });
    }
}

#[test]
fn an_extractor_within_guards_makes_no_second_look_up() {
    watched(Store::Sqlite, async |service, watch| {
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            for path in [
                "/guarded/active/required/active".to_owned(),
                "/guarded/active/optional/active".to_owned(),
                "/guarded/verified/required/active".to_owned(),
                format!("/only/{}/required/active", kind.name()),
            ] {
                watch.calls();
                assert_eq!(service.get(&path).with(&pass).send().await.status, 200, "{path}");
                assert_eq!(watch.calls(), asked(kind), "{kind:?} {path}");
            }
        }
    });
}

#[test]
fn each_of_the_other_log_ins_is_ended_by_its_key() {
    watched(Store::Memory, async |service, watch| {
        let mut pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        for kind in [Kind::DbCookie, Kind::TrackedBearer, Kind::DbBearer] {
            pass = service.pass(kind, &address("lancelot")).await;
        }
        watch.calls();
        let answer = service.delete("/auth/sessions").with(&pass).send().await;
        answer.is(204, "");
        let expected = [
            "tokens.find",
            "users.find",
            "tokens.list",
            "tokens.delete",
            "tokens.delete",
            "tokens.delete",
        ];
        assert_eq!(watch.calls(), expected);
        let listed = service.get("/auth/sessions").with(&pass).send().await;
        assert_eq!(listed.json().as_array().expect("a list").len(), 1);
    });
}

#[test]
fn a_jwt_is_read_without_any_look_up_and_an_opaque_token_by_one() {
    watched(Store::Sqlite, async |service, watch| {
        let secret = SigningSecret::new(SECRET).expect("long enough");
        let clock: Arc<dyn Clock> = service.clock.clone();
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            let backend = backend(kind, &service.tokens, &secret, &clock, false, Refresh::default());
            watch.calls();
            backend.read(&pass.token).await.expect("a credential");
            let expected: &[&str] = if kind.is_revocable() {
                &["tokens.find"]
            } else {
                &[]
            };
            assert_eq!(watch.calls(), expected, "{kind:?}");
        }
    });
}
