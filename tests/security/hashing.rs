//! L2: what a request costs tells nothing.

use portcullis::users::PasswordHasher;
use serde_json::{Value, json};

use crate::harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, address, person};

/// How many hashes the request starts.
async fn cost(service: &Service, request: impl Future) -> u64 {
    let hasher = service.auth.users().hasher();
    let before = hasher.hashes_started();
    request.await;
    hasher.hashes_started() - before
}

#[test]
fn l2_every_path_of_log_in_costs_exactly_one_hash() {
    for verification in [false, true] {
        let mut blueprint = Blueprint::of(&Kind::ALL);
        blueprint.verification = verification;
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot").verified(true)).await;
            service.seed(person("gawain")).await;
            service.seed(person("mordred").inactive()).await;
            service.seed(person("merlin").without_password()).await;
            service.seed(person("broken").hash("nonsense")).await;
            let greedy = "$argon2id$v=19$m=4194304,t=9,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw";
            service.seed(person("greedy").hash(greedy)).await;
            for kind in Kind::ALL {
                for (name, password) in [
                    ("nobody", PASSWORD),
                    ("lancelot", PASSWORD),
                    ("lancelot", "wrong"),
                    ("gawain", PASSWORD),
                    ("gawain", "wrong"),
                    ("mordred", PASSWORD),
                    ("mordred", "wrong"),
                    ("merlin", PASSWORD),
                    ("broken", PASSWORD),
                    ("greedy", PASSWORD),
                ] {
                    let hashes = cost(service, service.log_in(kind, &address(name), password)).await;
                    assert_eq!(hashes, 1, "{kind:?}: {name} {password}");
                }
                for username in ["nobody", "@", "a@b", "\0", &"x".repeat(4000)] {
                    assert_eq!(cost(service, service.log_in(kind, username, PASSWORD)).await, 1, "{username}");
                }
            }
        });
    }
}

#[test]
fn l2_a_new_and_a_taken_registration_cost_exactly_one_hash() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("taken")).await;
        service.seed(person("inactive").inactive()).await;
        for name in ["new", "taken", "TAKEN", "inactive"] {
            let body = json!({"email": address(name), "password": PASSWORD});
            assert_eq!(
                cost(service, service.post_json("/auth/register", body)).await,
                1,
                "{name}"
            );
        }
    });
}

#[test]
fn l2_to_forget_a_password_costs_exactly_one_hash() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.seed(person("mordred").inactive()).await;
        service.seed(person("merlin").without_password()).await;
        for name in ["lancelot", "nobody", "mordred", "merlin"] {
            let body = json!({"email": address(name)});
            assert_eq!(
                cost(service, service.post_json("/auth/forgot-password", body)).await,
                1,
                "{name}"
            );
        }
    });
}

#[test]
fn l2_what_is_refused_before_costs_no_hash() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let requests: [(&str, Value); 4] = [
            (
                "/auth/register",
                json!({"email": address("new"), "password": "short"}),
            ),
            ("/auth/register", json!({"email": "none", "password": PASSWORD})),
            (
                "/auth/reset-password",
                json!({"token": "nonsense", "password": NEW_PASSWORD}),
            ),
            ("/auth/forgot-password", json!({"email": "none"})),
        ];
        for (path, body) in requests {
            assert_eq!(
                cost(service, service.post_json(path, body.clone())).await,
                0,
                "{path} {body}"
            );
        }
        assert_eq!(
            cost(service, service.log_in(Kind::DbBearer, "", PASSWORD)).await,
            0
        );
        let long = "x".repeat(1025);
        assert_eq!(
            cost(
                service,
                service.log_in(Kind::DbBearer, &address("lancelot"), &long)
            )
            .await,
            0
        );
    });
}

#[test]
fn l2_a_hash_of_a_dearer_cost_is_at_todays_parameters_after_a_log_in() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let dearer = PasswordHasher::builder().memory(65_536).passes(3).lanes(4);
        let dearer = dearer.build().expect("a hasher");
        let imported = dearer.hash(&PASSWORD.into()).await.expect("a hash");
        assert!(imported.expose().starts_with("$argon2id$v=19$m=65536,t=3,p=4$"));
        service.seed(person("lancelot").hash(imported.expose())).await;
        let stored = async || {
            let user = service.stored(&address("lancelot")).await.expect("the user");
            user.password_hash.expect("a hash").expose().to_owned()
        };

        let wrong = service
            .log_in(Kind::DbBearer, &address("lancelot"), NEW_PASSWORD)
            .await;
        wrong.is_error(400, "LOGIN_BAD_CREDENTIALS");
        assert_eq!(
            stored().await,
            imported.expose(),
            "only the right password can upgrade it"
        );

        service.pass(Kind::DbBearer, &address("lancelot")).await;
        let upgraded = stored().await;
        assert!(
            upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{upgraded}"
        );
        let again = cost(
            service,
            service.log_in(Kind::DbBearer, &address("lancelot"), PASSWORD),
        )
        .await;
        assert_eq!((again, stored().await), (1, upgraded), "and that is all");
    });
}
