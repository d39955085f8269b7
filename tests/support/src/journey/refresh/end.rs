//! Log-ins that end by their refresh token.

use serde_json::json;
use time::Duration;

use super::{is_good, is_refused, log_out, removes_nothing};
use crate::{PASSWORD, address, journey::Case};

pub(super) async fn a_log_out_takes_a_good_refresh_token_alone(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let other = case.pass(case.kind, &address("lancelot")).await;
    case.advance(Duration::hours(2));
    assert!(!is_good(case, &pass).await, "the access token has expired");
    let answer = log_out(case, pass.refresh()).await;
    answer.is(204, "");
    for name in [case.kind.cookie(), case.kind.refresh_cookie()]
        .into_iter()
        .flatten()
    {
        assert_eq!(
            answer.cookie(name).map(|cookie| cookie.value),
            Some(String::new())
        );
    }
    is_refused(case, &case.refreshed(&pass).await);
    case.kind.issued(&case.refreshed(&other).await);

    // With an access token that is no use beside it, and as JSON.
    let call = case.post(&case.kind.logout());
    let (header, value) = other.header();
    let call = match case.kind.refresh_cookie() {
        Some(name) => call.header(header, format!("{value}; {name}={}", other.refresh())),
        None => call
            .header(header, value)
            .json(&json!({ "refresh_token": other.refresh() })),
    };
    call.send().await.is(204, "");
    is_refused(case, &case.refreshed(&other).await);
}

pub(super) async fn a_log_out_by_a_refresh_token_asks_what_a_log_out_asks(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    for token in ["x", &*pass.token] {
        let answer = log_out(case, token).await;
        answer.is_unauthorized();
        assert_eq!(answer.headers.contains_key("set-cookie"), case.kind.is_cookie());
    }
    // If a body is looked at, malformed JSON is told of before the credential.
    let malformed = case.post(&case.kind.logout()).body("application/json", "{");
    let malformed = malformed.send().await;
    if case.kind.is_cookie() {
        malformed.is_unauthorized();
    } else {
        assert_eq!(malformed.field_errors(), [None]);
    }
    let answer = log_out(case, pass.refresh()).await;
    if case.verification {
        answer.is_forbidden();
        removes_nothing(&answer);
        case.set(&address("gawain"), |user| user.is_verified = true).await;
        case.kind.issued(&case.refreshed(&pass).await);
    } else {
        answer.is(204, "");
        let again = log_out(case, pass.refresh()).await;
        again.is_unauthorized();
    }
}

pub(super) async fn s1_a_log_in_ends_the_one_whose_refresh_token_it_presents(case: &Case) {
    // The token of another client is in a body, which is the form here.
    let Some(name) = case.kind.refresh_cookie() else {
        return;
    };
    let (_, old) = case.member("lancelot").await;
    let log_in = async |password: &str| {
        case.post(&case.kind.login())
            .header("cookie", format!("{name}={}", old.refresh()))
            .form(&[("username", &*address("lancelot")), ("password", password)])
            .send()
            .await
    };
    log_in("a wrong password")
        .await
        .is_error(400, "LOGIN_BAD_CREDENTIALS");
    let answer = log_in(PASSWORD).await;
    assert_eq!(answer.status, 204);
    // One more cookie of the name can be a stray one, and is removed before ours is set.
    let ours = answer.headers.get_all("set-cookie").iter().rev();
    let ours = ours
        .filter_map(|cookie| cookie.to_str().ok()?.strip_prefix(name)?.strip_prefix('='))
        .next();
    let ours = ours
        .and_then(|rest| rest.split(';').next())
        .expect("a refresh token");
    is_refused(case, &case.refreshed(&old).await);
    case.kind.issued(&case.refresh(case.kind, ours).await);
}
