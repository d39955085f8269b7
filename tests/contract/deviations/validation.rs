//! Deviations 1, 2, 3, 7, 10 and 24: what a client may send.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use portcullis::{
    Email, Lifetime, SecretString, SigningSecret,
    http::{CookieTransport, MaxAge},
    jwt::JwtStrategy,
    users::{PasswordPolicy, PolicyError},
};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Blueprint, Kind, PASSWORD, Service, address, person};

const BAD: &str = "LOGIN_BAD_CREDENTIALS";

#[test]
fn deviation_1_null_for_an_email_or_a_flag_is_422() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let user = service.seed(person("arthur").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("arthur")).await;
        let register = json!({"email": null, "password": PASSWORD});
        service
            .post_json("/auth/register", register)
            .await
            .is_unprocessable(&["email"]);
        for path in ["/users/me".to_owned(), format!("/users/{}", user.id)] {
            let patch = service.patch(&path).json(&json!({"email": null}));
            patch.with(&pass).send().await.is_unprocessable(&["email"]);
        }
        for flag in ["is_active", "is_superuser", "is_verified"] {
            let patch = service
                .patch(&format!("/users/{}", user.id))
                .json(&json!({flag: null}));
            patch.with(&pass).send().await.is_unprocessable(&[flag]);
        }
    });
}

#[test]
fn deviation_1_a_nul_byte_is_400_or_422_and_never_500() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("arthur")).await;
        for (username, password) in [
            ("arthur\0@camelot.example", PASSWORD),
            (&*address("arthur"), "a\0b"),
            ("\0", "\0"),
        ] {
            service
                .log_in(Kind::DbBearer, username, password)
                .await
                .is_error(400, BAD);
        }
        let register = json!({"email": "a\0b@camelot.example", "password": PASSWORD});
        service
            .post_json("/auth/register", register)
            .await
            .is_unprocessable(&["email"]);
        let verify = json!({"token": "\0"});
        service
            .post_json("/auth/verify", verify)
            .await
            .is_error(400, "VERIFY_USER_BAD_TOKEN");
        // A password may hold any character.
        let register = json!({"email": address("kay"), "password": "a\0b with more of it"});
        assert_eq!(service.post_json("/auth/register", register).await.status, 201);
        let cut = service.log_in(Kind::DbBearer, &address("kay"), "a").await;
        cut.is_error(400, BAD);
        Kind::DbBearer.issued(
            &service
                .log_in(Kind::DbBearer, &address("kay"), "a\0b with more of it")
                .await,
        );
    });
}

#[test]
fn deviation_1_an_unknown_or_malformed_hash_and_bcrypt_with_a_long_password_are_400() {
    let of_72 = "$2b$04$gxMqXFgXOuLr/tuFCVOJy./6wD34Uzp7Na3ANX/j0WgaHCNyA33.y";
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for (n, hash) in [
            "",
            "x",
            "$md5$abc",
            "$argon2id$v=19$m=19456",
            "$2b$12$short",
            PASSWORD,
        ]
        .iter()
        .enumerate()
        {
            let name = format!("knight{n}");
            service.seed(person(&name).hash(hash)).await;
            service
                .log_in(Kind::DbBearer, &address(&name), PASSWORD)
                .await
                .is_error(400, BAD);
        }
        service.seed(person("old").hash(of_72)).await;
        let long = "a".repeat(73);
        service
            .log_in(Kind::DbBearer, &address("old"), &long)
            .await
            .is_error(400, BAD);
        Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, &address("old"), &long[..72]).await);
    });
}

#[test]
fn deviation_2_a_lifetime_of_zero_is_refused_at_construction() {
    assert!(Lifetime::from_secs(0).is_err());
    assert!(Lifetime::new(Duration::ZERO).is_err());
    let secret = SigningSecret::generate().expect("random");
    for lifetime in [
        Lifetime::new(Duration::from_millis(999)).expect("positive"),
        Lifetime::FOREVER,
    ] {
        let error = JwtStrategy::<Uuid>::hs256(&secret, lifetime)
            .err()
            .expect("refused");
        assert_eq!(error.setting(), "JWT lifetime");
    }
    let zero = MaxAge::Fixed(Duration::ZERO);
    let error = CookieTransport::builder()
        .max_age(zero)
        .build()
        .expect_err("refused");
    assert_eq!(error.setting(), "cookie.max_age");
}

#[test]
fn deviation_3_a_change_of_only_the_case_of_ones_own_email_is_200() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("arthur").verified(true)).await;
        let pass = service.pass(Kind::DbBearer, &address("arthur")).await;
        let patch = service
            .patch("/users/me")
            .json(&json!({"email": address("King-Arthur")}));
        assert_eq!(patch.with(&pass).send().await.json()["is_verified"], json!(false));
        service
            .set(&address("king-arthur"), |user| user.is_verified = true)
            .await;

        let patch = service
            .patch("/users/me")
            .json(&json!({"email": address("KING-arthur")}));
        let answer = patch.with(&pass).send().await;
        assert_eq!(answer.status, 200);
        let shown = answer.json();
        assert_eq!(shown["email"], address("KING-arthur"));
        assert_eq!(shown["is_verified"], json!(true), "it is the same mailbox");
    });
}

#[test]
fn deviation_7_a_422_never_repeats_the_input() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let pass = service.pass(Kind::DbBearer, &address("arthur")).await;
        let secret = "hunter2-hunter2";
        for path in [
            "/auth/register",
            "/auth/request-verify-token",
            "/auth/verify",
            "/auth/forgot-password",
            "/auth/reset-password",
        ] {
            for body in [
                json!({"email": secret, "password": [secret], "token": [secret], "is_active": secret}),
                json!({"email": [secret], "password": {secret: secret}, "token": {secret: secret}}),
                json!([secret]),
                json!(secret),
            ] {
                let answer = service.post_json(path, body).await;
                answer.field_errors();
                assert!(!answer.text().contains("hunter2"), "{path}: {answer:?}");
            }
            let answer = service
                .post(path)
                .body("application/json", format!("{{\"{secret}\": {secret}"))
                .send()
                .await;
            answer.field_errors();
            assert!(!answer.text().contains("hunter2"), "{path}: {answer:?}");
        }
        let patch = service
            .patch("/users/me")
            .json(&json!({"email": secret, "password": [secret], "is_active": secret}));
        let answer = patch.with(&pass).send().await;
        answer.is_unprocessable(&["email", "password", "is_active"]);
        assert!(!answer.text().contains("hunter2"), "{answer:?}");
        let form = [("username", ""), ("password", secret), ("grant_type", secret)];
        let answer = service.post(&Kind::DbBearer.login()).form(&form).send().await;
        answer.is_unprocessable(&["username", "grant_type"]);
        assert!(!answer.text().contains("hunter2"), "{answer:?}");
    });
}

#[test]
fn deviation_10_the_default_policy_wants_8_to_256_code_points_and_no_common_password() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for (n, (password, good)) in [
            ("".to_owned(), false),
            ("ünïcödé".to_owned(), false),
            ("ünïcödéß".to_owned(), true),
            ("é".repeat(256), true),
            ("é".repeat(257), false),
            ("password1".to_owned(), false),
            ("ILoveYou".to_owned(), false),
        ]
        .iter()
        .enumerate()
        {
            let body = json!({"email": address(&format!("knight{n}")), "password": password});
            let answer = service.post_json("/auth/register", body).await;
            if *good {
                assert_eq!(answer.status, 201, "{password}");
            } else {
                answer.refuses_password("REGISTER_INVALID_PASSWORD");
            }
        }
    });
}

#[test]
fn deviation_10_the_policy_is_replaceable() {
    struct Motto;

    #[async_trait]
    impl PasswordPolicy for Motto {
        async fn check(&self, password: &SecretString, email: &Email) -> Result<(), PolicyError> {
            use portcullis::ExposeSecret as _;
            match password.expose_secret() {
                "ni" => Ok(()),
                _ => Err(PolicyError::Refused(format!("{email} does not say ni"))),
            }
        }
    }

    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.policy = Some(Arc::new(Motto));
    blueprint.run(async |service: &Service| {
        let body = json!({"email": address("knight"), "password": PASSWORD});
        let refused = service.post_json("/auth/register", body).await;
        refused.refuses_password("REGISTER_INVALID_PASSWORD");
        assert_eq!(
            refused.json()["detail"]["reason"],
            "knight@camelot.example does not say ni"
        );
        let body = json!({"email": address("knight"), "password": "ni"});
        assert_eq!(service.post_json("/auth/register", body).await.status, 201);
        Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, &address("knight"), "ni").await);
    });
}

#[test]
fn deviation_24_oneself_is_not_deleted_as_the_user_whose_id_is_me() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        for call in [
            service.delete("/users/me"),
            service.delete("/users/me").with(&king),
        ] {
            let answer = call.send().await;
            answer.is_error(405, "Method Not Allowed");
            assert_eq!(answer.header("allow"), Some("GET, PATCH"));
        }
        assert_eq!(service.me(&king).await.status, 200);
    });
}
