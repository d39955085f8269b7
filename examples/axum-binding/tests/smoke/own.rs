//! What an application meets that uses the binding: its extractors, its guards, and routes that are not there.

use portcullis_support::{PASSWORD, Pass, address, journey::Case};
use reqwest::Method;

portcullis_support::sentences! {
    an_extractor_sees_the_user_until_a_log_out
    an_optional_user_is_nobody_without_a_valid_credential
    an_extractor_asks_for_a_superuser
    a_guard_asks_for_a_verified_user
    no_other_site_acts_with_a_cookie
    a_route_that_is_not_there_a_wrong_method_and_a_large_body_are_refused_as_json
    a_front_end_finds_the_backends
}

async fn status(case: &Case, path: &str, pass: &Pass) -> u16 {
    case.get(path).with(pass).send().await.status
}

async fn an_extractor_sees_the_user_until_a_log_out(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let hello = case.get("/hello").with(&pass).send().await;
    assert_eq!(
        (hello.status, hello.text()),
        (200, "Hello, lancelot@camelot.example!")
    );
    let log_out = case.post(&case.kind.logout()).with(&pass).send().await;
    log_out.is(204, "");
    case.get("/hello").with(&pass).send().await.is_unauthorized();
    case.get("/hello").send().await.is_unauthorized();
}

async fn an_optional_user_is_nobody_without_a_valid_credential(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let bad = case.bad_pass();
    for (pass, expected) in [(&pass, "somebody"), (&bad, "nobody")] {
        let answer = case.get("/whoami").with(pass).send().await;
        assert_eq!((answer.status, answer.text()), (200, expected));
    }
}

async fn an_extractor_asks_for_a_superuser(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let (_, king) = case.king().await;
    case.get("/admin").with(&pass).send().await.is_forbidden();
    assert_eq!(status(case, "/admin", &king).await, 200);
}

async fn a_guard_asks_for_a_verified_user(case: &Case) {
    let (_, pass) = case.no_longer_verified("gawain").await;
    case.get("/reports").with(&pass).send().await.is_forbidden();
    case.set(&address("gawain"), |user| user.is_verified = true).await;
    assert_eq!(status(case, "/reports", &pass).await, 200);
    case.get("/reports").send().await.is_unauthorized();
}

async fn no_other_site_acts_with_a_cookie(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let log_out = || case.post(&case.kind.logout()).with(&pass);
    let forged = log_out().header("sec-fetch-site", "cross-site").send().await;
    if !case.kind.is_cookie() {
        // No browser adds a Bearer token by itself.
        forged.is(204, "");
        return;
    }
    forged.is_forbidden();
    assert_eq!(status(case, "/hello", &pass).await, 200);
    let own = log_out().header("sec-fetch-site", "same-origin").send().await;
    own.is(204, "");
}

async fn a_route_that_is_not_there_a_wrong_method_and_a_large_body_are_refused_as_json(case: &Case) {
    let answer = case.call(Method::PUT, "/users/me").send().await;
    answer.is_error(405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), Some("GET, PATCH"));
    case.get("/auth/unknown").send().await.is_not_found();
    // More than the limit, and little enough to be sent whole before the answer.
    let large = vec![b' '; 17 << 10];
    let answer = case
        .post("/auth/register")
        .body("application/json", large)
        .send()
        .await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let (_, king) = case.king().await;
    let answer = case.delete("/users/me").with(&king).send().await;
    answer.is_error(405, "Method Not Allowed");
}

async fn a_front_end_finds_the_backends(case: &Case) {
    let methods = case.get("/auth/methods").send().await.json();
    let names: Vec<_> = methods["backends"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|backend| &backend["name"])
        .collect();
    assert_eq!(names, ["db", "cookie"]);
    let form = [("username", &*address("nobody")), ("password", PASSWORD)];
    for name in names {
        let path = format!("/auth/{}/login", name.as_str().expect("a name"));
        case.post(&path)
            .form(&form)
            .send()
            .await
            .is_error(400, "LOGIN_BAD_CREDENTIALS");
    }
}
