//! Section 11: access tokens that are replaced while they are used.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::{Answer, NEW_PASSWORD, Pass, address, journey::Case};

portcullis_support::sentences! {
    any_answer_to_a_user_brings_the_next_token_once_it_is_time
    no_other_answer_brings_one
    the_answer_that_ends_a_log_in_brings_none
    parallel_requests_get_the_same_successor
    a_replaced_token_is_good_for_the_grace_and_ends_nothing_after_it
    a_rotation_spends_no_refresh_token_and_a_refresh_ends_no_access_token
    a_log_out_with_any_token_of_a_log_in_ends_the_others
    s5_an_inactive_user_and_one_who_is_gone_are_401_and_get_none
    an_own_route_brings_it_if_a_guard_is_around_it
}

/// The age at which a token is replaced.
pub(crate) const AGE: std::time::Duration = std::time::Duration::from_secs(60);

/// A user whose token is to be replaced.
async fn due(case: &Case, name: &str) -> Pass {
    let (_, pass) = case.member(name).await;
    later(case);
    pass
}

/// Lets a token that was just issued reach the age at which it is replaced.
fn later(case: &Case) {
    // A JWT tells when it was issued in whole seconds, rounded down.
    case.advance(Duration::seconds(61));
}

/// The token that the answer brings, if it brings one.
#[track_caller]
fn next(case: &Case, answer: &Answer) -> Option<Pass> {
    let token = match case.kind.cookie() {
        None => {
            assert_eq!(answer.header("set-cookie"), None);
            answer.header("x-access-token").map(str::to_owned)
        }
        Some(name) => {
            assert_eq!(answer.header("x-access-token"), None);
            let refresh = case.kind.refresh_cookie().expect("it has one");
            assert!(
                answer
                    .cookie(refresh)
                    .is_none_or(|cookie| cookie.value.is_empty()),
                "{answer:?}"
            );
            answer.cookie(name).map(|cookie| cookie.value)
        }
    };
    token
        .filter(|token| !token.is_empty())
        .map(|token| Pass::new(case.kind, token))
}

async fn any_answer_to_a_user_brings_the_next_token_once_it_is_time(case: &Case) {
    let (user, mut pass) = case.member("lancelot").await;
    let own = format!("/users/{}", user.id);
    let nobodys = "/auth/sessions/00000000-0000-4000-8000-000000000000";
    for (method, path, body, status) in [
        (Method::GET, "/users/me", Value::Null, 200),
        (Method::PATCH, "/users/me", json!({"email": 7}), 422),
        (Method::PATCH, "/users/me", json!({"password": "short"}), 400),
        (Method::GET, "/auth/sessions", Value::Null, 200),
        (Method::DELETE, "/auth/sessions", Value::Null, 204),
        (Method::DELETE, nobodys, Value::Null, 404),
        (Method::GET, &*own, Value::Null, 403),
    ] {
        let send = async |pass: &Pass| {
            case.call(method.clone(), path)
                .json(&body)
                .with(pass)
                .send()
                .await
        };
        let early = send(&pass).await;
        assert_eq!(
            (early.status, next(case, &early)),
            (status, None),
            "{method} {path}"
        );
        later(case);
        let answer = send(&pass).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let new = next(case, &answer).unwrap_or_else(|| panic!("{method} {path} brings a token"));
        assert_ne!(new.token, pass.token);
        pass = new;
        assert_eq!(case.me(&pass).await.status, 200);
    }
}

async fn no_other_answer_brings_one(case: &Case) {
    let pass = due(case, "lancelot").await;
    let log_in = case.log_in(case.kind, &address("lancelot"), "wrong").await;
    let bad = case.me(&case.bad_pass()).await;
    let anonymous = case.get("/users/me").send().await;
    let methods = case.get("/auth/methods").with(&pass).send().await;
    for (answer, status) in [(log_in, 400), (bad, 401), (anonymous, 401), (methods, 200)] {
        assert_eq!((answer.status, next(case, &answer)), (status, None));
    }
    if case.kind.is_cookie() {
        let forged = case.patch("/users/me").json(&json!({})).with(&pass);
        let forged = forged.header("sec-fetch-site", "cross-site").send().await;
        assert_eq!((forged.status, next(case, &forged)), (403, None));
    }
}

async fn the_answer_that_ends_a_log_in_brings_none(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    for (method, path, body) in [
        (Method::POST, case.kind.logout(), Value::Null),
        (Method::POST, "/auth/logout-everywhere".to_owned(), Value::Null),
        (Method::DELETE, "/auth/sessions/".to_owned(), Value::Null),
        // The last, because it changes the password.
        (
            Method::PATCH,
            "/users/me".to_owned(),
            json!({"password": NEW_PASSWORD}),
        ),
    ] {
        let pass = case.pass(case.kind, &address("lancelot")).await;
        let listed = case.get("/auth/sessions").with(&pass).send().await.json();
        let current = listed[0]["id"].as_str().expect("an id");
        let path = if path.ends_with('/') { path + current } else { path };
        later(case);
        let answer = case.call(method, &path).json(&body).with(&pass).send().await;
        assert!([200, 204].contains(&answer.status), "{path} {answer:?}");
        assert_eq!(next(case, &answer), None, "{path}");
        case.me(&pass).await.is_unauthorized();
    }
}

async fn parallel_requests_get_the_same_successor(case: &Case) {
    let pass = due(case, "lancelot").await;
    let answers = join_all((0..20).map(|_| case.me(&pass))).await;
    let successors: Vec<_> = answers
        .iter()
        .map(|answer| next(case, answer).expect("a token"))
        .collect();
    assert!(successors.iter().all(|successor| successor == &successors[0]));
    assert_eq!(case.me(&successors[0]).await.status, 200);
    // Whoever is late gets it, too.
    case.advance(Duration::seconds(9));
    let late = case.me(&pass).await;
    assert_eq!(next(case, &late).as_ref(), Some(&successors[0]));
}

async fn a_replaced_token_is_good_for_the_grace_and_ends_nothing_after_it(case: &Case) {
    let pass = due(case, "lancelot").await;
    let new = next(case, &case.me(&pass).await).expect("a token");
    case.advance(Duration::milliseconds(9_999));
    assert_eq!(case.me(&pass).await.status, 200);
    case.advance(Duration::milliseconds(1));
    let refused = case.me(&pass).await;
    refused.is_unauthorized();
    assert_eq!(next(case, &refused), None);
    assert_eq!(case.me(&new).await.status, 200, "the log-in goes on");
    case.kind.issued(&case.refreshed(&pass).await);
}

async fn a_rotation_spends_no_refresh_token_and_a_refresh_ends_no_access_token(case: &Case) {
    let pass = due(case, "lancelot").await;
    let rotated = next(case, &case.me(&pass).await).expect("a token");
    let refreshed = case.kind.issued(&case.refreshed(&pass).await);
    for token in [&rotated, &refreshed] {
        assert_eq!(case.me(token).await.status, 200);
    }
    later(case);
    let again = next(case, &case.me(&rotated).await).expect("a token");
    let third = case.kind.issued(&case.refreshed(&refreshed).await);
    for token in [&again, &third] {
        assert_eq!(case.me(token).await.status, 200);
    }
}

async fn a_log_out_with_any_token_of_a_log_in_ends_the_others(case: &Case) {
    let pass = due(case, "lancelot").await;
    let new = next(case, &case.me(&pass).await).expect("a token");
    let log_out = case.post(&case.kind.logout()).with(&pass).send().await;
    log_out.is(204, "");
    for ended in [&pass, &new] {
        let answer = case.me(ended).await;
        answer.is_unauthorized();
        assert_eq!(next(case, &answer), None);
    }
    case.refreshed(&pass).await.is_unauthorized();
}

async fn s5_an_inactive_user_and_one_who_is_gone_are_401_and_get_none(case: &Case) {
    let pass = due(case, "lancelot").await;
    case.set(&address("lancelot"), |user| user.is_active = false)
        .await;
    let answer = case.me(&pass).await;
    answer.is_unauthorized();
    assert_eq!(next(case, &answer), None);
    case.set(&address("lancelot"), |user| user.is_active = true).await;
    let new = next(case, &case.me(&pass).await).expect("nothing was ended");
    let user = case.stored(&address("lancelot")).await.expect("the user");
    assert!(case.users().delete(&user.id).await.expect("an answer"));
    for gone in [&pass, &new] {
        case.me(gone).await.is_unauthorized();
    }
}

async fn an_own_route_brings_it_if_a_guard_is_around_it(case: &Case) {
    let pass = due(case, "lancelot").await;
    let get = async |path: &str| case.get(path).with(&pass).send().await;
    for path in ["/required/active", "/required/superuser", "/optional/active"] {
        let answer = get(path).await;
        assert_eq!(next(case, &answer), None, "{path}");
    }
    later(case);
    for (path, status) in [
        ("/guarded/active/required/active", 200),
        ("/guarded/superuser/required/active", 403),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, status);
        assert!(next(case, &answer).is_some(), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
