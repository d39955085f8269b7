//! Section 6: everybody's data, for superusers.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Case;
use crate::{Answer, NEW_PASSWORD, PASSWORD, Pass, address, person};

crate::sentences! {
    another_user_is_read_by_a_superuser_alone
    another_user_is_changed_by_a_superuser_alone
    another_user_is_deleted_by_a_superuser_alone
    a_superuser_is_verified_where_verification_is_required
    an_unknown_id_and_one_that_does_not_parse_are_404
    the_flags_are_applied
    an_empty_change_is_200
    another_email_is_not_verified_unless_the_same_body_says_so
    a_taken_email_is_refused_and_a_refused_password_comes_first
    a_failed_update_writes_nothing
    a_null_password_leaves_the_password_and_another_is_set
    a_deleted_user_is_gone_and_the_email_is_free
}

fn path(id: Uuid) -> String {
    format!("/users/{id}")
}

async fn change(case: &Case, king: &Pass, id: Uuid, body: Value) -> Answer {
    case.patch(&path(id)).json(&body).with(king).send().await
}

/// No credential, a bad one, and one of a user who is no superuser; then the answer of the superuser.
async fn by_a_superuser_alone(case: &Case, method: Method) -> (Answer, String) {
    let (_, king) = case.king().await;
    let (lancelot, pass) = case.member("lancelot").await;
    let path = path(lancelot.id);
    let call = || {
        let call = case.call(method.clone(), &path);
        if method == Method::PATCH {
            call.json(&json!({}))
        } else {
            call
        }
    };
    call().send().await.is_unauthorized();
    call().with(&case.bad_pass()).send().await.is_unauthorized();
    call().with(&pass).send().await.is_forbidden();
    let mine = case.me(&pass).await;
    (call().with(&king).send().await, mine.text().to_owned())
}

async fn another_user_is_read_by_a_superuser_alone(case: &Case) {
    let (answer, user) = by_a_superuser_alone(case, Method::GET).await;
    answer.is(200, &user);
}

async fn another_user_is_changed_by_a_superuser_alone(case: &Case) {
    let (answer, user) = by_a_superuser_alone(case, Method::PATCH).await;
    answer.is(200, &user);
}

async fn another_user_is_deleted_by_a_superuser_alone(case: &Case) {
    let (answer, _) = by_a_superuser_alone(case, Method::DELETE).await;
    answer.is(204, "");
    assert!(case.stored(&address("lancelot")).await.is_none());
}

async fn a_superuser_is_verified_where_verification_is_required(case: &Case) {
    let (king, pass) = case.king().await;
    case.set(&address("arthur"), |user| user.is_verified = false)
        .await;
    let path = path(king.id);
    let read = case.get(&path).with(&pass).send().await;
    let changed = case.patch(&path).json(&json!({})).with(&pass).send().await;
    let deleted = case.delete(&path).with(&pass).send().await;
    if case.verification {
        for answer in [read, changed, deleted] {
            answer.is_forbidden();
        }
    } else {
        assert_eq!((read.status, changed.status, deleted.status), (200, 200, 204));
    }
}

async fn an_unknown_id_and_one_that_does_not_parse_are_404(case: &Case) {
    let (_, king) = case.king().await;
    for id in [
        &Uuid::now_v7().to_string(),
        "nobody",
        "1",
        "me-too",
        "%00",
        "%ff",
        "..%2fme",
    ] {
        let path = format!("/users/{id}");
        case.get(&path).with(&king).send().await.is_not_found();
        case.patch(&path)
            .json(&json!({}))
            .with(&king)
            .send()
            .await
            .is_not_found();
        case.delete(&path).with(&king).send().await.is_not_found();
    }
}

async fn the_flags_are_applied(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot")).await;
    for (flag, value) in [
        ("is_active", false),
        ("is_superuser", true),
        ("is_verified", true),
        ("is_superuser", false),
        ("is_verified", false),
        ("is_active", true),
    ] {
        let answer = change(case, &king, user.id, json!({flag: value})).await;
        assert_eq!(answer.status, 200, "{flag}");
        assert_eq!(answer.json()[flag], json!(value), "{flag}");
        let read = case.get(&path(user.id)).with(&king).send().await;
        read.is(200, answer.text());
    }
    for flag in ["is_active", "is_superuser", "is_verified"] {
        for value in [json!(null), json!("maybe"), json!([]), json!(2)] {
            change(case, &king, user.id, json!({flag: value}))
                .await
                .is_unprocessable(&[flag]);
        }
    }
}

async fn an_empty_change_is_200(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot")).await;
    let before = case.get(&path(user.id)).with(&king).send().await;
    change(case, &king, user.id, json!({}))
        .await
        .is(200, before.text());
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!(stored.revision, user.revision);
}

async fn another_email_is_not_verified_unless_the_same_body_says_so(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot").verified(true)).await;
    let answer = change(case, &king, user.id, json!({"email": address("launcelot")})).await;
    assert_eq!(answer.json()["is_verified"], json!(false));
    let body = json!({"email": address("lancelot"), "is_verified": true});
    let answer = change(case, &king, user.id, body).await;
    let shown = answer.json();
    assert_eq!(shown["email"], address("lancelot"));
    assert_eq!(shown["is_verified"], json!(true));
}

async fn a_taken_email_is_refused_and_a_refused_password_comes_first(case: &Case) {
    let (_, king) = case.king().await;
    case.seed(person("gawain")).await;
    let user = case.seed(person("lancelot")).await;
    let taken = change(case, &king, user.id, json!({"email": address("Gawain")})).await;
    taken.is_error(400, "UPDATE_USER_EMAIL_ALREADY_EXISTS");
    let both = change(
        case,
        &king,
        user.id,
        json!({"email": address("gawain"), "password": "short"}),
    )
    .await;
    both.refuses_password("UPDATE_USER_INVALID_PASSWORD");
}

async fn a_failed_update_writes_nothing(case: &Case) {
    let (_, king) = case.king().await;
    case.seed(person("gawain")).await;
    let user = case.seed(case.someone("lancelot")).await;
    for body in [
        json!({"email": address("gawain"), "is_superuser": true, "password": NEW_PASSWORD}),
        json!({"password": "short", "is_superuser": true}),
        json!({"is_superuser": true, "is_active": "maybe"}),
        json!({"email": "none", "is_superuser": true}),
    ] {
        let answer = change(case, &king, user.id, body.clone()).await;
        assert!(answer.status == 400 || answer.status == 422, "{body} {answer:?}");
    }
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!((stored.revision, stored.is_superuser), (user.revision, false));
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), PASSWORD).await);
}

async fn a_null_password_leaves_the_password_and_another_is_set(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(case.someone("lancelot")).await;
    assert_eq!(
        change(case, &king, user.id, json!({"password": null}))
            .await
            .status,
        200
    );
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), PASSWORD).await);
    assert_eq!(
        change(case, &king, user.id, json!({"password": NEW_PASSWORD}))
            .await
            .status,
        200
    );
    case.kind
        .issued(&case.log_in(case.kind, user.email.as_str(), NEW_PASSWORD).await);
}

async fn a_deleted_user_is_gone_and_the_email_is_free(case: &Case) {
    let (_, king) = case.king().await;
    let (user, pass) = case.member("lancelot").await;
    case.delete(&path(user.id)).with(&king).send().await.is(204, "");
    case.delete(&path(user.id))
        .with(&king)
        .send()
        .await
        .is_not_found();
    case.get(&path(user.id)).with(&king).send().await.is_not_found();
    case.me(&pass).await.is_unauthorized();
    let log_in = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    log_in.is_error(400, "LOGIN_BAD_CREDENTIALS");
    let body = json!({"email": user.email.as_str(), "password": PASSWORD});
    let again = case.post_json("/auth/register", body).await;
    assert_eq!(again.status, 201);
    assert_ne!(again.json()["id"], user.id.to_string());
}
