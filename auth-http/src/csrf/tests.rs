use portcullis_support::Log;

use super::*;
use crate::{PublicUrl, request::test_head::Head};

fn allows(method: &'static str, headers: &[(&'static str, &str)]) -> bool {
    let mut headers = headers.to_vec();
    headers.push(("host", "app.example.com"));
    let policy = CsrfPolicy::same_origin()
        .trust("https://friend.example")
        .expect("origin");
    policy.allows(&Head::new(method, &headers))
}

#[test]
fn x1_an_unsafe_request_passes_only_from_the_same_or_a_trusted_origin() {
    for (expected, headers) in [
        (true, &[][..]),
        (true, &[("sec-fetch-site", "same-origin")]),
        (true, &[("sec-fetch-site", "none")]),
        (false, &[("sec-fetch-site", "same-site")]),
        (false, &[("sec-fetch-site", "cross-site")]),
        (false, &[("sec-fetch-site", "")]),
        (
            false,
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")],
        ),
        (
            false,
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example.com"),
            ],
        ),
        (
            true,
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://friend.example"),
            ],
        ),
        (true, &[("origin", "http://app.example.com")]),
        (true, &[("origin", "https://friend.example")]),
        (false, &[("origin", "https://evil.example")]),
        (false, &[("origin", "https://app.example.com.evil.example")]),
        (false, &[("origin", "https://friend.example:8443")]),
        (false, &[("origin", "null")]),
        (false, &[("origin", "")]),
        (
            false,
            &[
                ("origin", "https://app.example.com"),
                ("origin", "https://evil.example"),
            ],
        ),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "post", "BREW"] {
            assert_eq!(allows(method, headers), expected, "{method} {headers:?}");
        }
    }
}

#[test]
fn a_safe_method_passes_from_anywhere() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert!(allows(
            method,
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example")
            ]
        ));
    }
}

#[test]
fn x4_a_websocket_handshake_is_judged_as_an_unsafe_request() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"] {
        for upgrade in ["websocket", "WebSocket", "h2c, websocket", ""] {
            for (expected, headers) in [
                (true, &[][..]),
                (true, &[("sec-fetch-site", "same-origin")]),
                (true, &[("origin", "http://app.example.com")]),
                (
                    true,
                    &[
                        ("origin", "https://friend.example"),
                        ("sec-fetch-site", "cross-site"),
                    ],
                ),
                (false, &[("sec-fetch-site", "cross-site")]),
                (false, &[("sec-fetch-site", "same-site")]),
                (false, &[("origin", "https://evil.example")]),
                (false, &[("origin", "null")]),
            ] {
                let mut headers = headers.to_vec();
                headers.push(("upgrade", upgrade));
                assert_eq!(allows(method, &headers), expected, "{method} {headers:?}");
            }
        }
    }
}

/// Whether an unsafe request of a browser without `Sec-Fetch-Site` passes.
fn passes(policy: &CsrfPolicy, is_tls: bool, host: &str, origin: &str) -> bool {
    let mut head = Head::new("POST", &[("host", host), ("origin", origin)]);
    head.is_tls = is_tls;
    policy.allows(&head)
}

#[test]
fn x5_origins_are_compared_as_scheme_host_and_port() {
    let policy = CsrfPolicy::same_origin();
    for (is_tls, host, origin, expected) in [
        (true, "app.example.com:443", "https://app.example.com", true),
        (true, "app.example.com", "https://app.example.com:443", true),
        (true, "App.Example.COM", "https://app.example.com", true),
        (false, "app.example.com:80", "http://app.example.com", true),
        (false, "app.example.com", "http://app.example.com:80", true),
        (false, "[::1]:80", "http://[::1]", true),
        (false, "[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080", true),
        (false, "127.0.0.1:8080", "http://127.0.0.1:8080", true),
        (true, "app.example.com:80", "https://app.example.com", false),
        (false, "app.example.com", "http://app.example.com:8080", false),
        (false, "app.example.com:8080", "http://app.example.com", false),
        (false, "[::1]:8080", "http://[::2]:8080", false),
        (false, "app.example.com", "http://app.example.com.", false),
        (true, "app.example.com", "tauri://app.example.com", false),
        // A proxy that ended TLS says so by the port.
        (false, "app.example.com:443", "https://app.example.com", true),
        (false, "app.example.com:443", "http://app.example.com", false),
    ] {
        assert_eq!(passes(&policy, is_tls, host, origin), expected, "{host} {origin}");
    }
    for (trusted, origin, expected) in [
        ("https://a.example:443", "https://a.example", true),
        ("https://a.example", "https://a.example:443", true),
        ("https://A.example", "https://a.example", true),
        ("http://[::1]:80", "http://[::1]", true),
        ("https://a.example:8443", "https://a.example", false),
        ("https://a.example", "http://a.example", false),
        ("https://a.example", "https://b.a.example", false),
    ] {
        let policy = CsrfPolicy::same_origin().trust(trusted).expect(trusted);
        assert_eq!(
            passes(&policy, false, "app.example.com", origin),
            expected,
            "{trusted} {origin}"
        );
    }
}

#[test]
fn x6_the_page_of_an_application_is_trusted_by_its_exact_name() {
    let policy = CsrfPolicy::same_origin()
        .trust("tauri://localhost")
        .expect("an origin");
    for (origin, expected) in [
        ("tauri://localhost", true),
        ("tauri://localhost:1420", false),
        ("tauri://localhost.evil.example", false),
        ("tauri://LOCALHOST", false),
        ("capacitor://localhost", false),
        ("http://localhost", false),
        ("null", false),
    ] {
        assert_eq!(
            passes(&policy, false, "app.example.com", origin),
            expected,
            "{origin}"
        );
    }
    // Nothing of one's own has such a name.
    assert!(!passes(
        &CsrfPolicy::same_origin(),
        false,
        "localhost",
        "tauri://localhost"
    ));
}

/// The policy of a service with this public URL.
fn reached_at(url: &str) -> CsrfPolicy {
    let url = PublicUrl::parse(url).expect("a URL");
    CsrfPolicy::same_origin().reached_at(url.origin().clone())
}

#[test]
fn c4_https_passes_at_a_service_that_knows_that_it_is_behind_tls() {
    let plain = CsrfPolicy::same_origin();
    let public = reached_at("https://app.example.com:443");
    for (policy, is_tls, host, origin, expected) in [
        (&plain, false, "app.example.com", "https://app.example.com", false),
        (&plain, false, "127.0.0.1:8080", "https://127.0.0.1:8080", false),
        (&plain, true, "app.example.com", "http://app.example.com", false),
        (&plain, true, "app.example.com", "https://app.example.com", true),
        (&public, false, "app.example.com", "https://app.example.com", true),
        (&public, false, "127.0.0.1:8080", "https://app.example.com", true),
        (&public, false, "app.example.com", "http://app.example.com", false),
        (&public, false, "127.0.0.1:8080", "http://127.0.0.1:8080", false),
    ] {
        assert_eq!(passes(policy, is_tls, host, origin), expected, "{host} {origin}");
    }
    let forwarded = [
        ("host", "app.example.com"),
        ("origin", "https://app.example.com"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "proto=https;host=app.example.com"),
    ];
    assert!(
        !plain.allows(&Head::new("POST", &forwarded)),
        "anyone may send these"
    );
}

#[test]
fn a_setting_that_is_not_an_origin_is_refused_at_start() {
    let policy = CsrfPolicy::same_origin;
    for origin in ["", "*", "null", "example.com", "https://", "https://a.example/"] {
        let error = policy().trust(origin).expect_err(origin);
        assert_eq!(error.setting(), "csrf.trusted_origin");
    }
}

/// What `policy` logs of a request.
fn log_of(policy: &CsrfPolicy, headers: &[(&'static str, &str)]) -> String {
    let mut head = Head::new("POST", headers);
    head.path = "/users/me";
    let listening = Log::begin();
    let refused = policy.check(&head);
    assert!(matches!(refused, Err(Forged(_))), "{headers:?}");
    listening.text()
}

#[test]
fn c8_the_log_of_a_refusal_names_origin_host_and_route_and_the_setting_that_would_allow_it() {
    let plain = CsrfPolicy::same_origin();
    let public = reached_at("https://app.example.com/api");
    let host = ("host", "app.example.com");
    for (policy, headers, told) in [
        (
            &plain,
            &[
                host,
                ("origin", "https://friend.example:443"),
                ("sec-fetch-site", "cross-site"),
            ][..],
            &[
                r#"origin="https://friend.example:443""#,
                r#"sec_fetch_site="cross-site""#,
                r#"CsrfPolicy::trust(\"https://friend.example\")"#,
            ][..],
        ),
        (
            &plain,
            &[host, ("origin", "https://app.example.com")],
            &[r#"setting="public_url(\"https://app.example.com\")"#],
        ),
        (
            &public,
            &[host, ("origin", "http://app.example.com")],
            &[r#"CsrfPolicy::trust(\"http://app.example.com\")"#],
        ),
        (
            &plain,
            &[host, ("origin", "tauri://localhost")],
            &[r#"CsrfPolicy::trust(\"tauri://localhost\")"#],
        ),
        (&plain, &[host, ("sec-fetch-site", "cross-site")], &["none: "]),
        (
            &plain,
            &[host, ("origin", "null")],
            &[r#"origin="null""#, "none: "],
        ),
    ] {
        let log = log_of(policy, headers);
        let common = [
            "WARN",
            r#"reason="cross_site""#,
            r#"method="POST""#,
            r#"route="/users/me""#,
            r#"host="app.example.com""#,
        ];
        for part in common.iter().chain(told) {
            assert!(log.contains(part), "{part} in {log}");
        }
    }
}

#[test]
fn e4_what_a_client_sends_cannot_forge_or_flood_the_log() {
    let long = "x".repeat(100_000);
    for sent in ["\u{1b}[31m\r\nFORGED line\u{202e}", &*long, "a\" FORGED=\"b"] {
        for name in ["origin", "host", "sec-fetch-site"] {
            let log = log_of(&CsrfPolicy::same_origin(), &[(name, sent), ("origin", "null")]);
            assert_eq!(log.lines().count(), 1, "{name}");
            assert!(log.len() < 2_000, "{name}: {} bytes", log.len());
            assert!(!log.contains(['\u{1b}', '\r', '\u{202e}']), "{log:?}");
            assert!(!log.contains("a\" FORGED"), "{log}");
        }
    }
}
