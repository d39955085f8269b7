//! A1 to A7, V7: which addresses are one, and what may be one.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{
    Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, Watch, address, person,
};

const TAKEN: &str = "REGISTER_USER_ALREADY_EXISTS";

async fn register(service: &Service, email: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD});
    service.post_json("/auth/register", body).await
}

/// Registers a user who is verified, and logs in.
async fn verified(service: &Service, email: &str) -> Pass {
    assert_eq!(register(service, email).await.status, 201, "{email}");
    let token = service.verify_token(email).await;
    let answer = service.post_json("/auth/verify", json!({"token": token})).await;
    assert_eq!(answer.status, 200, "{email}");
    service.pass(Kind::DbBearer, email).await
}

async fn change(service: &Service, pass: &Pass, email: &str) -> Value {
    let patch = service.patch("/users/me").json(&json!({"email": email}));
    let answer = patch.with(pass).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn a1_another_domain_is_unverified_and_another_user() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for (one, other) in [
            ("m@weiss.de", "m@weiß.de"),
            ("m@βόλοσ.example", "m@βόλος.example"),
            ("m@نامهای.example", "m@نامه\u{200c}ای.example"),
        ] {
            let pass = verified(service, one).await;
            let changed = change(service, &pass, other).await;
            assert_eq!(changed["is_verified"], json!(false), "{other}");
            // The old address is free, and is nobody's way into the account.
            service
                .log_in(Kind::DbBearer, one, PASSWORD)
                .await
                .is_error(400, "LOGIN_BAD_CREDENTIALS");
            assert_eq!(register(service, one).await.status, 201, "{one}");
        }
    });
}

#[test]
fn a2_a_token_is_400_after_a_change_to_another_spelling() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for (mailed, other) in [
            ("eve@fussball.example", "eve@fußball.example"),
            ("kelvin@fussball.example", "\u{212a}elvin@fussball.example"),
        ] {
            assert_eq!(register(service, mailed).await.status, 201);
            let pass = service.pass(Kind::DbBearer, mailed).await;
            let verify = service.verify_token(mailed).await;
            let reset = service.reset_token(mailed).await;
            change(service, &pass, other).await;
            let answer = service.post_json("/auth/verify", json!({"token": verify})).await;
            answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
            let body = json!({"token": reset, "password": NEW_PASSWORD});
            let answer = service.post_json("/auth/reset-password", body).await;
            answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
            let user = service.stored(other).await.expect("the user");
            assert!(!user.is_verified, "{other}");
        }
    });
}

#[test]
fn a3_two_spellings_of_one_domain_are_one_user() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let registered = register(service, "bob@straße.de").await;
        assert_eq!(registered.json()["email"], "bob@straße.de");
        for spelling in ["bob@xn--strae-oqa.de", "BOB@XN--STRAE-OQA.DE", "bob@STRAẞE.de"] {
            register(service, spelling).await.is_error(400, TAKEN);
            Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, spelling, PASSWORD).await);
        }
        let other = register(service, "bob@strasse.de").await;
        assert_eq!(other.status, 201, "another domain");
        let pass = service.pass(Kind::DbBearer, "bob@strasse.de").await;
        let patch = service
            .patch("/users/me")
            .json(&json!({"email": "bob@xn--strae-oqa.de"}));
        let answer = patch.with(&pass).send().await;
        answer.is_error(400, "UPDATE_USER_EMAIL_ALREADY_EXISTS");
    });
}

#[test]
fn a4_what_is_shown_can_be_typed() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        for typed in [
            "m@xn--mgba3gch31f060k.example",
            "m@XN--10cl1a0b660p.example",
            "m@ශ්\u{200d}රී.lanka.example",
            "M@xn--strae-oqa.example",
            "m@ＷＥＩß．example",
            "ﬁ@xn--fiqs8s.example",
        ] {
            let registered = register(service, typed).await;
            assert_eq!(registered.status, 201, "{typed}");
            let shown = registered.json()["email"].as_str().expect("an e-mail").to_owned();
            register(service, &shown).await.is_error(400, TAKEN);
            for spelling in [&shown, typed] {
                Kind::DbBearer.issued(&service.log_in(Kind::DbBearer, spelling, PASSWORD).await);
            }
        }
    });
}

#[test]
fn a5_an_address_stays_verified_only_if_the_case_of_ascii_letters_alone_differs() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let pass = verified(service, "kelvin.strasse@example.org").await;
        let changed = change(service, &pass, "Kelvin.STRASSE@Example.org").await;
        assert_eq!(changed["is_verified"], json!(true));
        let changed = change(service, &pass, "\u{212a}elvin.straße@example.org").await;
        assert_eq!(changed["is_verified"], json!(false));
    });
}

#[test]
fn a6_nothing_invisible_is_an_address() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        assert_eq!(register(service, "admin@example.net").await.status, 201);
        for hidden in [
            '\u{1d173}',
            '\u{2800}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{2066}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1bca0}',
            '\u{1d159}',
            '\u{e0041}',
            '\u{e01ef}',
            '\u{e000}',
            '\u{85}',
            '\0',
        ] {
            for typed in [
                format!("admin{hidden}@example.net"),
                format!("ad{hidden}min@example.net"),
                format!("admin@ex{hidden}ample.net"),
            ] {
                register(service, &typed).await.is_unprocessable(&["email"]);
                let answer = service.log_in(Kind::DbBearer, &typed, PASSWORD).await;
                answer.is_error(400, "LOGIN_BAD_CREDENTIALS");
            }
        }
    });
}

#[test]
fn a7_no_id_of_a_forged_token_reaches_the_store() {
    let watch = Arc::new(Watch::default());
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.watch = Some(Arc::clone(&watch));
    blueprint.run(async |service: &Service| {
        let user = service.seed(person("percival")).await;
        let other = service.seed(person("galahad")).await;
        let verify = service.verify_token(&address("percival")).await;
        let reset = service.reset_token(&address("percival")).await;
        let id = user.id.to_string();
        let forged = |token: &str, forged_id: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(token).expect("base64url");
            let head = bytes.strip_suffix(id.as_bytes()).expect("the id is at the end");
            URL_SAFE_NO_PAD.encode([head, forged_id.as_bytes()].concat())
        };
        let of_nobody = URL_SAFE_NO_PAD.encode([&[0xff; 72][..], id.as_bytes()].concat());
        watch.calls();
        for id in [&other.id.to_string(), "\0", "", &id.to_uppercase()] {
            for token in [forged(&verify, id), of_nobody.clone()] {
                let answer = service.post_json("/auth/verify", json!({"token": token})).await;
                answer.is_error(400, "VERIFY_USER_BAD_TOKEN");
            }
            for token in [forged(&reset, id), of_nobody.clone(), verify.clone()] {
                let body = json!({"token": token, "password": NEW_PASSWORD});
                let answer = service.post_json("/auth/reset-password", body).await;
                answer.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
            }
        }
        assert_eq!(watch.calls(), Vec::<&str>::new());
        let answer = service.post_json("/auth/verify", json!({"token": verify})).await;
        assert_eq!(answer.status, 200);
        assert_eq!(watch.calls(), ["users.find", "users.update"]);
    });
}
