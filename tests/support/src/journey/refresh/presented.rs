//! Refresh tokens as they are presented, good and bad.

use serde_json::json;
use time::Duration;

use super::{DAY, is_good, is_refused, log_out, removes_nothing};
use crate::{
    Kind, Pass,
    journey::{Case, jti_of},
};

pub(super) async fn the_token_is_found_as_it_travels(case: &Case) {
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
        // A token in the body counts for nothing.
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

pub(super) async fn an_access_token_beside_it_is_not_looked_at(case: &Case) {
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

pub(super) async fn t2_j9_what_is_no_refresh_token_of_this_backend_is_401_and_ends_nothing(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    let mut bad = edited(pass.refresh());
    bad.extend([pass.token.clone(), case.bad_pass().token, user.id.to_string()]);
    bad.push(jti_of(&pass.token).expect("a name"));
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

pub(super) async fn every_401_is_the_same_and_removes_the_cookies(case: &Case) {
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

pub(super) async fn t3_two_cookies_of_the_name_are_401(case: &Case) {
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
