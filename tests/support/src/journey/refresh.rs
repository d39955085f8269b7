//! Section 10: refresh tokens.

use serde_json::json;
use time::Duration;

use super::Case;
use crate::{Answer, Kind, NEW_PASSWORD, PASSWORD, Pass, SetCookie, address};

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
    for (name, what) in ["log-out", "own password", "reset", "deactivation", "deletion"]
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

async fn the_token_is_found_as_it_travels(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let (path, token) = (case.kind.refresh(), pass.refresh());
    let call = || case.post(&path);
    // All within the grace: the same successor each time.
    let expected = case.kind.issued(&case.refreshed(&pass).await);
    let good = async |call: crate::Call| {
        assert_eq!(case.kind.issued(&call.send().await), expected);
    };
    if let Some(name) = case.kind.refresh_cookie() {
        let with = |call: crate::Call| call.header("cookie", format!("a=b; {name}={token}"));
        good(with(call())).await;
        // A body is not looked at.
        for body in [json!({ "refresh_token": 7 }), json!({ "grant_type": "password" })] {
            good(with(call()).json(&body)).await;
        }
        good(with(call()).body("application/json", "{")).await;
        good(with(call()).form(&[("refresh_token", "")])).await;
        // And a token in it is none.
        let answer = call().form(&[("refresh_token", token)]).send().await;
        answer.is_unauthorized();
        // Another tab may have logged in meanwhile, whose cookies a late removal would take away.
        removes_nothing(&answer);
        return;
    }
    let grant = ("grant_type", "refresh_token");
    good(call().form(&[("refresh_token", token)])).await;
    good(call().form(&[
        grant,
        ("refresh_token", token),
        ("scope", "x"),
        ("client_id", "y"),
    ]))
    .await;
    good(call().multipart(&[grant, ("refresh_token", token)])).await;
    good(call().json(&json!({ "refresh_token": token }))).await;
    good(call().json(&json!({ "refresh_token": token, "grant_type": "refresh_token" }))).await;

    let bad = async |call: crate::Call, fields: &[&str]| {
        let answer = call.send().await;
        answer.is_unprocessable(fields);
        removes_nothing(&answer);
    };
    bad(
        call().form(&[("grant_type", "password"), ("refresh_token", token)]),
        &["grant_type"],
    )
    .await;
    let json = json!({ "refresh_token": token, "grant_type": "password" });
    bad(call().json(&json), &["grant_type"]).await;
    for body in [
        json!({}),
        json!([]),
        json!({ "refresh_token": "" }),
        json!({ "refresh_token": null }),
        json!({ "refresh_token": 7 }),
        json!({ "refresh_token": [token] }),
    ] {
        bad(call().json(&body), &["refresh_token"]).await;
    }
    bad(call().form(&[("refresh_token", "")]), &["refresh_token"]).await;
    bad(call(), &["refresh_token"]).await;
    bad(
        call().body("text/plain", format!("refresh_token={token}")),
        &["refresh_token"],
    )
    .await;
    let malformed = call().body("application/json", "{").send().await;
    assert_eq!(malformed.field_errors(), [None]);
    // Never from a URL, and a header is for access tokens.
    let query = format!("{path}?refresh_token={token}");
    bad(case.post(&query), &["refresh_token"]).await;
    bad(
        call().header("authorization", format!("Bearer {token}")),
        &["refresh_token"],
    )
    .await;
}

async fn an_access_token_beside_it_is_not_looked_at(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let (_, stranger) = case.member("gawain").await;
    let expected = case.kind.issued(&case.refreshed(&pass).await);
    for beside in [&pass, &stranger, &case.bad_pass()] {
        let call = case.post(&case.kind.refresh());
        let (header, value) = beside.header();
        let call = match case.kind.refresh_cookie() {
            Some(name) => call.header(header, format!("{value}; {name}={}", pass.refresh())),
            None => call
                .header(header, value)
                .form(&[("refresh_token", pass.refresh())]),
        };
        assert_eq!(case.kind.issued(&call.send().await), expected);
    }
    assert!(is_good(case, &stranger).await);
}

/// Everything that is not the one string that was issued.
fn edited(token: &str) -> Vec<String> {
    let mut edited = vec![
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}="),
        format!("{token}."),
        format!("{token}A"),
        format!("A{token}"),
        token.to_uppercase(),
        token.to_lowercase(),
        "x".to_owned(),
        "....".to_owned(),
    ];
    for at in (0..token.len()).step_by(7) {
        let old = token.as_bytes()[at];
        let new = if old == b'A' { "B" } else { "A" };
        edited.push(format!("{}{new}{}", &token[..at], &token[at + 1..]));
    }
    edited
}

async fn t2_j9_what_is_no_refresh_token_of_this_backend_is_401_and_ends_nothing(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    let mut bad = edited(pass.refresh());
    bad.extend([pass.token.clone(), case.bad_pass().token, user.id.to_string()]);
    bad.extend(
        super::decoded(pass.token.split('.').nth(1).expect("claims"))["jti"]
            .as_str()
            .map(str::to_owned),
    );
    for kind in case.kinds.clone().into_iter().filter(|kind| *kind != case.kind) {
        let other = case.pass(kind, user.email.as_str()).await;
        bad.extend(other.refresh.clone().into_iter().chain([other.token]));
    }
    for token in &bad {
        is_refused(case, &case.refresh(case.kind, token).await);
    }
    // Nor is it good at any other door.
    let refresh = Pass::new(case.kind, pass.refresh());
    case.me(&refresh).await.is_unauthorized();
    for kind in Kind::ALL.into_iter().filter(|kind| case.kinds.contains(kind)) {
        let pass = Pass::new(kind, pass.refresh());
        case.get(&case.protected(kind))
            .with(&pass)
            .send()
            .await
            .is_unauthorized();
    }
    assert!(is_good(case, &pass).await);
    case.kind.issued(&case.refreshed(&pass).await);
}

async fn every_401_is_the_same_and_removes_the_cookies(case: &Case) {
    let (_, king) = case.king().await;
    let (_, known) = case.member("lancelot").await;
    let forged = edited(known.refresh()).pop().expect("a token");
    let mut answers = vec![case.refresh(case.kind, &forged).await];
    answers.push(case.refresh(case.kind, "x").await);
    let (_, logged_out) = case.member("gawain").await;
    log_out(case, logged_out.refresh()).await.is(204, "");
    answers.push(case.refreshed(&logged_out).await);

    let (user, gone) = case.member("mordred").await;
    case.users().delete(&user.id).await.expect("deleted");
    answers.push(case.refreshed(&gone).await);

    let (user, inactive) = case.member("agravain").await;
    case.set(user.email.as_str(), |user| user.is_active = false).await;
    answers.push(case.refreshed(&inactive).await);

    let (user, stale) = case.member("kay").await;
    case.set(user.email.as_str(), |user| user.security_epoch += 1)
        .await;
    answers.push(case.refreshed(&stale).await);

    let (_, reused) = case.member("bors").await;
    case.refreshed(&reused).await;
    case.advance(Duration::MINUTE);
    answers.push(case.refreshed(&reused).await);

    let (_, expired) = case.member("tristan").await;
    case.advance(DAY * 15);
    answers.push(case.refreshed(&expired).await);

    for answer in &answers {
        is_refused(case, answer);
        assert_eq!(answer.visible(), answers[0].visible());
    }
    drop(king);
}

async fn t3_two_cookies_of_the_name_are_401(case: &Case) {
    let Some(name) = case.kind.refresh_cookie() else {
        return;
    };
    let (_, pass) = case.member("lancelot").await;
    let token = pass.refresh();
    for cookies in [
        format!("{name}={token}; {name}={token}"),
        format!("{name}=x; {name}={token}"),
        format!("{name}={token}; {name}="),
    ] {
        let call = case.post(&case.kind.refresh()).header("cookie", cookies);
        let answer = call.send().await;
        answer.is_unauthorized();
        let removals = answer.headers.get_all("set-cookie").iter();
        let removals: Vec<_> = removals.map(|cookie| cookie.to_str().expect("ASCII")).collect();
        for path in [
            "Path=/;",
            "Path=/auth;",
            &format!("Path=/auth/{};", case.kind.name()),
        ] {
            let removes = |cookie: &&str| {
                format!("{cookie};").contains(path) && cookie.starts_with(&format!("{name}=;"))
            };
            assert!(removals.iter().any(removes), "{path} {removals:?}");
        }
    }
    case.kind.issued(&case.refreshed(&pass).await);
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

async fn a_log_out_takes_a_good_refresh_token_alone(case: &Case) {
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

async fn a_log_out_by_a_refresh_token_asks_what_a_log_out_asks(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    for token in ["x", &*pass.token] {
        let answer = log_out(case, token).await;
        answer.is_unauthorized();
        assert_eq!(answer.headers.contains_key("set-cookie"), case.kind.is_cookie());
    }
    // Malformed JSON comes before the credential, where a body is looked at.
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

async fn s1_a_log_in_ends_the_one_whose_refresh_token_it_presents(case: &Case) {
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
