//! Section 10: refresh tokens.

mod end;
mod presented;

use serde_json::json;
use time::Duration;

use self::end::{
    a_log_out_by_a_refresh_token_asks_what_a_log_out_asks, a_log_out_takes_a_good_refresh_token_alone,
    s1_a_log_in_ends_the_one_whose_refresh_token_it_presents,
};
use self::presented::{
    an_access_token_beside_it_is_not_looked_at, every_401_is_the_same_and_removes_the_cookies,
    t2_j9_what_is_no_refresh_token_of_this_backend_is_401_and_ends_nothing,
    t3_two_cookies_of_the_name_are_401, the_token_is_found_as_it_travels,
};
use super::Case;
use crate::{Answer, NEW_PASSWORD, PASSWORD, Pass, SetCookie, address};

crate::sentences! {
    a_log_in_comes_with_a_refresh_token
    f1_a_refresh_is_answered_as_a_log_in_with_another_refresh_token
    f6_a_replaced_token_yields_the_same_successor_within_the_grace
    f2_a_replaced_token_after_the_grace_ends_the_log_in_and_its_access_tokens
    f2_an_older_token_ends_the_log_in_even_within_the_grace
    f4_what_ends_a_log_in_ends_its_refresh_token
    f5_a_log_in_ends_if_it_is_not_refreshed_and_at_its_absolute_limit_if_it_is
    the_token_is_found_as_it_travels
    an_access_token_beside_it_is_not_looked_at
    t2_j9_what_is_no_refresh_token_of_this_backend_is_401_and_ends_nothing
    every_401_is_the_same_and_removes_the_cookies
    t3_two_cookies_of_the_name_are_401
    an_unverified_user_is_403_and_nothing_is_spent
    a_log_out_takes_a_good_refresh_token_alone
    a_log_out_by_a_refresh_token_asks_what_a_log_out_asks
    s1_a_log_in_ends_the_one_whose_refresh_token_it_presents
    the_methods_tell_of_it
    x1_a_page_of_another_site_refreshes_and_ends_nothing
}

const DAY: Duration = Duration::DAY;

/// Whether the access token is good.
async fn is_good(case: &Case, pass: &Pass) -> bool {
    match case.me(pass).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn is_refused(case: &Case, answer: &Answer) {
    answer.is_unauthorized();
    let bearer = (!case.kind.is_cookie()).then_some("Bearer");
    assert_eq!(answer.header("www-authenticate"), bearer);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for name in [case.kind.cookie(), case.kind.refresh_cookie()]
        .into_iter()
        .flatten()
    {
        let removal = answer.cookie(name).expect("a removal");
        assert_eq!(removal.value, "");
        assert!(
            removal.attributes.contains(&"Max-Age=0".to_owned()),
            "{removal:?}"
        );
    }
}

/// Nothing was spent and nothing removed.
#[track_caller]
fn removes_nothing(answer: &Answer) {
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}

/// The log-out with the refresh token alone.
async fn log_out(case: &Case, token: &str) -> Answer {
    let call = case.post(&case.kind.logout());
    let call = match case.kind.refresh_cookie() {
        Some(name) => call.header("cookie", format!("{name}={token}")),
        None => call.form(&[("refresh_token", token)]),
    };
    call.send().await
}

async fn a_log_in_comes_with_a_refresh_token(case: &Case) {
    let user = case.seed(case.someone("lancelot")).await;
    let answer = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    let pass = case.kind.issued(&answer);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_ne!(pass.refresh(), pass.token);
    let Some(name) = case.kind.refresh_cookie() else {
        return;
    };
    let path = format!("Path=/auth/{}", case.kind.name());
    let fortnight = "Max-Age=1209600";
    let attributes = ["HttpOnly", fortnight, &path, "SameSite=Strict", "Secure"].map(str::to_owned);
    let expected = SetCookie {
        value: pass.refresh().to_owned(),
        attributes: attributes.into(),
    };
    assert_eq!(answer.cookie(name), Some(expected));
}

async fn f1_a_refresh_is_answered_as_a_log_in_with_another_refresh_token(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let mut seen = vec![first.clone()];
    for _ in 0..3 {
        // Within one second, a JWT of one log-in is the same.
        case.advance(Duration::MINUTE);
        let before = seen.last().expect("a pass");
        let answer = case.refreshed(before).await;
        let pass = case.kind.issued(&answer);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if let (Some(access), Some(refresh)) = (case.kind.cookie(), case.kind.refresh_cookie()) {
            let max_age = |name: &str, seconds: &str| {
                let cookie = answer.cookie(name).expect("a cookie");
                cookie.attributes.contains(&format!("Max-Age={seconds}"))
            };
            assert!(
                max_age(access, "3600") && max_age(refresh, "1209600"),
                "{answer:?}"
            );
            assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
        } else {
            // A JWT ends at a whole second, rounded down.
            assert!(answer.json()["expires_in"] == 3600, "{answer:?}");
        }
        for old in &seen {
            assert_ne!(old.refresh(), pass.refresh());
            assert_ne!(old.token, pass.token);
        }
        seen.push(pass);
    }
    for pass in &seen {
        assert!(is_good(case, pass).await, "it lives to its expiry");
    }
    case.advance(Duration::HOUR - Duration::MINUTE);
    assert!(!is_good(case, &seen[2]).await && is_good(case, &seen[3]).await);
}

async fn f6_a_replaced_token_yields_the_same_successor_within_the_grace(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let second = case.kind.issued(&case.refreshed(&first).await);
    for seconds in [0, 5, 4] {
        case.advance(Duration::seconds(seconds));
        assert_eq!(case.kind.issued(&case.refreshed(&first).await), second);
    }
    // It is the present one, and lives on.
    case.advance(Duration::MINUTE);
    let third = case.kind.issued(&case.refreshed(&second).await);
    assert_ne!(third.refresh(), second.refresh());
}

async fn f2_a_replaced_token_after_the_grace_ends_the_log_in_and_its_access_tokens(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let other = case.pass(case.kind, &address("lancelot")).await;
    let second = case.kind.issued(&case.refreshed(&first).await);
    case.advance(Duration::seconds(10));
    is_refused(case, &case.refreshed(&first).await);
    is_refused(case, &case.refreshed(&second).await);
    for pass in [&first, &second] {
        assert!(!is_good(case, pass).await, "nothing of the log-in is left");
    }
    assert!(is_good(case, &other).await, "another log-in is another matter");
    case.kind.issued(&case.refreshed(&other).await);
}

async fn f2_an_older_token_ends_the_log_in_even_within_the_grace(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let second = case.kind.issued(&case.refreshed(&first).await);
    let third = case.kind.issued(&case.refreshed(&second).await);
    is_refused(case, &case.refreshed(&first).await);
    is_refused(case, &case.refreshed(&third).await);
    assert!(!is_good(case, &third).await);
}

async fn f4_what_ends_a_log_in_ends_its_refresh_token(case: &Case) {
    let (_, king) = case.king().await;
    let as_king = async |method, path: String, body| {
        let answer = case.call(method, &path).with(&king).json(&body).send().await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
    };
    for (name, what) in [
        "log-out",
        "log-out everywhere",
        "own password",
        "reset",
        "deactivation",
        "deletion",
    ]
    .into_iter()
    .enumerate()
    {
        let (user, first) = case.member(&format!("knight-{name}")).await;
        let pass = case.kind.issued(&case.refreshed(&first).await);
        let email = user.email.as_str();
        match what {
            "log-out" => {
                case.post(&case.kind.logout())
                    .with(&pass)
                    .send()
                    .await
                    .is(204, "");
            }
            "log-out everywhere" => {
                let everywhere = case.post("/auth/logout-everywhere").with(&pass);
                assert_eq!(everywhere.send().await.status, 204);
            }
            "own password" => {
                let change = json!({ "password": NEW_PASSWORD });
                let answer = case.patch("/users/me").with(&pass).json(&change).send().await;
                assert_eq!(answer.status, 200);
                removes_nothing(&answer);
            }
            "reset" => {
                let token = case.reset_token(email).await;
                let body = json!({"token": token, "password": NEW_PASSWORD});
                case.post_json("/auth/reset-password", body).await.is(200, "null");
            }
            "deactivation" => {
                let path = format!("/users/{}", user.id);
                as_king(
                    reqwest::Method::PATCH,
                    path.clone(),
                    json!({ "is_active": false }),
                )
                .await;
                is_refused(case, &case.refreshed(&pass).await);
                // It does not come back with the user.
                as_king(reqwest::Method::PATCH, path, json!({ "is_active": true })).await;
            }
            _ => as_king(reqwest::Method::DELETE, format!("/users/{}", user.id), json!({})).await,
        }
        for pass in [&pass, &first] {
            is_refused(case, &case.refreshed(pass).await);
            assert!(!is_good(case, pass).await, "{what}");
        }
    }
}

async fn f5_a_log_in_ends_if_it_is_not_refreshed_and_at_its_absolute_limit_if_it_is(case: &Case) {
    let (_, idle) = case.member("gawain").await;
    let (_, mut pass) = case.member("lancelot").await;
    case.advance(DAY * 14 - Duration::SECOND);
    pass = case.kind.issued(&case.refreshed(&pass).await);
    case.advance(Duration::SECOND);
    is_refused(case, &case.refreshed(&idle).await);
    case.advance(DAY * 13);
    let answer = case.refreshed(&pass).await;
    pass = case.kind.issued(&answer);
    // The cookie goes no further than the log-in.
    if let Some(name) = case.kind.refresh_cookie() {
        let cookie = answer.cookie(name).expect("a cookie");
        assert!(
            cookie.attributes.contains(&format!("Max-Age={}", 3 * 86_400)),
            "{cookie:?}"
        );
    }
    case.advance(DAY * 3 - Duration::minutes(10));
    let answer = case.refreshed(&pass).await;
    pass = case.kind.issued(&answer);
    if !case.kind.is_cookie() {
        let seconds = answer.json()["expires_in"].as_i64().expect("seconds");
        assert!(
            (598..=600).contains(&seconds),
            "no access token outlives the log-in: {seconds}"
        );
    }
    assert!(is_good(case, &pass).await);
    case.advance(Duration::minutes(10));
    is_refused(case, &case.refreshed(&pass).await);
    assert!(!is_good(case, &pass).await);
}

async fn an_unverified_user_is_403_and_nothing_is_spent(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    let answer = case.refreshed(&pass).await;
    if !case.verification {
        case.kind.issued(&answer);
        return;
    }
    answer.is_forbidden();
    removes_nothing(&answer);
    // Past the grace, it would have been reused.
    case.advance(Duration::MINUTE);
    case.refreshed(&pass).await.is_forbidden();
    case.set(&address("gawain"), |user| user.is_verified = true).await;
    case.kind.issued(&case.refreshed(&pass).await);
}

async fn the_methods_tell_of_it(case: &Case) {
    let methods = case.get("/auth/methods").send().await.json();
    let backends = methods["backends"].as_array().expect("backends");
    let ours = backends
        .iter()
        .find(|backend| backend["name"] == case.kind.name());
    assert_eq!(ours.expect("this one")["refresh"], json!(true));
}

async fn x1_a_page_of_another_site_refreshes_and_ends_nothing(case: &Case) {
    let Some(name) = case.kind.refresh_cookie() else {
        return;
    };
    let (_, pass) = case.member("lancelot").await;
    for path in [case.kind.refresh(), case.kind.logout()] {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ] {
            for cookie in [format!("{name}={}", pass.refresh()), format!("{name}=x")] {
                let call = case.post(&path).header("cookie", cookie).header(header, value);
                let answer = call.send().await;
                answer.is_forbidden();
                removes_nothing(&answer);
            }
        }
    }
    // Without a cookie, a page of another site gets none removed either.
    let call = case.post(&case.kind.refresh());
    let answer = call.header("sec-fetch-site", "cross-site").send().await;
    answer.is_forbidden();
    removes_nothing(&answer);
    case.advance(Duration::MINUTE);
    case.kind.issued(&case.refreshed(&pass).await);
}
