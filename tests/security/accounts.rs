//! V1 and V2: who there is, and what they may say of themselves.

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Blueprint, Kind, PASSWORD, Service, Store, address, person};

#[test]
fn v1_of_50_parallel_registrations_of_variants_of_one_email_exactly_one_succeeds() {
    for store in [Store::Sqlite, Store::Memory] {
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.store = store;
        blueprint.workers = 2;
        blueprint.run(async |service: &Service| {
            let variants = [
                "galahad@camelot.example",
                "GALAHAD@camelot.example",
                " Galahad@Camelot.Example ",
                "ｇalahad@camelot.example",
                "galahad@CAMELOT.EXAMPLE",
            ];
            let register = |n: usize| {
                let body = json!({"email": variants[n % variants.len()], "password": PASSWORD});
                service.post_json("/auth/register", body)
            };
            let answers = join_all((0..50).map(register)).await;
            assert_eq!(
                answers.iter().filter(|answer| answer.status == 201).count(),
                1,
                "{store:?}"
            );
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                answer.is_error(400, "REGISTER_USER_ALREADY_EXISTS");
            }
            for variant in variants {
                let answer = service.log_in(Kind::DbBearer, variant.trim(), PASSWORD).await;
                Kind::DbBearer.issued(&answer);
            }
        });
    }
}

#[test]
fn v1_of_parallel_changes_to_one_email_exactly_one_succeeds() {
    Blueprint::of(&[Kind::JwtBearer]).run(async |service: &Service| {
        let mut passes = Vec::new();
        for n in 0..8 {
            let name = format!("knight{n}");
            service.seed(person(&name)).await;
            passes.push(service.pass(Kind::JwtBearer, &address(&name)).await);
        }
        let body = json!({"email": address("grail")});
        let changes = passes
            .iter()
            .map(|pass| service.patch("/users/me").json(&body).with(pass).send());
        let answers = join_all(changes).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.is_error(400, "UPDATE_USER_EMAIL_ALREADY_EXISTS");
        }
    });
}

#[test]
fn v2_no_body_assigns_what_is_not_the_clients_to_say() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let id = Uuid::now_v7();
        let greedy = json!({
            "id": id, "is_active": true, "is_superuser": true, "is_verified": true, "security_epoch": 99,
            "revision": 99, "password_hash": "x", "hashed_password": "x", "created_at": 0, "normalized_email": "x",
            "profile": {"is_superuser": true}, "is_Superuser": true, "IS_SUPERUSER": true, "user": {"is_superuser": true},
        });
        let with = |more: serde_json::Value| {
            let mut body = greedy.clone();
            if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
                body.extend(more.clone());
            }
            body
        };
        let body = with(json!({"email": address("mordred"), "password": PASSWORD}));
        let answer = service.post_json("/auth/register", body).await;
        assert_eq!(answer.status, 201);
        let registered = service.stored(&address("mordred")).await.expect("registered");
        assert_ne!(registered.id, id);
        assert!(!registered.is_superuser && !registered.is_verified);
        assert_eq!((registered.security_epoch, registered.revision), (0, 0));
        let keys = answer.json().as_object().map(|user| user.len());
        assert_eq!(keys, Some(5), "{answer:?}");

        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("mordred")).await;
            let patch = service.patch("/users/me").json(&with(json!({})));
            assert_eq!(patch.with(&pass).send().await.status, 200);
            service.get(&format!("/users/{}", registered.id)).with(&pass).send().await.is_forbidden();
            service.get("/required/superuser").with(&pass).send().await.is_forbidden();
        }
        let stored = service.stored(&address("mordred")).await.expect("still there");
        assert_eq!((stored.id, stored.revision), (registered.id, 0));

        // Nor on the way of a one-time token.
        let token = service.reset_token(&address("mordred")).await;
        let body = with(json!({"token": token, "password": "another good password"}));
        service.post_json("/auth/reset-password", body).await.is(200, "null");
        let token = service.verify_token(&address("mordred")).await;
        assert_eq!(service.post_json("/auth/verify", with(json!({"token": token}))).await.status, 200);
        let stored = service.stored(&address("mordred")).await.expect("still there");
        assert!(!stored.is_superuser);
        assert_eq!(stored.id, registered.id);
    });
}
