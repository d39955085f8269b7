//! E6: what no cache keeps.

use serde_json::json;

use crate::{
    harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, address, person},
    routes::{json_routes, unsafe_routes},
};

#[test]
fn c6_e6_no_answer_with_personal_data_is_stored() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let mut answers = Vec::new();
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        for status in [201, 400] {
            let answer = service.post_json("/auth/register", body.clone()).await;
            assert_eq!(answer.status, status);
            answers.push(answer);
        }
        let token = service.verify_token(&address("galahad")).await;
        let answer = service.post_json("/auth/verify", json!({"token": token})).await;
        assert_eq!(answer.status, 200);
        answers.push(answer);
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            for path in ["/users/me".to_owned(), format!("/users/{}", user.id)] {
                for call in [service.get(&path), service.patch(&path).json(&json!({}))] {
                    let answer = call.with(&pass).send().await;
                    assert_eq!(answer.status, 200, "{path}");
                    answers.push(answer);
                }
                let refused = service.patch(&path).json(&json!({"email": address("galahad")}));
                let answer = refused.with(&pass).send().await;
                assert_eq!(answer.status, 400, "{path}");
                answers.push(answer);
            }
            for (method, path) in unsafe_routes(kind, user.id) {
                let is_ours = path.starts_with("/auth/") || path.starts_with("/users/");
                // The one that has no log-out.
                if is_ours && path != Kind::JwtBearer.logout() {
                    let call = service
                        .call(method, &path)
                        .json(&json!({"password": NEW_PASSWORD}));
                    answers.push(call.send().await);
                }
            }
        }
        for route in json_routes(user.id) {
            answers.push(route.call(service).json(&route.body).send().await);
        }
        for answer in answers {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        }
    });
}
