//! Section 1: errors, their order, and the user in a response.

use reqwest::Method;
use serde_json::json;

use super::Case;
use crate::{PASSWORD, address};

crate::sentences! {
    a_path_that_is_none_is_404
    another_method_is_405_and_names_the_allowed_ones
    malformed_json_is_422_before_everything
    without_a_credential_a_bad_email_is_401
    a_superuser_meets_404_for_an_unknown_id_before_the_bad_email
    another_user_meets_403_before_the_unknown_id
    a_bad_field_is_422_before_the_business_codes
    every_bad_field_is_named
    a_user_is_shown_in_the_order_of_the_contract_and_never_with_a_hash
}

async fn a_path_that_is_none_is_404(case: &Case) {
    for path in [
        "/",
        "/auth",
        "/auth/",
        "/auth/nobody/login",
        "/users",
        "/users/",
        "//users/me",
    ] {
        case.get(path).send().await.is_not_found();
    }
}

async fn another_method_is_405_and_names_the_allowed_ones(case: &Case) {
    let mut posts = vec![
        case.kind.login(),
        "/auth/register".to_owned(),
        "/auth/request-verify-token".to_owned(),
        "/auth/verify".to_owned(),
        "/auth/forgot-password".to_owned(),
        "/auth/reset-password".to_owned(),
    ];
    if case.kind.is_revocable() {
        posts.push(case.kind.logout());
    }
    for path in posts {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = case.call(method, &path).send().await;
            answer.is_error(405, "Method Not Allowed");
            assert_eq!(answer.header("allow"), Some("POST"), "{path}");
        }
    }
    for (path, allowed) in [
        ("/users/me", "GET, PATCH"),
        (
            "/users/00000000-0000-0000-0000-000000000000",
            "GET, PATCH, DELETE",
        ),
    ] {
        for method in [Method::POST, Method::PUT] {
            let answer = case.call(method, path).send().await;
            answer.is_error(405, "Method Not Allowed");
            assert_eq!(answer.header("allow"), Some(allowed), "{path}");
        }
    }
}

async fn malformed_json_is_422_before_everything(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let unknown = "/users/00000000-0000-0000-0000-000000000000";
    for path in ["/users/me", unknown, "/users/nobody"] {
        for body in ["{", "[1,", "{\"email\":}", "\u{0}"] {
            let malformed = || case.patch(path).body("application/json", body);
            for answer in [malformed().send().await, malformed().with(&pass).send().await] {
                assert_eq!(answer.status, 422, "{path} {body:?} {answer:?}");
                assert_eq!(answer.field_errors(), [None]);
            }
        }
    }
    for path in [
        "/auth/register",
        "/auth/request-verify-token",
        "/auth/verify",
        "/auth/forgot-password",
        "/auth/reset-password",
    ] {
        let answer = case.post(path).body("application/json", "{").send().await;
        assert_eq!(answer.status, 422, "{path}");
        assert_eq!(answer.field_errors(), [None], "{path}");
    }
}

async fn without_a_credential_a_bad_email_is_401(case: &Case) {
    let bad = json!({"email": "none"});
    case.patch("/users/me").json(&bad).send().await.is_unauthorized();
    let answer = case
        .patch("/users/me")
        .with(&case.bad_pass())
        .json(&bad)
        .send()
        .await;
    answer.is_unauthorized();
    case.patch("/users/nobody")
        .json(&bad)
        .send()
        .await
        .is_unauthorized();
}

async fn a_superuser_meets_404_for_an_unknown_id_before_the_bad_email(case: &Case) {
    let (_, king) = case.king().await;
    for id in ["00000000-0000-0000-0000-000000000000", "nobody", "1"] {
        let patch = case
            .patch(&format!("/users/{id}"))
            .json(&json!({"email": "none"}));
        patch.with(&king).send().await.is_not_found();
    }
}

async fn another_user_meets_403_before_the_unknown_id(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let path = "/users/00000000-0000-0000-0000-000000000000";
    let bad = json!({"email": "none"});
    case.get(path).with(&pass).send().await.is_forbidden();
    case.patch(path)
        .json(&bad)
        .with(&pass)
        .send()
        .await
        .is_forbidden();
    case.delete(path).with(&pass).send().await.is_forbidden();
    case.get("/users/nobody").with(&pass).send().await.is_forbidden();
}

async fn a_bad_field_is_422_before_the_business_codes(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let taken = address("lancelot");
    let answer = case
        .post_json(
            "/auth/register",
            json!({"email": taken, "password": "short", "is_active": []}),
        )
        .await;
    answer.is_unprocessable(&["is_active"]);
    let patch = case
        .patch("/users/me")
        .json(&json!({"email": "none", "password": "short"}));
    patch.with(&pass).send().await.is_unprocessable(&["email"]);
    let reset = json!({"token": "nonsense", "password": 7});
    case.post_json("/auth/reset-password", reset)
        .await
        .is_unprocessable(&["password"]);
}

async fn every_bad_field_is_named(case: &Case) {
    for (path, body, fields) in [
        ("/auth/register", json!({}), &["email", "password"][..]),
        (
            "/auth/register",
            json!({"email": 1, "password": []}),
            &["email", "password"],
        ),
        (
            "/auth/register",
            json!({"email": "none", "password": PASSWORD}),
            &["email"],
        ),
        ("/auth/request-verify-token", json!({}), &["email"]),
        ("/auth/request-verify-token", json!({"email": {}}), &["email"]),
        ("/auth/verify", json!({}), &["token"]),
        ("/auth/verify", json!({"token": null}), &["token"]),
        (
            "/auth/forgot-password",
            json!({"mail": "a@b.example"}),
            &["email"],
        ),
        ("/auth/reset-password", json!({}), &["password", "token"]),
        (
            "/auth/reset-password",
            json!({"token": 1, "password": 2}),
            &["password", "token"],
        ),
    ] {
        case.post_json(path, body).await.is_unprocessable(fields);
    }
    for (body, content_type) in [
        ("[]", "application/json"),
        ("null", "application/json"),
        ("", "application/json"),
    ] {
        let answer = case.post("/auth/register").body(content_type, body).send().await;
        assert_eq!(answer.status, 422, "{body:?}");
        assert_eq!(answer.field_errors(), [None], "{body:?}");
    }
}

async fn a_user_is_shown_in_the_order_of_the_contract_and_never_with_a_hash(case: &Case) {
    let (arthur, king) = case.king().await;
    let registered = case
        .post_json(
            "/auth/register",
            json!({"password": PASSWORD, "email": address("galahad")}),
        )
        .await;
    let galahad = case.stored(&address("galahad")).await.expect("registered");
    let shown = |id, name, superuser: bool, verified: bool| {
        format!(
            r#"{{"id":"{id}","email":"{}","is_active":true,"is_superuser":{superuser},"is_verified":{verified}}}"#,
            address(name)
        )
    };
    registered.is(201, &shown(galahad.id, "galahad", false, false));
    case.me(&king)
        .await
        .is(200, &shown(arthur.id, "arthur", true, case.verification));
    let path = format!("/users/{}", galahad.id);
    let unverified = shown(galahad.id, "galahad", false, false);
    case.get(&path).with(&king).send().await.is(200, &unverified);
    case.patch(&path)
        .json(&json!({}))
        .with(&king)
        .send()
        .await
        .is(200, &unverified);
    let mine = shown(arthur.id, "arthur", true, case.verification);
    case.patch("/users/me")
        .json(&json!({}))
        .with(&king)
        .send()
        .await
        .is(200, &mine);
    let token = case.verify_token(&address("galahad")).await;
    let verified = case.post_json("/auth/verify", json!({"token": token})).await;
    verified.is(200, &shown(galahad.id, "galahad", false, true));
}
