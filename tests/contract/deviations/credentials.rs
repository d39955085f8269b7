//! Deviations 5, 6, 8 and 11: what a credential is good for.

use serde_json::{Value, json};

use crate::harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person};

/// Signed with the secret of the tests, for the user of this id; the second with an `exp` in 2100.
const ID: &str = "0190d1b4-6f2b-7c3a-9d00-000000000042";
const WITHOUT_EXP: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImVwb2NoIjowfQ.UwPSlVwk-btF9PXxmlLidgcPcllMZlq0mvImZTxMyW4";
const WITH_EXP: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTkwZDFiNC02ZjJiLTdjM2EtOWQwMC0wMDAwMDAwMDAwNDIiLCJhdWQiOlsiZmFzdGFwaS11c2VyczphdXRoIl0sImV4cCI6NDEwMjQ0NDgwMCwiZXBvY2giOjB9.Q-dazvFYtZh37625xDtn6cbq2jn2mJtcZxhT7z_bIbA";

/// A user logs in everywhere; `act` happens; every credential is dead.
fn ends_every_credential(act: impl AsyncFn(&Service, &[Pass])) {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.seed(person("gawain")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("lancelot")).await);
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        let stranger = service.pass(Kind::DbBearer, &address("gawain")).await;
        act(service, &passes).await;
        for pass in &passes {
            service.me(pass).await.is_unauthorized();
        }
        assert_eq!(
            service.me(&stranger).await.status,
            200,
            "another user's is not touched"
        );
    });
}

async fn superuser_sets(service: &Service, body: Value) -> Answer {
    if service.stored(&address("arthur")).await.is_none() {
        service.seed(person("arthur").superuser()).await;
    }
    let king = service.pass(Kind::DbBearer, &address("arthur")).await;
    let user = service.stored(&address("lancelot")).await.expect("the user");
    let patch = service.patch(&format!("/users/{}", user.id)).json(&body);
    patch.with(&king).send().await
}

#[test]
fn deviation_5_a_password_change_ends_every_credential_the_current_one_included() {
    for position in [0, 2, 4, 6] {
        ends_every_credential(async |service: &Service, passes: &[Pass]| {
            let patch = service
                .patch("/users/me")
                .json(&json!({"password": NEW_PASSWORD}));
            assert_eq!(patch.with(&passes[position]).send().await.status, 200);
        });
    }
}

#[test]
fn deviation_5_the_same_password_set_again_ends_every_credential() {
    ends_every_credential(async |service: &Service, passes: &[Pass]| {
        let patch = service.patch("/users/me").json(&json!({"password": PASSWORD}));
        assert_eq!(patch.with(&passes[0]).send().await.status, 200);
    });
}

#[test]
fn deviation_5_a_superusers_password_change_ends_every_credential() {
    ends_every_credential(async |service: &Service, _passes: &[Pass]| {
        let answer = superuser_sets(service, json!({"password": NEW_PASSWORD})).await;
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn deviation_5_a_reset_ends_every_credential() {
    ends_every_credential(async |service: &Service, _passes: &[Pass]| {
        let token = service.reset_token(&address("lancelot")).await;
        let body = json!({"token": token, "password": NEW_PASSWORD});
        service
            .post_json("/auth/reset-password", body)
            .await
            .is(200, "null");
    });
}

#[test]
fn deviation_5_a_deactivation_ends_every_credential_for_good() {
    ends_every_credential(async |service: &Service, passes: &[Pass]| {
        assert_eq!(
            superuser_sets(service, json!({"is_active": false})).await.status,
            200
        );
        for pass in passes {
            service.me(pass).await.is_unauthorized();
        }
        assert_eq!(
            superuser_sets(service, json!({"is_active": true})).await.status,
            200
        );
        let new = service.pass(Kind::DbCookie, &address("lancelot")).await;
        assert_eq!(service.me(&new).await.status, 200);
    });
}

#[test]
fn deviation_6_a_401_carries_www_authenticate_where_a_bearer_backend_is_enabled() {
    for kinds in [
        &[Kind::DbBearer][..],
        &[Kind::JwtBearer],
        &[Kind::DbCookie],
        &[Kind::DbCookie, Kind::JwtBearer],
    ] {
        let bearer = kinds.iter().any(|kind| !kind.is_cookie());
        Blueprint::of(kinds).run(async |service: &Service| {
            let unknown = "/users/00000000-0000-0000-0000-000000000000";
            let mut answers = vec![
                service.get("/users/me").send().await,
                service.patch("/users/me").json(&json!({})).send().await,
                service.get(unknown).send().await,
                service.patch(unknown).json(&json!({})).send().await,
                service.delete(unknown).send().await,
                service.get("/required/active").send().await,
                service.get("/guarded/active/required/active").send().await,
            ];
            for kind in kinds {
                answers.push(service.me(&Pass::new(*kind, "nonsense")).await);
            }
            for answer in answers {
                answer.is_unauthorized();
                assert_eq!(answer.header("www-authenticate"), bearer.then_some("Bearer"));
            }
            for kind in kinds.iter().filter(|kind| kind.is_revocable()) {
                let answer = service.post(&kind.logout()).send().await;
                answer.is_unauthorized();
                let challenge = (!kind.is_cookie()).then_some("Bearer");
                assert_eq!(answer.header("www-authenticate"), challenge, "{kind:?}");
            }
        });
    }
}

#[test]
fn deviation_6_an_answer_with_a_token_is_not_stored() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for kind in Kind::ALL {
            let answer = service.log_in(kind, &address("lancelot"), PASSWORD).await;
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{kind:?}");
        }
    });
}

#[test]
fn deviation_8_an_inactive_user_is_nobody_on_every_route() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            service
                .set(&address("lancelot"), |user| user.is_active = false)
                .await;
            for path in ["/required/active", "/guarded/active/required/active", "/users/me"] {
                service.get(path).with(&pass).send().await.is_unauthorized();
            }
            service
                .get("/optional/active")
                .with(&pass)
                .send()
                .await
                .is(200, "null");
            service
                .set(&address("lancelot"), |user| user.is_active = true)
                .await;
        }
    });
}

#[test]
fn deviation_11_a_jwt_without_exp_is_rejected() {
    let mut blueprint = Blueprint::of(&[Kind::JwtBearer, Kind::JwtCookie]);
    // For the audience of these two tokens.
    blueprint.takes_fastapi_users = true;
    blueprint.run(async |service: &Service| {
        service
            .seed(person("lancelot").id(ID.parse().expect("an id")))
            .await;
        for kind in [Kind::JwtBearer, Kind::JwtCookie] {
            assert_eq!(
                service.me(&Pass::new(kind, WITH_EXP)).await.status,
                200,
                "the same with it"
            );
            service.me(&Pass::new(kind, WITHOUT_EXP)).await.is_unauthorized();
        }
    });
}
