//! Section 2: log-out.

use super::Case;
use crate::{SetCookie, address};

crate::sentences! {
    a_log_out_needs_a_valid_credential
    a_log_out_needs_a_verified_user_where_verification_is_required
    a_log_out_revokes_the_credential
    a_log_out_ends_no_other_credential
    the_answer_is_empty_and_clears_the_cookie
}

/// A stateless Bearer backend has no log-out: see deviation 12.
fn has_log_out(case: &Case) -> bool {
    case.kind.is_revocable()
}

async fn a_log_out_needs_a_valid_credential(case: &Case) {
    let logout = case.kind.logout();
    let answers = [
        (case.post(&logout).send().await, false),
        (
            case.post(&logout).with(&case.bad_pass()).send().await,
            case.kind.cookie().is_some(),
        ),
    ];
    for (answer, is_removed) in answers {
        if has_log_out(case) {
            answer.is_unauthorized();
            assert_eq!(
                answer.headers.contains_key("set-cookie"),
                is_removed,
                "a dead cookie is removed"
            );
        } else {
            answer.is_not_found();
        }
    }
}

async fn a_log_out_needs_a_verified_user_where_verification_is_required(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    let answer = case.post(&case.kind.logout()).with(&pass).send().await;
    if !has_log_out(case) {
        answer.is_not_found();
    } else if case.verification {
        answer.is_forbidden();
        case.set(&address("gawain"), |user| user.is_verified = true).await;
        assert_eq!(case.me(&pass).await.status, 200, "nothing was revoked");
    } else {
        answer.is(204, "");
    }
}

async fn a_log_out_revokes_the_credential(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let answer = case.post(&case.kind.logout()).with(&pass).send().await;
    if !has_log_out(case) {
        answer.is_not_found();
        assert_eq!(case.me(&pass).await.status, 200);
        return;
    }
    answer.is(204, "");
    case.me(&pass).await.is_unauthorized();
    let again = case.post(&case.kind.logout()).with(&pass).send().await;
    again.is_unauthorized();
}

async fn a_log_out_ends_no_other_credential(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let other = case.pass(case.kind, &address("lancelot")).await;
    let (_, stranger) = case.member("gawain").await;
    case.post(&case.kind.logout()).with(&pass).send().await;
    for left in [other, stranger] {
        assert_eq!(case.me(&left).await.status, 200);
    }
}

async fn the_answer_is_empty_and_clears_the_cookie(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let answer = case.post(&case.kind.logout()).with(&pass).send().await;
    if !has_log_out(case) {
        answer.is_not_found();
        return;
    }
    answer.is(204, "");
    let Some(name) = case.kind.cookie() else {
        assert_eq!(answer.header("set-cookie"), None);
        return;
    };
    let removed = |attributes: [&str; 5]| SetCookie {
        value: String::new(),
        attributes: attributes.map(str::to_owned).into(),
    };
    let access = removed(["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]);
    assert_eq!(answer.cookie(name), Some(access));
    if let Some(name) = case.kind.refresh_cookie() {
        let path = format!("Path=/auth/{}", case.kind.name());
        let refresh = removed(["HttpOnly", "Max-Age=0", &path, "SameSite=Strict", "Secure"]);
        assert_eq!(answer.cookie(name), Some(refresh));
    }
}
