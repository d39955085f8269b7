//! V3 to V6: the tokens in mails.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, Store, address, person};

fn successes(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[test]
fn v3_of_16_concurrent_uses_of_a_token_one_succeeds() {
    for store in [Store::Sqlite, Store::Memory] {
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.store = store;
        blueprint.workers = 2;
        blueprint.run(async |service: &Service| {
            service.seed(person("percival")).await;
            let token = service.verify_token(&address("percival")).await;
            let verify = |_| service.post_json("/auth/verify", json!({"token": token}));
            let answers = join_all((0..16).map(verify)).await;
            assert_eq!(successes(&answers), 1, "{store:?}");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                answer.is_error(400, "VERIFY_USER_ALREADY_VERIFIED");
            }

            let token = service.reset_token(&address("percival")).await;
            let passwords: Vec<_> = (0..16).map(|n| format!("the password number {n}")).collect();
            let reset = |password| {
                service.post_json(
                    "/auth/reset-password",
                    json!({"token": token, "password": password}),
                )
            };
            let answers = join_all(passwords.iter().map(reset)).await;
            assert_eq!(successes(&answers), 1, "{store:?}");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
            }
            let winner = answers
                .iter()
                .position(|answer| answer.status == 200)
                .expect("one");
            let log_in = service
                .log_in(Kind::DbBearer, &address("percival"), &passwords[winner])
                .await;
            Kind::DbBearer.issued(&log_in);
        });
    }
}

#[test]
fn v3_a_blank_token_never_matches() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("percival")).await;
        service.seed(person("merlin").without_password()).await;
        for blank in ["", " ", "\0", "\n", "null", "undefined", "=", "AAAA"] {
            let answer = service.post_json("/auth/verify", json!({"token": blank})).await;
            answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
            let body = json!({"token": blank, "password": NEW_PASSWORD});
            let answer = service.post_json("/auth/reset-password", body).await;
            answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
        }
    });
}

#[test]
fn v4_a_reset_ends_all_sessions_and_all_other_reset_tokens() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("percival")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("percival")).await);
        }
        let used = service.reset_token(&address("percival")).await;
        service.clock.advance(time::Duration::seconds(1));
        let other = service.reset_token(&address("percival")).await;
        assert_ne!(used, other);
        let body = json!({"token": used, "password": NEW_PASSWORD});
        service
            .post_json("/auth/reset-password", body)
            .await
            .is(200, "null");
        for pass in &passes {
            service.me(pass).await.is_unauthorized();
        }
        for token in [used, other] {
            let body = json!({"token": token, "password": PASSWORD});
            let answer = service.post_json("/auth/reset-password", body).await;
            answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
        }
    });
}

#[test]
fn s5_a_reset_token_does_not_outlive_a_deactivation() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        let user = service.seed(person("mordred")).await;
        let reset = service.reset_token(user.email.as_str()).await;
        for is_active in [false, true] {
            let change = service.patch(&format!("/users/{}", user.id));
            let answer = change
                .json(&json!({"is_active": is_active}))
                .with(&king)
                .send()
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let body = json!({"token": reset, "password": NEW_PASSWORD});
        let answer = service.post_json("/auth/reset-password", body).await;
        answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
        let body = json!({"token": service.reset_token(user.email.as_str()).await, "password": NEW_PASSWORD});
        assert_eq!(service.post_json("/auth/reset-password", body).await.status, 200);
    });
}

#[test]
fn v5_a_verification_token_confirms_exactly_the_address_it_was_made_for() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("percival")).await;
        let pass = service.pass(Kind::DbBearer, &address("percival")).await;
        let token = service.verify_token(&address("percival")).await;
        let change = |name| {
            service
                .patch("/users/me")
                .json(&json!({"email": address(name)}))
                .with(&pass)
                .send()
        };
        assert_eq!(change("lancelot").await.status, 200);
        // Somebody else now has the old address.
        service.seed(person("percival")).await;
        let answer = service.post_json("/auth/verify", json!({"token": token})).await;
        answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
        for name in ["lancelot", "percival"] {
            let user = service.stored(&address(name)).await.expect("the user");
            assert!(!user.is_verified, "{name}");
        }
    });
}

#[test]
fn v6_a_spoofed_host_does_not_reach_the_mail() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("percival")).await;
        let body = json!({"email": address("percival")});
        for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
            let mut tokens = Vec::new();
            for spoofed in [false, true] {
                let mut call = service.post(path).json(&body);
                if spoofed {
                    for (header, value) in [
                        ("host", "evil.example"),
                        ("x-forwarded-host", "evil.example"),
                        ("x-forwarded-proto", "evil"),
                        ("forwarded", "host=evil.example"),
                        ("origin", "https://evil.example"),
                        ("referer", "https://evil.example/"),
                    ] {
                        call = call.header(header, value);
                    }
                }
                call.send().await.is(202, "null");
                let [mail] = &service.mails().await[..] else {
                    panic!("one mail")
                };
                assert_eq!(mail.to, address("percival"));
                tokens.push(portcullis::ExposeSecret::expose_secret(&mail.token).to_owned());
            }
            assert_eq!(
                tokens[0], tokens[1],
                "the clock stands still: the mails are the same to the last byte"
            );
        }
    });
}
