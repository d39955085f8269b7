//! S1, S2, S5: sessions begin anew and end at once.

use serde_json::json;

use crate::harness::{Blueprint, Kind, PASSWORD, Pass, Service, address, person};

#[test]
fn s1_each_log_in_is_a_new_credential_and_the_one_presented_is_dead() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.seed(person("gawain")).await;
        for kind in [Kind::DbBearer, Kind::DbCookie] {
            for next in ["lancelot", "gawain"] {
                let old = service.pass(kind, &address("lancelot")).await;
                let elsewhere = service.pass(kind, &address("lancelot")).await;
                let form = [("username", &*address(next)), ("password", PASSWORD)];
                let answer = service.post(&kind.login()).form(&form).with(&old).send().await;
                let new = kind.issued(&answer);
                assert_ne!(new.token, old.token);
                service.me(&old).await.is_unauthorized();
                assert_eq!(service.me(&new).await.json()["email"], address(next));
                assert_eq!(
                    service.me(&elsewhere).await.status,
                    200,
                    "one that was not presented lives on"
                );
            }
        }
        for kind in [Kind::JwtBearer, Kind::JwtCookie] {
            let old = service.pass(kind, &address("lancelot")).await;
            let new = service.pass(kind, &address("lancelot")).await;
            assert_ne!(old.token, new.token, "at the same instant, too");
        }
    });
}

#[test]
fn s1_a_failed_log_in_leaves_the_credential_alive() {
    Blueprint::of(&[Kind::DbBearer, Kind::DbCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for kind in [Kind::DbBearer, Kind::DbCookie] {
            let pass = service.pass(kind, &address("lancelot")).await;
            let form = [("username", &*address("lancelot")), ("password", "wrong")];
            let answer = service.post(&kind.login()).form(&form).with(&pass).send().await;
            answer.is_error(400, "LOGIN_BAD_CREDENTIALS");
            assert_eq!(service.me(&pass).await.status, 200);
        }
    });
}

#[test]
fn s2_a_credential_that_a_client_chose_is_never_adopted() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let looks_right = format!("{}{}", "A".repeat(43), "AAA");
        for kind in Kind::ALL {
            for chosen in ["chosen", &looks_right, "00000000-0000-0000-0000-000000000000"] {
                let chosen = Pass::new(kind, chosen);
                service.me(&chosen).await.is_unauthorized();
                let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
                let answer = service.post(&kind.login()).form(&form).with(&chosen).send().await;
                let issued = kind.issued(&answer);
                assert_ne!(issued.token, chosen.token);
                service.me(&chosen).await.is_unauthorized();
                assert_eq!(service.me(&issued).await.status, 200);
            }
        }
    });
}

/// `act` on lancelot's path as a superuser; each of lancelot's credentials is dead the moment it returned.
fn ends_everything_at_once(act: impl AsyncFn(&Service, &str, &Pass)) {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let user = service.seed(person("lancelot")).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        let verify = service.verify_token(&address("lancelot")).await;
        let reset = service.reset_token(&address("lancelot")).await;
        act(service, &format!("/users/{}", user.id), &king).await;
        for pass in &passes {
            service.me(pass).await.is_unauthorized();
            for path in ["/required/active", "/guarded/active/optional/active"] {
                service.get(path).with(pass).send().await.is_unauthorized();
            }
            service
                .get("/optional/active")
                .with(pass)
                .send()
                .await
                .is(200, "null");
            let log_in = service.log_in(pass.kind, &address("lancelot"), PASSWORD).await;
            log_in.is_error(400, "LOGIN_BAD_CREDENTIALS");
        }
        let body = json!({"token": reset, "password": "another good password"});
        let answer = service.post_json("/auth/reset-password", body).await;
        answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
        let answer = service.post_json("/auth/verify", json!({"token": verify})).await;
        if service.stored(&address("lancelot")).await.is_none() {
            answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
        }
        assert_eq!(service.me(&king).await.status, 200);
    });
}

#[test]
fn s5_a_deactivation_ends_everything_at_once() {
    ends_everything_at_once(async |service: &Service, path: &str, king: &Pass| {
        let patch = service.patch(path).json(&json!({"is_active": false}));
        assert_eq!(patch.with(king).send().await.status, 200);
    });
}

#[test]
fn s5_a_deletion_ends_everything_at_once() {
    ends_everything_at_once(async |service: &Service, path: &str, king: &Pass| {
        service.delete(path).with(king).send().await.is(204, "");
    });
}

#[test]
fn s5_a_new_user_with_the_email_of_a_deleted_one_inherits_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let old = service.seed(person("lancelot").superuser()).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        service
            .auth
            .users()
            .store()
            .delete(&old.id)
            .await
            .expect("deleted");
        let body = json!({"email": address("lancelot"), "password": PASSWORD});
        let new = service.post_json("/auth/register", body).await;
        assert_eq!(new.json()["is_superuser"], json!(false));
        for pass in &passes {
            service.me(pass).await.is_unauthorized();
        }
    });
}

#[test]
fn a_session_holds_who_asked_for_it_and_no_more_of_that_than_it_should() {
    Blueprint::of(&[Kind::DbBearer, Kind::DbCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let long = format!("x{}", "é".repeat(200));
        for kind in [Kind::DbBearer, Kind::DbCookie] {
            for (sent, kept) in [
                (None, None),
                (Some(b"curl/8.0".to_vec()), Some("curl/8.0".to_owned())),
                (Some(vec![b'a'; 256]), Some("a".repeat(256))),
                (Some(vec![b'a'; 257]), Some("a".repeat(256))),
                // 256 bytes would end in the middle of a letter.
                (Some(long.clone().into_bytes()), Some(long[..255].to_owned())),
                (Some(b"caf\xe9".to_vec()), Some("caf\u{fffd}".to_owned())),
            ] {
                let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
                let mut call = service.post(&kind.login()).form(&form);
                if let Some(agent) = sent {
                    call = call.header("user-agent", agent);
                }
                // Nobody is configured to be believed.
                let call = call.header("x-forwarded-for", "203.0.113.9");
                let pass = kind.issued(&call.send().await);
                let key = portcullis::store::TokenLookup::for_audience(kind.name(), &pass.token);
                let stored = service.tokens.find(&key).await.expect("an answer");
                let client = stored.expect("the token").client;
                assert_eq!(client.user_agent, kept);
                assert_eq!(client.address.as_deref(), Some("127.0.0.1"));
                assert_eq!(client.label, None);
            }
        }
    });
}
