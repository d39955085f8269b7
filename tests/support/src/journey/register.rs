//! Section 3: registration.

use portcullis::users::MailKind;
use serde_json::json;
use uuid::Uuid;

use super::Case;
use crate::{PASSWORD, address};

crate::sentences! {
    a_registration_is_answered_201_with_the_user
    unknown_keys_are_ignored
    a_password_that_the_policy_refuses_is_told_with_a_reason
    a_taken_email_is_refused_in_any_case
    the_refused_password_comes_before_the_taken_email
    the_id_and_the_flags_in_the_body_are_ignored
    the_domain_is_lower_cased_the_local_part_kept_and_white_space_stripped
    a_string_that_is_no_email_is_422
    no_log_in_and_no_mail_follow
}

async fn a_registration_is_answered_201_with_the_user(case: &Case) {
    let body = json!({"email": address("galahad"), "password": PASSWORD});
    let answer = case.post_json("/auth/register", body).await;
    let user = case.stored(&address("galahad")).await.expect("registered");
    assert_eq!(answer.status, 201);
    let expected = json!({
        "id": user.id, "email": address("galahad"), "is_active": true, "is_superuser": false, "is_verified": false,
    });
    assert_eq!(answer.json(), expected);
    let log_in = case.log_in(case.kind, &address("galahad"), PASSWORD).await;
    if case.verification {
        log_in.is_error(400, "LOGIN_USER_NOT_VERIFIED");
    } else {
        case.kind.issued(&log_in);
    }
}

async fn unknown_keys_are_ignored(case: &Case) {
    let body = json!({
        "email": address("galahad"), "password": PASSWORD, "quest": {"of": ["the", "grail"]}, "hashed_password": "x",
        "security_epoch": 7, "revision": 7, "password_hash": "x",
    });
    let answer = case.post_json("/auth/register", body).await;
    assert_eq!(answer.status, 201);
    let user = case.stored(&address("galahad")).await.expect("registered");
    assert_eq!((user.security_epoch, user.revision), (0, 0));
    assert_eq!(answer.json().as_object().map(|user| user.len()), Some(5));
}

async fn a_password_that_the_policy_refuses_is_told_with_a_reason(case: &Case) {
    for password in ["", "short", "password1", "galahad@camelot.example"] {
        let body = json!({"email": address("galahad"), "password": password});
        let answer = case.post_json("/auth/register", body).await;
        answer.refuses_password("REGISTER_INVALID_PASSWORD");
    }
    assert!(case.stored(&address("galahad")).await.is_none());
}

async fn a_taken_email_is_refused_in_any_case(case: &Case) {
    case.seed(case.someone("Galahad")).await;
    for email in [
        address("Galahad"),
        address("galahad"),
        "GALAHAD@CAMELOT.EXAMPLE".to_owned(),
    ] {
        let answer = case
            .post_json("/auth/register", json!({"email": email, "password": PASSWORD}))
            .await;
        answer.is_error(400, "REGISTER_USER_ALREADY_EXISTS");
    }
}

async fn the_refused_password_comes_before_the_taken_email(case: &Case) {
    case.seed(case.someone("galahad")).await;
    let body = json!({"email": address("galahad"), "password": "short"});
    let answer = case.post_json("/auth/register", body).await;
    answer.refuses_password("REGISTER_INVALID_PASSWORD");
}

async fn the_id_and_the_flags_in_the_body_are_ignored(case: &Case) {
    let id = Uuid::nil();
    let body = json!({
        "id": id, "email": address("galahad"), "password": PASSWORD,
        "is_active": false, "is_superuser": true, "is_verified": true,
    });
    let answer = case.post_json("/auth/register", body).await;
    assert_eq!(answer.status, 201);
    let user = case.stored(&address("galahad")).await.expect("registered");
    assert_ne!(user.id, id);
    assert!(user.is_active && !user.is_superuser && !user.is_verified);
    let shown = answer.json();
    assert_eq!(shown["id"], user.id.to_string());
    assert_eq!(
        (&shown["is_active"], &shown["is_superuser"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(shown["is_verified"], json!(false));
}

async fn the_domain_is_lower_cased_the_local_part_kept_and_white_space_stripped(case: &Case) {
    let body = json!({"email": "  Sir.Galahad@CAMELOT.Example\t", "password": PASSWORD});
    let answer = case.post_json("/auth/register", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["email"], "Sir.Galahad@camelot.example");
}

async fn a_string_that_is_no_email_is_422(case: &Case) {
    for email in [
        "",
        "a",
        "a@",
        "@b.example",
        "a@localhost",
        "a@b@c.example",
        "a b@c.example",
        "a\u{0}b@c.example",
        "a@c..example",
        ".a@c.example",
    ] {
        let body = json!({"email": email, "password": PASSWORD});
        case.post_json("/auth/register", body)
            .await
            .is_unprocessable(&["email"]);
    }
}

async fn no_log_in_and_no_mail_follow(case: &Case) {
    let body = json!({"email": address("galahad"), "password": PASSWORD});
    let answer = case.post_json("/auth/register", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("set-cookie"), None);
    assert!(!answer.text().contains("token"));
    let mails = case.mails().await;
    assert!(
        mails.is_empty(),
        "{:?}",
        mails.iter().map(|mail| mail.kind).collect::<Vec<MailKind>>()
    );
}
