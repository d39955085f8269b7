//! X1 to X6: what another site can make a browser do.

use portcullis::{
    SigningSecret,
    http::{CookieTransport, CsrfPolicy},
};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, SECRET, Service, address, person, run},
    routes::{json_routes, unsafe_routes},
};

#[test]
fn x1_every_unsafe_route_refuses_a_cross_site_request_with_the_cookie() {
    for kind in [Kind::DbCookie, Kind::JwtCookie] {
        Blueprint::of(&[kind]).run(async |service: &Service| {
            let user = service.seed(person("lancelot").superuser()).await;
            let pass = service.pass(kind, &address("lancelot")).await;
            for (method, path) in unsafe_routes(kind, user.id) {
                for (header, value) in [
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-site", "same-site"),
                    ("sec-fetch-site", "nonsense"),
                    ("origin", "https://evil.example"),
                    ("origin", "null"),
                ] {
                    let call = service
                        .call(method.clone(), &path)
                        .with(&pass)
                        .header(header, value);
                    let call = match &*path {
                        path if path.ends_with("/login") => {
                            call.form(&[("username", &*address("lancelot")), ("password", PASSWORD)])
                        }
                        "/auth/register" => {
                            call.json(&json!({"email": address("evil"), "password": PASSWORD}))
                        }
                        _ => call.json(&json!({"password": NEW_PASSWORD})),
                    };
                    let answer = call.send().await;
                    answer.is_forbidden();
                    assert_eq!(answer.header("set-cookie"), None, "{method} {path}");
                }
            }
            let stored = service.stored(&address("lancelot")).await.expect("still there");
            assert_eq!(stored.revision, user.revision);
            assert!(service.stored(&address("evil")).await.is_none());
            assert_eq!(service.me(&pass).await.status, 200);
        });
    }
}

/// A service with one cookie, which is confirmed by double submit.
async fn confirmed() -> Service {
    let secret = SigningSecret::new(SECRET).expect("long enough");
    let policy = CsrfPolicy::same_origin().double_submit(&secret);
    let cookie = CookieTransport::builder().name(Kind::DbCookie.cookie().expect("a cookie"));
    Service::with_cookie(cookie.build().expect("secure"), policy).await
}

/// A log-in of a service whose cookie is confirmed by double submit.
struct Session {
    pass: Pass,
    csrf: String,
}

impl Session {
    async fn of(service: &Service, name: &str) -> Self {
        Self::begun(&service.log_in(Kind::DbCookie, &address(name), PASSWORD).await)
    }

    fn begun(answer: &Answer) -> Self {
        assert_eq!(answer.status, 204, "{answer:?}");
        let value = |name: &str| {
            let mut cookies = answer.headers.get_all("set-cookie").iter();
            let value = cookies.find_map(|cookie| {
                let (pair, _attributes) = cookie.to_str().ok()?.split_once(';')?;
                pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
            });
            value.unwrap_or_else(|| panic!("no cookie {name}: {answer:?}"))
        };
        let name = Kind::DbCookie.cookie().expect("a cookie");
        Self {
            pass: Pass::new(Kind::DbCookie, value(name)),
            csrf: value(&format!("{name}-csrf")),
        }
    }
}

#[test]
fn x1_with_double_submit_every_unsafe_route_asks_for_the_token_of_its_own_session() {
    run(async {
        let service = confirmed().await;
        service.seed(person("lancelot").superuser()).await;
        service.seed(person("galahad")).await;
        let doomed = service.seed(person("mordred")).await;
        let session = Session::of(&service, "lancelot").await;
        let second = Session::of(&service, "lancelot").await;
        let galahad = Session::of(&service, "galahad").await;
        for (method, path, status) in [
            (Method::POST, "/required/active".to_owned(), 200),
            (
                Method::DELETE,
                "/guarded/superuser/required/active".to_owned(),
                200,
            ),
            (Method::PUT, "/only/cookie/optional/active".to_owned(), 200),
            (Method::PATCH, "/users/me".to_owned(), 200),
            (Method::PATCH, format!("/users/{}", doomed.id), 200),
            (Method::DELETE, format!("/users/{}", doomed.id), 204),
            (Method::POST, Kind::DbCookie.logout(), 204),
        ] {
            let call = || {
                let call = service.call(method.clone(), &path).with(&session.pass);
                // It comes from a page of the service's own as far as the browser knows.
                call.header("sec-fetch-site", "same-origin").json(&json!({}))
            };
            call().send().await.is_forbidden();
            for bad in [&second.csrf, &galahad.csrf, &session.pass.token, ""] {
                let answer = call().header("x-csrf-token", bad).send().await;
                assert_eq!(answer.header("set-cookie"), None, "{method} {path}");
                answer.is_forbidden();
            }
            assert_eq!(service.me(&session.pass).await.status, 200, "{method} {path}");
            let from_elsewhere = service
                .call(method.clone(), &path)
                .with(&session.pass)
                .json(&json!({}));
            let from_elsewhere = from_elsewhere.header("x-csrf-token", &session.csrf);
            from_elsewhere
                .header("sec-fetch-site", "cross-site")
                .send()
                .await
                .is_forbidden();
            let answer = call().header("x-csrf-token", &session.csrf).send().await;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        }
        assert!(service.stored(&address("mordred")).await.is_none());
        service.me(&session.pass).await.is_unauthorized();
        assert_eq!(service.me(&second.pass).await.status, 200);
    });
}

#[test]
fn x4_a_websocket_handshake_of_another_site_is_403() {
    for kind in [Kind::DbCookie, Kind::JwtCookie] {
        Blueprint::of(&[kind, Kind::DbBearer]).run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let pass = service.pass(kind, &address("lancelot")).await;
            let bearer = service.pass(Kind::DbBearer, &address("lancelot")).await;
            let own = format!("http://{}", service.address);
            for path in [
                "/required/active",
                "/optional/active",
                "/guarded/active/required/active",
                "/users/me",
            ] {
                for upgrade in ["websocket", "WebSocket", "h2c, websocket"] {
                    let handshake = async |pass: &Pass, headers: &[(&str, &str)]| {
                        let (name, value) = pass.header();
                        let mut request = format!(
                            "GET {path} HTTP/1.1\r\nHost: {}\r\n{name}: {value}\r\nConnection: Upgrade\r\n\
                             Upgrade: {upgrade}\r\nSec-WebSocket-Version: 13\r\n\
                             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                            service.address
                        );
                        for (name, value) in headers {
                            request.push_str(&format!("{name}: {value}\r\n"));
                        }
                        request.push_str("\r\n");
                        // The server waits for more, as this could be a WebSocket: its status is enough.
                        let mut stream = TcpStream::connect(service.address).await.expect("a connection");
                        stream.write_all(request.as_bytes()).await.expect("sent");
                        let mut status = [0; "HTTP/1.1 200".len()];
                        stream.read_exact(&mut status).await.expect("an answer");
                        String::from_utf8_lossy(&status[9..]).into_owned()
                    };
                    for forged in [
                        &[
                            ("origin", "https://evil.example"),
                            ("sec-fetch-site", "cross-site"),
                        ][..],
                        &[("origin", "https://evil.example")],
                        &[("origin", "null")],
                        &[("sec-fetch-site", "same-site")],
                    ] {
                        assert_eq!(handshake(&pass, forged).await, "403", "{path} {forged:?}");
                        assert_eq!(handshake(&bearer, forged).await, "200", "{path}");
                    }
                    for good in [
                        &[("origin", &*own), ("sec-fetch-site", "same-origin")][..],
                        &[("origin", &*own)],
                        &[],
                    ] {
                        assert_eq!(handshake(&pass, good).await, "200", "{path} {good:?}");
                    }
                }
            }
        });
    }
}

#[test]
fn x4_with_double_submit_a_handshake_is_judged_by_its_origin() {
    run(async {
        let service = confirmed().await;
        service.seed(person("lancelot")).await;
        let session = Session::of(&service, "lancelot").await;
        for (site, status) in [("same-origin", 200), ("cross-site", 403)] {
            let call = service.get("/required/active").with(&session.pass);
            let call = call
                .header("connection", "Upgrade")
                .header("upgrade", "websocket");
            assert_eq!(call.header("sec-fetch-site", site).send().await.status, status);
        }
    });
}

/// The status of an unsafe request with the cookie, by a browser without `Sec-Fetch-Site`.
async fn from_page(service: &Service, pass: &Pass, host: &str, origin: &str) -> u16 {
    let call = service.patch("/users/me").json(&json!({})).with(pass);
    let call = call.header("host", host).header("origin", origin);
    call.send().await.status
}

#[test]
fn c4_x5_an_origin_is_its_scheme_host_and_port() {
    for (public, cases) in [
        (
            None,
            &[
                ("app.example.com:443", "https://app.example.com", 200),
                ("app.example.com", "http://app.example.com:80", 200),
                ("App.Example.com:80", "http://app.example.com", 200),
                ("[::1]:8080", "http://[::1]:8080", 200),
                ("app.example.com", "https://app.example.com", 403),
                ("app.example.com:8080", "https://app.example.com:8080", 403),
                ("app.example.com:8080", "http://app.example.com", 403),
            ][..],
        ),
        (
            Some("https://app.example.com/api"),
            &[
                ("app.example.com", "https://app.example.com", 200),
                ("127.0.0.1:8080", "https://app.example.com:443", 200),
                ("app.example.com", "http://app.example.com", 403),
                ("127.0.0.1:8080", "http://127.0.0.1:8080", 403),
            ],
        ),
    ] {
        let mut blueprint = Blueprint::of(&[Kind::DbCookie]);
        blueprint.public_url = public;
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let pass = service.pass(Kind::DbCookie, &address("lancelot")).await;
            for (host, origin, status) in cases {
                assert_eq!(
                    from_page(service, &pass, host, origin).await,
                    *status,
                    "{host} {origin}"
                );
            }
        });
    }
}

#[test]
fn x6_the_pages_of_an_application_register_and_log_in_if_they_are_trusted_by_name() {
    let origins = [
        "tauri://localhost",
        "capacitor://localhost",
        "ionic://localhost",
        "app://-",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ];
    let mut blueprint = Blueprint::of(&[Kind::DbCookie]);
    blueprint.csrf = origins[..4]
        .iter()
        .fold(CsrfPolicy::same_origin(), |policy, origin| {
            policy.trust(origin).expect("an origin")
        });
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for (n, origin) in origins.iter().enumerate() {
            let body = json!({"email": address(&format!("knight{n}")), "password": PASSWORD});
            let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
            for (call, allowed) in [
                (service.post("/auth/register").json(&body), 201),
                (service.post(&Kind::DbCookie.login()).form(&form), 204),
            ] {
                let call = call
                    .header("origin", origin)
                    .header("sec-fetch-site", "cross-site");
                let status = call.send().await.status;
                assert_eq!(status, if n < 4 { allowed } else { 403 }, "{origin}");
            }
        }
    });
}

#[test]
fn x2_a_bearer_header_beside_the_cookie_does_not_switch_the_check_off() {
    for (cookie, bearer) in [
        (Kind::DbCookie, Kind::DbBearer),
        (Kind::JwtCookie, Kind::JwtBearer),
    ] {
        for order in [[cookie, bearer], [bearer, cookie]] {
            Blueprint::of(&order).run(async |service: &Service| {
                let user = service.seed(person("lancelot").superuser()).await;
                let cookie = service.pass(cookie, &address("lancelot")).await;
                let good = service.pass(bearer, &address("lancelot")).await;
                for value in [
                    good.header().1,
                    "Bearer nonsense".to_owned(),
                    "Bearer".to_owned(),
                    "Basic YTpi".to_owned(),
                ] {
                    for (method, path) in [
                        (Method::PATCH, "/users/me".to_owned()),
                        (Method::PATCH, format!("/users/{}", user.id)),
                        (Method::DELETE, format!("/users/{}", user.id)),
                        (Method::POST, cookie.kind.logout()),
                        (Method::POST, "/required/active".to_owned()),
                        (Method::POST, "/optional/active".to_owned()),
                    ] {
                        let call = service
                            .call(method, &path)
                            .json(&json!({"password": NEW_PASSWORD}));
                        let call = call.with(&cookie).header("authorization", &value);
                        call.header("sec-fetch-site", "cross-site")
                            .send()
                            .await
                            .is_forbidden();
                    }
                }
                let stored = service.stored(&address("lancelot")).await.expect("still there");
                assert_eq!(stored.revision, user.revision);
                // The header alone is nothing that another site could send.
                let call = service.patch("/users/me").json(&json!({})).with(&good);
                let answer = call.header("sec-fetch-site", "cross-site").send().await;
                assert_eq!(answer.status, 200);
            });
        }
    }
}

#[test]
fn x3_json_routes_refuse_what_a_form_of_another_site_can_send() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let pass = service.pass(Kind::DbCookie, &address("lancelot")).await;
        for route in json_routes(user.id) {
            for content_type in [
                "text/plain",
                "text/plain; charset=utf-8",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "text/json",
                "application/octet-stream",
                "",
                "application/jsonx",
                "text/plain, application/json",
            ] {
                let call = route.call(service).body(content_type, route.body.to_string());
                let answer = call.with(&pass).send().await;
                assert_eq!(answer.status, 422, "{} {content_type:?}", route.path);
                answer.field_errors();
            }
            let call = service.call(route.method.clone(), &route.path);
            let answer = call
                .form(&[("email", "a@b.example"), ("password", PASSWORD)])
                .with(&pass)
                .send()
                .await;
            assert_eq!(answer.status, 422, "{}", route.path);
            let answer = route
                .call(service)
                .multipart(&[("email", "a@b.example")])
                .with(&pass)
                .send()
                .await;
            assert_eq!(answer.status, 422, "{}", route.path);
        }
        let stored = service.stored(&address("lancelot")).await.expect("still there");
        assert_eq!(stored.revision, user.revision);
        assert!(service.stored(&address("mordred")).await.is_none());
    });
}

#[test]
fn x3_get_and_head_change_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        let verify = service.verify_token(&address("lancelot")).await;
        let reset = service.reset_token(&address("lancelot")).await;
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                for (_, path) in unsafe_routes(kind, user.id) {
                    let call = service
                        .call(method.clone(), &path)
                        .json(&json!({"password": NEW_PASSWORD}));
                    call.with(&pass).send().await;
                }
                for route in json_routes(user.id) {
                    service
                        .call(method.clone(), &route.path)
                        .json(&route.body)
                        .with(&pass)
                        .send()
                        .await;
                }
                for path in [
                    format!("/auth/verify?token={verify}"),
                    format!("/auth/reset-password?token={reset}&password={NEW_PASSWORD}").replace(' ', "+"),
                    format!("/auth/register?email=mordred@camelot.example&password={PASSWORD}")
                        .replace(' ', "+"),
                ] {
                    service.call(method.clone(), &path).send().await;
                }
            }
            assert_eq!(service.me(&pass).await.status, 200, "{kind:?}");
        }
        let stored = service.stored(&address("lancelot")).await.expect("still there");
        assert_eq!(stored.revision, user.revision);
        assert!(service.stored(&address("mordred")).await.is_none());
        assert!(service.mails().await.is_empty());
        assert_eq!(
            service
                .post_json("/auth/verify", json!({"token": verify}))
                .await
                .status,
            200
        );
    });
}
