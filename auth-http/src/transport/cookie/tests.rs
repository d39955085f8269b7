use auth_core::{IssuedToken, SecretString};
use proptest::prelude::*;
use time::OffsetDateTime;

use super::{super::seen, *};
use crate::request::test_head::Head;

fn issued(value: &str, expires_at: Option<OffsetDateTime>) -> Issued {
    let token = IssuedToken::new(SecretString::from(value), OffsetDateTime::UNIX_EPOCH, expires_at);
    Issued::new(token)
}

fn set_cookie(response: &Response) -> Vec<String> {
    sorted(response.cookies().next().expect("a cookie"))
}

/// Name and value, then the attributes in the order of the alphabet.
fn sorted(cookie: &str) -> Vec<String> {
    let mut parts: Vec<_> = cookie.split("; ").map(str::to_owned).collect();
    parts[1..].sort();
    parts
}

fn log_in(transport: &CookieTransport, value: &str, seconds: Option<i64>) -> Vec<String> {
    let now = OffsetDateTime::UNIX_EPOCH;
    let expires_at = seconds.map(|seconds| now + time::Duration::seconds(seconds));
    let issued = issued(value, expires_at);
    set_cookie(&transport.deliver(&issued).expect("cookie"))
}

fn presented(headers: &[&str]) -> String {
    let headers: Vec<_> = headers.iter().map(|value| ("cookie", *value)).collect();
    let transport = CookieTransport::builder()
        .name("auth")
        .build()
        .expect("transport");
    seen(transport.extract(Slot::Access, &Head::new("GET", &headers)))
}

#[test]
fn c1_the_default_is_a_secure_host_cookie() {
    assert_eq!(
        log_in(&CookieTransport::default(), "T", Some(3600)),
        [
            "__Host-portcullis=T",
            "HttpOnly",
            "Max-Age=3600",
            "Path=/",
            "SameSite=Lax",
            "Secure"
        ]
    );
}

#[test]
fn c1_an_insecure_combination_fails_when_built_and_names_the_setting() {
    let builder = CookieTransport::builder;
    for (setting, built) in [
        ("cookie.secure", builder().name("a").secure(false).build()),
        ("cookie.http_only", builder().http_only(false).build()),
        ("cookie.secure", builder().secure(false).allow_insecure().build()),
        (
            "cookie.secure",
            builder()
                .name("__secure-a")
                .secure(false)
                .allow_insecure()
                .build(),
        ),
        (
            "cookie.secure",
            builder()
                .name("a")
                .secure(false)
                .same_site(SameSite::None)
                .allow_insecure()
                .build(),
        ),
        ("cookie.domain", builder().domain("example.com").build()),
        ("cookie.domain", builder().name("a").domain("a; Secure").build()),
        ("cookie.path", builder().path("/a").build()),
        ("cookie.path", builder().name("a").path("a").build()),
        ("cookie.name", builder().name("a b").build()),
        ("cookie.name", builder().name("").build()),
        (
            "cookie.max_age",
            builder().max_age(MaxAge::Fixed(Duration::ZERO)).build(),
        ),
    ] {
        assert_eq!(built.expect_err(setting).setting(), setting);
    }
    assert!(builder().name("a").secure(false).allow_insecure().build().is_ok());
}

#[test]
fn c2_the_removal_cookie_repeats_name_path_domain_secure_and_same_site() {
    let transport = CookieTransport::builder()
        .name("__Secure-a")
        .path("/app")
        .domain("example.com")
        .same_site(SameSite::Strict)
        .build()
        .expect("transport");
    let rest = [
        "Domain=example.com",
        "HttpOnly",
        "Max-Age=0",
        "Path=/app",
        "SameSite=Strict",
        "Secure",
    ];
    let removal = set_cookie(&transport.clear(Slot::Access));
    assert_eq!(removal[0], "__Secure-a=");
    assert_eq!(removal[1..], rest);
}

/// The cookies of a log-in with a refresh token, and their removals.
fn pair(builder: CookieBuilder) -> [Vec<String>; 4] {
    let transport = builder.build().expect("transport");
    let now = OffsetDateTime::UNIX_EPOCH;
    let refresh = IssuedToken::new("R".into(), now, Some(now + time::Duration::milliseconds(59_001)));
    let issued = issued("A", Some(now + time::Duration::seconds(9))).with_refresh(refresh);
    let answer = transport.deliver(&issued).expect("two cookies");
    let cookies: Vec<_> = answer.cookies().map(sorted).collect();
    let [access, refresh] = cookies.try_into().expect("two cookies");
    let removal = |slot| set_cookie(&transport.clear(slot));
    [access, refresh, removal(Slot::Access), removal(Slot::Refresh)]
}

#[test]
fn c1_c2_a_refresh_token_has_a_stricter_cookie_of_its_own_without_a_path_as_yet() {
    for (name, refresh_name) in [
        ("__Host-web", "__Secure-web-refresh"),
        ("__secure-web", "__Secure-web-refresh"),
        ("web", "__Secure-web-refresh"),
    ] {
        let [access, refresh, no_access, no_refresh] = pair(CookieTransport::builder().name(name));
        assert_eq!(access[0], format!("{name}=A"));
        assert!(access.contains(&"Max-Age=9".to_owned()), "{access:?}");
        let attributes = ["HttpOnly", "Max-Age=60", "SameSite=Strict", "Secure"];
        assert_eq!(refresh[0], format!("{refresh_name}=R"));
        assert_eq!(refresh[1..], attributes);
        assert_eq!(no_access[0], format!("{name}="));
        assert_eq!(no_refresh[0], format!("{refresh_name}="));
        assert_eq!(no_refresh[1..], attributes.map(|part| part.replace("60", "0")));
    }
}

#[test]
fn the_cookie_of_a_refresh_token_follows_the_other_one_where_it_could_not_do_its_work() {
    let builder = || CookieTransport::builder().name("__Secure-a");
    let embedded = builder().same_site(SameSite::None).partitioned(true);
    let [_, refresh, _, removal] = pair(embedded);
    let attributes = ["HttpOnly", "Max-Age=60", "Partitioned", "SameSite=None", "Secure"];
    assert_eq!(refresh[1..], attributes);
    assert_eq!(removal[1..], attributes.map(|part| part.replace("60", "0")));

    let [_, refresh, ..] = pair(
        CookieTransport::builder()
            .name("a")
            .secure(false)
            .allow_insecure(),
    );
    assert_eq!(
        refresh,
        ["a-refresh=R", "HttpOnly", "Max-Age=60", "SameSite=Strict"]
    );

    let [_, refresh, ..] = pair(builder().max_age(MaxAge::Session));
    assert_eq!(refresh[1..], ["HttpOnly", "SameSite=Strict", "Secure"]);
    let day = MaxAge::Fixed(Duration::from_secs(86_400));
    let [_, refresh, ..] = pair(builder().max_age(day));
    assert!(refresh.contains(&"Max-Age=60".to_owned()), "{refresh:?}");

    // It is nobody's but the service's own, whatever the other one is.
    let wide = builder()
        .domain("example.com")
        .path("/app")
        .http_only(false)
        .allow_insecure();
    let [_, refresh, ..] = pair(wide);
    assert_eq!(
        refresh[1..],
        ["HttpOnly", "Max-Age=60", "SameSite=Strict", "Secure"]
    );
}

#[test]
fn t3_j9_the_cookie_of_one_token_is_not_that_of_the_other() {
    let transport = CookieTransport::default();
    let of = |slot, cookies: &str| {
        let head = Head::new("POST", &[("cookie", cookies)]);
        seen(transport.extract(slot, &head))
    };
    let both = "__Host-portcullis=A; __Secure-portcullis-refresh=R";
    assert_eq!(of(Slot::Access, both), r#"Token("A")"#);
    assert_eq!(of(Slot::Refresh, both), r#"Token("R")"#);
    assert_eq!(of(Slot::Refresh, "__Host-portcullis=A"), "Nothing");
    assert_eq!(of(Slot::Access, "__Secure-portcullis-refresh=R"), "Nothing");
    for twice in [
        "=R; __Secure-portcullis-refresh=R",
        "=; __Secure-portcullis-refresh=R",
    ] {
        let cookies = format!("__Secure-portcullis-refresh{twice}");
        assert_eq!(of(Slot::Refresh, &cookies), "Invalid(Ambiguous)", "{cookies}");
    }
}

#[test]
fn n16_a_partitioned_cookie_is_secure_and_its_removal_repeats_it() {
    let embedded = |builder: CookieBuilder| builder.same_site(SameSite::None).partitioned(true);
    for name in ["__Host-a", "__Secure-a", "a"] {
        let transport = embedded(CookieTransport::builder().name(name))
            .build()
            .expect(name);
        let set = log_in(&transport, "T", None);
        let removal = set_cookie(&transport.clear(Slot::Access));
        for part in ["Partitioned", "SameSite=None", "Secure"] {
            let has = |cookie: &[String]| cookie.iter().filter(|attribute| *attribute == part).count();
            assert_eq!(
                (has(&set), has(&removal)),
                (1, 1),
                "{name} {part}: {set:?} {removal:?}"
            );
        }
    }
    let plain = CookieTransport::builder()
        .name("a")
        .secure(false)
        .allow_insecure();
    let error = plain.partitioned(true).build().expect_err("not secure");
    assert_eq!(error.setting(), "cookie.partitioned");
    let default = log_in(&CookieTransport::default(), "T", None);
    assert!(!default.contains(&"Partitioned".to_owned()), "{default:?}");
}

#[test]
fn c3_a_cookie_over_4096_bytes_is_not_sent() {
    let token = issued(&"x".repeat(4096), None);
    assert!(CookieTransport::default().deliver(&token).is_err());
    let refresh = IssuedToken::new("x".repeat(4096).into(), OffsetDateTime::UNIX_EPOCH, None);
    let pair = issued("x", None).with_refresh(refresh);
    assert!(CookieTransport::default().deliver(&pair).is_err());
}

#[test]
fn a_cookie_without_a_max_age_is_a_session_cookie() {
    let session = CookieTransport::builder()
        .max_age(MaxAge::Session)
        .build()
        .expect("transport");
    assert!(
        !log_in(&session, "T", Some(60))
            .iter()
            .any(|part| part.starts_with("Max-Age"))
    );
    assert!(
        !log_in(&CookieTransport::default(), "T", None)
            .iter()
            .any(|part| part.starts_with("Max-Age"))
    );
}

#[test]
fn the_cookie_of_the_name_is_found_among_others() {
    assert_eq!(presented(&["a=1; auth=T; authx=2"]), r#"Token("T")"#);
    assert_eq!(presented(&["a=1", "auth=T"]), r#"Token("T")"#);
    for none in ["", "AUTH=T", "xauth=T", "auth", "auth=", "a=auth=T"] {
        assert_eq!(presented(&[none]), "Nothing", "{none}");
    }
}

#[test]
fn c1_a_name_or_value_with_white_space_of_unicode_is_another() {
    for space in ["\u{2000}", "\u{85}", "\u{a0}", "\u{3000}", "\u{b}"] {
        assert_eq!(presented(&[&format!("{space}auth=T")]), "Nothing", "{space:?}");
        assert_eq!(presented(&[&format!("auth{space}=T")]), "Nothing", "{space:?}");
        assert_eq!(
            presented(&[&format!("auth=T; {space}auth=U")]),
            r#"Token("T")"#,
            "{space:?}"
        );
        assert_ne!(
            presented(&[&format!("auth=T{space}")]),
            r#"Token("T")"#,
            "{space:?}"
        );
    }
    assert_eq!(presented(&["a=1;\t auth = T\t"]), r#"Token("T")"#);
}

#[test]
fn another_cookie_that_is_not_utf_8_does_not_log_out() {
    let of = |value: &[u8]| {
        let head = Head::raw("cookie", value);
        seen(
            CookieTransport::builder()
                .name("auth")
                .build()
                .expect("transport")
                .extract(Slot::Access, &head),
        )
    };
    assert_eq!(of(b"tracking=\xff; auth=T"), r#"Token("T")"#);
    assert_eq!(of(b"tracking=\xff"), "Nothing");
    assert_eq!(of(b"auth=\xff"), "Invalid(Malformed)");
}

#[test]
fn t3_two_cookies_of_the_name_are_rejected() {
    assert_eq!(presented(&["auth=T; auth=T"]), "Invalid(Ambiguous)");
    assert_eq!(presented(&["auth=T", "auth=U"]), "Invalid(Ambiguous)");
    assert_eq!(presented(&["auth=; auth=U"]), "Invalid(Ambiguous)");
}

proptest! {
    #[test]
    fn any_cookie_header_is_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
        let head = Head::raw("cookie", &value);
        let _ = CookieTransport::default().extract(Slot::Access, &head);
    }

    #[test]
    fn what_was_set_is_what_comes_back(value in "[A-Za-z0-9_.-]{1,80}", other in "[a-z]{1,9}=[a-z0-9]{0,9}") {
        let transport = CookieTransport::default();
        let pair = log_in(&transport, &value, None)[0].clone();
        let header = format!("{other}; {pair}; x");
        let head = Head::new("GET", &[("cookie", &header)]);
        prop_assert_eq!(seen(transport.extract(Slot::Access, &head)), format!("Token({value:?})"));
    }
}
