//! Sections 4, 5 and 7: what expires, to the millisecond of a clock that is set.

use serde_json::json;
use time::Duration;

use crate::harness::{NEW_PASSWORD, address, journey::Case, person};

portcullis_support::sentences! {
    an_expired_token_to_verify_is_bad
    an_expired_token_to_reset_is_bad
    an_expired_credential_is_a_bad_one
}

async fn an_expired_token_to_verify_is_bad(case: &Case) {
    let user = case.seed(person("percival")).await;
    let token = case.verify_token(user.email.as_str()).await;
    case.advance(Duration::hours(1) - Duration::milliseconds(1));
    let younger = case.verify_token(user.email.as_str()).await;
    case.advance(Duration::milliseconds(1));
    let verify = async |token: String| case.post_json("/auth/verify", json!({ "token": token })).await;
    verify(token).await.is_error(400, "VERIFY_USER_BAD_TOKEN");
    assert_eq!(verify(younger).await.status, 200);
}

async fn an_expired_token_to_reset_is_bad(case: &Case) {
    let user = case.seed(case.someone("tristan")).await;
    let token = case.reset_token(user.email.as_str()).await;
    case.advance(Duration::hours(1) - Duration::milliseconds(1));
    let younger = case.reset_token(user.email.as_str()).await;
    case.advance(Duration::milliseconds(1));
    let reset = async |token: String| {
        let body = json!({"token": token, "password": NEW_PASSWORD});
        case.post_json("/auth/reset-password", body).await
    };
    reset(token).await.is_error(400, "RESET_PASSWORD_BAD_TOKEN");
    reset(younger).await.is(200, "null");
}

async fn an_expired_credential_is_a_bad_one(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let get = async |path: &str| case.get(path).with(&pass).send().await;
    // A JWT tells its times in whole seconds, rounded down.
    case.advance(Duration::seconds(3598));
    let seen = json!({"email": address("lancelot"), "backend": case.kind.name()});
    assert_eq!(get("/required/active").await.json(), seen);
    case.advance(Duration::seconds(2));
    get("/required/active").await.is_unauthorized();
    get("/optional/active").await.is(200, "null");
}
