//! Settings that are refused or warned of at start.

use auth_core::{Lifetime, SigningSecret};
use auth_http::{AuthBackend, Authenticator, BearerTransport, CookieTransport, CsrfPolicy, Endpoints};
use auth_users::UserManager;
use portcullis::jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy};
use portcullis_support::Log;
use uuid::Uuid;

use crate::Fixture;

#[test]
fn c7_a_secure_cookie_that_browsers_drop_at_the_public_url_is_warned_of_at_start() {
    let log_of = |cookie: CookieTransport, url: &str| {
        let fixture = Fixture::new();
        let secret = SigningSecret::generate().expect("secret");
        let users = UserManager::builder(fixture.users.clone(), &secret).build();
        let builder = Endpoints::builder(users.expect("users"))
            .backend(AuthBackend::new("a", BearerTransport, fixture.opaque()))
            .backend(AuthBackend::new("b", cookie, fixture.opaque()))
            .public_url(url)
            .expect("a URL");
        let listening = Log::begin();
        let built = builder.build();
        assert!(built.is_ok());
        listening.text()
    };
    let plain = CookieTransport::builder()
        .name("plain")
        .secure(false)
        .allow_insecure();
    let plain = plain.build().expect("a cookie");
    let log = log_of(CookieTransport::default(), "http://example.com/api");
    for told in ["WARN", "backend=\"b\"", "http://example.com/api", "write `https`"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert_eq!(log_of(plain, "http://example.com/api"), "");
    for good in ["https://example.com", "http://127.0.0.1:8080"] {
        assert_eq!(log_of(CookieTransport::default(), good), "", "{good}");
    }
}

#[test]
fn backends_that_cannot_be_told_apart_are_refused_at_start() {
    let fixture = Fixture::new();
    let bearer = |name: &str| AuthBackend::new(name, BearerTransport, fixture.opaque());
    let cookie = |name: &str| AuthBackend::new(name, CookieTransport::default(), fixture.opaque());
    for (backends, setting) in [
        (vec![], "backends"),
        (vec![bearer("a"), bearer("a")], "backend \"a\""),
        (vec![cookie("a"), cookie("b")], "backend \"b\""),
        (vec![bearer("a/b")], "backend \"a/b\""),
        (vec![bearer("")], "backend \"\""),
    ] {
        let built = Authenticator::<Uuid>::new(backends, fixture.users.clone(), CsrfPolicy::same_origin());
        assert_eq!(built.err().expect(setting).setting(), setting);
    }
}

#[test]
fn backends_whose_refresh_cookies_have_one_name_are_refused_at_start() {
    let fixture = Fixture::new();
    let secret = SigningSecret::generate().expect("secret");
    let cookie = |backend: &str, name: &str, refreshes: bool| {
        let hour = Lifetime::from_secs(3600).expect("an hour");
        let jwt = JwtStrategy::hs256(&secret, hour).expect("a strategy");
        let tracked = TrackedJwtStrategy::new(jwt, fixture.tokens.clone(), Lifetime::FOREVER);
        let mut tracked = tracked.expect("a strategy");
        if refreshes {
            tracked = tracked.refresh_tokens(RefreshTokens::new(&secret));
        }
        let cookie = CookieTransport::builder().name(name).build();
        AuthBackend::new(backend.to_owned(), cookie.expect("a cookie"), tracked)
    };
    let built = |first: AuthBackend, second| {
        let csrf = CsrfPolicy::same_origin();
        Authenticator::<Uuid>::new(vec![first, second], fixture.users.clone(), csrf)
    };
    for (one, other, refreshes, told) in [
        ("__Host-web", "__Secure-web", true, "\"__Secure-web-refresh\""),
        ("web", "__Host-web", true, "\"__Secure-web-refresh\""),
        (
            "__Host-web",
            "__Secure-web-refresh",
            false,
            "\"__Secure-web-refresh\"",
        ),
        (
            "__Host-web",
            "__Secure-web-refresh-csrf",
            false,
            "\"__Secure-web-refresh-csrf\"",
        ),
        ("__Host-web", "__Host-web-csrf", false, "\"__Host-web-csrf\""),
    ] {
        for (first, second) in [
            (cookie("a", one, true), cookie("b", other, refreshes)),
            (cookie("b", other, refreshes), cookie("a", one, true)),
        ] {
            let setting = format!("backend {:?}", second.name());
            let error = built(first, second).err().expect("one name");
            assert_eq!(error.setting(), setting);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
    assert!(
        built(
            cookie("a", "__Host-web", false),
            cookie("b", "__Secure-web", false)
        )
        .is_ok()
    );
    assert!(built(cookie("a", "__Host-web", true), cookie("b", "__Host-app", true)).is_ok());
}
