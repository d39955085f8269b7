//! Section 6: one's own data.

use serde_json::json;
use uuid::Uuid;

use super::Case;
use crate::{Answer, NEW_PASSWORD, PASSWORD, Pass, address, person};

crate::sentences! {
    reading_oneself_needs_a_valid_credential_of_an_active_user
    reading_and_changing_oneself_need_a_verified_user_where_verification_is_required
    an_empty_change_is_200_and_changes_nothing
    the_flags_and_the_id_are_ignored
    a_null_password_leaves_the_password
    another_email_is_set_and_is_not_verified
    a_taken_email_is_refused_in_any_case
    a_refused_password_is_told_with_a_reason
    a_refused_password_comes_before_the_emails_error
    a_failed_update_writes_nothing
    a_new_password_is_set
    a_new_password_ends_every_credential_at_once
}

async fn change(case: &Case, pass: &Pass, body: serde_json::Value) -> Answer {
    case.patch("/users/me").json(&body).with(pass).send().await
}

async fn reading_oneself_needs_a_valid_credential_of_an_active_user(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    assert_eq!(case.me(&pass).await.status, 200);
    case.get("/users/me").send().await.is_unauthorized();
    case.me(&case.bad_pass()).await.is_unauthorized();
    case.patch("/users/me")
        .json(&json!({}))
        .send()
        .await
        .is_unauthorized();
    change(case, &case.bad_pass(), json!({})).await.is_unauthorized();
    case.set(&address("lancelot"), |user| user.is_active = false)
        .await;
    case.me(&pass).await.is_unauthorized();
    change(case, &pass, json!({})).await.is_unauthorized();
}

async fn reading_and_changing_oneself_need_a_verified_user_where_verification_is_required(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    let read = case.me(&pass).await;
    let changed = change(case, &pass, json!({"password": NEW_PASSWORD})).await;
    if case.verification {
        read.is_forbidden();
        changed.is_forbidden();
    } else {
        assert_eq!((read.status, changed.status), (200, 200));
    }
}

async fn an_empty_change_is_200_and_changes_nothing(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    let before = case.me(&pass).await;
    let answer = change(case, &pass, json!({})).await;
    answer.is(200, before.text());
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!(stored.revision, user.revision);
}

async fn the_flags_and_the_id_are_ignored(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    let before = case.me(&pass).await;
    let body = json!({
        "id": Uuid::nil(), "is_active": false, "is_superuser": true, "is_verified": !case.verification,
        "security_epoch": 9, "password_hash": "x", "hashed_password": "x", "revision": 9,
    });
    change(case, &pass, body).await.is(200, before.text());
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!(
        (stored.id, stored.revision, stored.security_epoch),
        (user.id, user.revision, 0)
    );
}

async fn a_null_password_leaves_the_password(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    assert_eq!(change(case, &pass, json!({"password": null})).await.status, 200);
    assert_eq!(case.me(&pass).await.status, 200);
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), PASSWORD).await);
}

async fn another_email_is_set_and_is_not_verified(case: &Case) {
    let (user, pass) = case.logged_in(person("lancelot").verified(true)).await;
    let answer = change(case, &pass, json!({"email": " Launcelot@CAMELOT.example "})).await;
    assert_eq!(answer.status, 200);
    let shown = answer.json();
    assert_eq!(shown["email"], "Launcelot@camelot.example");
    assert_eq!(shown["is_verified"], json!(false));
    assert_eq!(shown["id"], user.id.to_string());
    let old = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    old.is_error(400, "LOGIN_BAD_CREDENTIALS");
    let new = case.log_in(case.kind, &address("launcelot"), PASSWORD).await;
    if case.verification {
        new.is_error(400, "LOGIN_USER_NOT_VERIFIED");
        case.me(&pass).await.is_forbidden();
    } else {
        case.kind.issued(&new);
        assert_eq!(case.me(&pass).await.status, 200);
    }
}

async fn a_taken_email_is_refused_in_any_case(case: &Case) {
    case.seed(person("gawain")).await;
    let (_, pass) = case.member("lancelot").await;
    for email in [address("gawain"), address("GAWAIN")] {
        let answer = change(case, &pass, json!({"email": email})).await;
        answer.is_error(400, "UPDATE_USER_EMAIL_ALREADY_EXISTS");
    }
}

async fn a_refused_password_is_told_with_a_reason(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for password in ["", "short", "password1", "lancelot@camelot.example"] {
        let answer = change(case, &pass, json!({"password": password})).await;
        answer.refuses_password("UPDATE_USER_INVALID_PASSWORD");
    }
    assert_eq!(case.me(&pass).await.status, 200);
}

async fn a_refused_password_comes_before_the_emails_error(case: &Case) {
    case.seed(person("gawain")).await;
    let (_, pass) = case.member("lancelot").await;
    let answer = change(
        case,
        &pass,
        json!({"email": address("gawain"), "password": "short"}),
    )
    .await;
    answer.refuses_password("UPDATE_USER_INVALID_PASSWORD");
}

async fn a_failed_update_writes_nothing(case: &Case) {
    case.seed(person("gawain")).await;
    let (user, pass) = case.member("lancelot").await;
    let before = case.me(&pass).await;
    for body in [
        json!({"email": address("gawain"), "password": NEW_PASSWORD}),
        json!({"email": address("launcelot"), "password": "short"}),
        json!({"email": address("launcelot"), "password": 7}),
        json!({"email": "none", "password": NEW_PASSWORD}),
        json!({"email": address("launcelot"), "is_active": "maybe"}),
    ] {
        let answer = change(case, &pass, body.clone()).await;
        assert!(answer.status == 400 || answer.status == 422, "{body} {answer:?}");
    }
    case.me(&pass).await.is(200, before.text());
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!(stored.revision, user.revision);
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), PASSWORD).await);
}

async fn a_new_password_is_set(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    assert_eq!(
        change(case, &pass, json!({"password": NEW_PASSWORD}))
            .await
            .status,
        200
    );
    let old = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    old.is_error(400, "LOGIN_BAD_CREDENTIALS");
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), NEW_PASSWORD).await);
}

async fn a_new_password_ends_every_credential_at_once(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    let other = case.pass(case.kind, user.email.as_str()).await;
    let (_, stranger) = case.member("gawain").await;
    let change = case.patch("/users/me").json(&json!({ "password": NEW_PASSWORD }));
    assert_eq!(change.with(&pass).send().await.status, 200);
    for ended in [&pass, &other] {
        case.me(ended).await.is_unauthorized();
    }
    assert_eq!(case.me(&stranger).await.status, 200);
    let answer = case.log_in(case.kind, user.email.as_str(), NEW_PASSWORD).await;
    assert_eq!(case.me(&case.kind.issued(&answer)).await.status, 200);
}
