//! Requests with cookies.

use auth_core::SigningSecret;
use auth_http::{
    AcceptedBackends, Active, AuthBackend, BearerTransport, CookieTransport, CsrfPolicy, Endpoints, HttpError,
};
use auth_users::UserManager;
use portcullis_support::Log;

use crate::{Fixture, Head, bearer};

#[tokio::test]
async fn x2_a_bearer_header_beside_the_cookie_does_not_switch_the_check_off() {
    let fixture = Fixture::new();
    let arthur = fixture.user("arthur@example.com").await;
    let cookie = CookieTransport::default();
    let token = fixture.token(&arthur).await;
    let authenticator = fixture.authenticator(vec![
        AuthBackend::new("a", BearerTransport, fixture.opaque()),
        AuthBackend::new("b", cookie.clone(), fixture.opaque()),
    ]);
    let mut head = bearer(&token);
    head.method = "POST";
    head.headers.push(("sec-fetch-site", "cross-site".into()));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
    head.headers
        .push(("cookie", format!("{}={token}", cookie.name()).into()));
    assert!(matches!(
        authenticator.find(&head, &AcceptedBackends::All).await,
        Err(HttpError::Forbidden)
    ));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::only(["a"]))
            .await
            .is_ok_and(|found| found.is_some())
    );
}

#[tokio::test]
async fn a_cookie_with_double_submit_acts_only_with_the_token_of_its_session() {
    let fixture = Fixture::new();
    let arthur = fixture.user("arthur@example.com").await;
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::builder(fixture.users.clone(), &secret).build();
    let cookie = AuthBackend::new("b", CookieTransport::default(), fixture.opaque());
    let endpoints = Endpoints::builder(users.expect("users"))
        .backend(cookie)
        .csrf(CsrfPolicy::same_origin().double_submit(&secret))
        .build()
        .expect("endpoints");
    let identified = endpoints.users().identify_without_proof(arthur.clone());
    let response = endpoints.log_in("b", identified, &bearer("")).await;
    let response = response.expect("a log-in");
    let value = |name: &str| {
        let mut set = response.headers.iter().map(|(_, value)| value);
        let value = set.find_map(|value| value.strip_prefix(name)?.strip_prefix('='));
        let value = value.and_then(|value| value.split(';').next());
        value.expect("a cookie").to_owned()
    };
    let name = "__Host-portcullis";
    let (token, csrf) = (value(name), value("__Host-portcullis-csrf"));
    let authenticator = endpoints.authenticator();

    let mut head = Head::to_app("POST", vec![("cookie", format!("{name}={token}"))]);
    assert!(matches!(
        authenticator.find(&head, &AcceptedBackends::All).await,
        Err(HttpError::Forbidden)
    ));
    head.headers.push(("x-csrf-token", csrf.into()));
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
    head.headers.pop();
    head.method = "GET";
    assert!(
        authenticator
            .find(&head, &AcceptedBackends::All)
            .await
            .is_ok_and(|found| found.is_some())
    );
}

#[tokio::test]
async fn c5_a_401_that_removes_the_cookies_of_several_backends_stays_short() {
    let fixture = Fixture::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let backends = names.map(|name| {
        let cookie = CookieTransport::builder()
            .name(format!("__Secure-{name}"))
            .build();
        AuthBackend::new(name, cookie.expect("a cookie"), fixture.opaque())
    });
    let authenticator = fixture.authenticator(backends.into());
    let twice = names.map(|name| format!("__Secure-{name}=x; __Secure-{name}=y"));
    let head = Head::to_app("GET", vec![("cookie", twice.join("; "))]);
    let refused = authenticator
        .require(&head, &AcceptedBackends::All, &Active)
        .await;
    let answer = refused.expect_err("nobody").into_response();
    let of = |header: &'static str| answer.headers.iter().filter(move |(name, _)| *name == header);
    let bytes: usize = of("set-cookie")
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    assert!(bytes <= 2048, "{bytes}");
    assert!(
        of("set-cookie").any(|(_, value)| value.starts_with("__Secure-a=;")),
        "{answer:?}"
    );
    assert_eq!(of("cache-control").count(), 1);
}

/// An optional user is not refused, and then nothing is removed.
#[tokio::test]
async fn c5_the_log_of_two_cookies_promises_their_removal_by_a_401_alone() {
    let fixture = Fixture::new();
    let cookie = CookieTransport::builder().name("auth").build().expect("a cookie");
    let authenticator = fixture.authenticator(vec![AuthBackend::new("b", cookie, fixture.opaque())]);
    let head = Head::to_app("GET", vec![("cookie", "auth=x; auth=y".to_owned())]);
    let listening = Log::begin();
    let found = authenticator.find(&head, &AcceptedBackends::All).await;
    assert!(matches!(found, Ok(None)), "{found:?}");
    let log = listening.text();
    assert!(
        log.contains("a 401 removes them") && log.contains(r#"cookie="auth""#),
        "{log}"
    );
}
