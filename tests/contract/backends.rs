//! Section 7: several backends beside each other, and the parameters of a cookie.

use std::time::Duration;

use portcullis::{
    Lifetime, OpaqueStrategy, SigningSecret,
    actix::Auth,
    http::{AuthBackend, BearerTransport, CookieTransport, CsrfPolicy, MaxAge, SameSite},
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
    users::UserManager,
};
use serde_json::json;
use std::sync::Arc;

use crate::harness::{Answer, Blueprint, Kind, Service, address, person};

#[track_caller]
fn saw(answer: &Answer, name: &str, kind: Kind) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({"email": address(name), "backend": kind.name()})
    );
}

/// A service with every backend, in this order, and two users.
fn with(backends: &[Kind], test: impl AsyncFnOnce(&Service)) {
    Blueprint::of(backends).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.seed(person("gawain")).await;
        test(service).await;
    });
}

#[test]
fn the_first_backend_that_yields_a_user_wins() {
    for (backends, winner) in [
        ([Kind::DbBearer, Kind::DbCookie], Kind::DbBearer),
        ([Kind::DbCookie, Kind::DbBearer], Kind::DbCookie),
    ] {
        with(&backends, async |service: &Service| {
            let bearer = service.pass(Kind::DbBearer, &address("lancelot")).await;
            let cookie = service.pass(Kind::DbCookie, &address("gawain")).await;
            let both = service
                .get("/required/active")
                .with(&bearer)
                .with(&cookie)
                .send()
                .await;
            saw(
                &both,
                if winner == Kind::DbBearer {
                    "lancelot"
                } else {
                    "gawain"
                },
                winner,
            );
        });
    }
}

#[test]
fn a_backend_that_yields_nobody_leaves_the_next_its_turn() {
    with(
        &[Kind::JwtBearer, Kind::DbBearer, Kind::DbCookie],
        async |service: &Service| {
            let bearer = service.pass(Kind::DbBearer, &address("lancelot")).await;
            let cookie = service.pass(Kind::DbCookie, &address("gawain")).await;
            let answer = service.get("/required/active").with(&bearer).send().await;
            saw(&answer, "lancelot", Kind::DbBearer);
            service
                .set(&address("lancelot"), |user| user.is_active = false)
                .await;
            let answer = service
                .get("/required/active")
                .with(&bearer)
                .with(&cookie)
                .send()
                .await;
            saw(&answer, "gawain", Kind::DbCookie);
        },
    );
}

#[test]
fn a_route_may_accept_some_backends_only() {
    with(&Kind::ALL, async |service: &Service| {
        for issuer in Kind::ALL {
            let pass = service.pass(issuer, &address("lancelot")).await;
            for accepted in Kind::ALL {
                let path = format!("/only/{}/required/active", accepted.name());
                let answer = service.get(&path).with(&pass).send().await;
                if accepted == issuer {
                    saw(&answer, "lancelot", issuer);
                } else {
                    answer.is_unauthorized();
                    let challenge = (!accepted.is_cookie()).then_some("Bearer");
                    assert_eq!(answer.header("www-authenticate"), challenge);
                }
                let path = format!("/only/{}/optional/active", accepted.name());
                let answer = service.get(&path).with(&pass).send().await;
                assert_eq!(answer.text() != "null", accepted == issuer);
            }
        }
    });
}

#[test]
fn the_backends_may_be_chosen_for_each_request() {
    with(&Kind::ALL, async |service: &Service| {
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let ask = |names| {
            let call = service.get("/chosen/required/active").header("x-accept", names);
            call.with(&pass).send()
        };
        saw(&ask("db").await, "lancelot", Kind::DbBearer);
        saw(&ask("cookie,db").await, "lancelot", Kind::DbBearer);
        for others in ["jwt", "cookie", "", "nobody", "jwt,jwt-cookie"] {
            ask(others).await.is_unauthorized();
        }
    });
}

#[test]
fn two_backends_of_one_name_are_an_error_at_start() {
    let secret = SigningSecret::generate().expect("random");
    let users: UserManager = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
        .build()
        .expect("users");
    let backend = |name: &str| {
        let strategy = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), Lifetime::FOREVER);
        AuthBackend::new(name, BearerTransport, strategy)
    };
    let built = Auth::builder(users)
        .backend(backend("db"))
        .backend(backend("db"))
        .build();
    let error = built.err().expect("refused");
    assert_eq!(error.setting(), "backend \"db\"");
}

#[test]
fn every_parameter_of_the_cookie_is_sent_and_repeated_at_the_removal() {
    let secure = CookieTransport::builder()
        .name("__Secure-round-table")
        .max_age(MaxAge::Fixed(Duration::from_secs(90)))
        .path("/auth")
        .domain("camelot.example")
        .same_site(SameSite::Strict)
        .build()
        .expect("secure");
    let rest = [
        "Domain=camelot.example",
        "HttpOnly",
        "Path=/auth",
        "SameSite=Strict",
        "Secure",
    ];
    cookie_is(secure, "__Secure-round-table", Some(90), &rest);

    let session = CookieTransport::builder()
        .max_age(MaxAge::Session)
        .build()
        .expect("secure");
    cookie_is(
        session,
        "__Host-portcullis",
        None,
        &["HttpOnly", "Path=/", "SameSite=Lax", "Secure"],
    );

    let insecure = CookieTransport::builder()
        .name("trial")
        .secure(false)
        .http_only(false)
        .allow_insecure()
        .build()
        .expect("allowed");
    cookie_is(insecure, "trial", Some(3600), &["Path=/", "SameSite=Lax"]);

    let none = CookieTransport::builder()
        .same_site(SameSite::None)
        .build()
        .expect("secure");
    cookie_is(
        none,
        "__Host-portcullis",
        Some(3600),
        &["HttpOnly", "Path=/", "SameSite=None", "Secure"],
    );
}

/// Logs in and out through a service with this cookie alone.
fn cookie_is(transport: CookieTransport, name: &str, max_age: Option<u32>, rest: &[&str]) {
    crate::harness::run(async {
        let service = Service::with_cookie(transport, CsrfPolicy::same_origin()).await;
        service.seed(person("lancelot")).await;
        let fields = [
            ("username", &*address("lancelot")),
            ("password", crate::harness::PASSWORD),
        ];
        let log_in = service.post("/auth/cookie/login").form(&fields).send().await;
        log_in.is(204, "");
        let cookie = log_in.header("set-cookie").expect("a cookie").to_owned();
        let max_age = max_age.map(|seconds| format!("Max-Age={seconds}"));
        let expected: Vec<&str> = max_age
            .as_deref()
            .into_iter()
            .chain(rest.iter().copied())
            .collect();
        let pair = attributes_are(&cookie, &expected);
        assert!(pair.starts_with(&format!("{name}=")), "{pair}");

        let log_out = service
            .post("/auth/cookie/logout")
            .header("cookie", &pair)
            .send()
            .await;
        log_out.is(204, "");
        let expected: Vec<&str> = ["Max-Age=0"].into_iter().chain(rest.iter().copied()).collect();
        let removal = attributes_are(log_out.header("set-cookie").expect("a cookie"), &expected);
        assert_eq!(removal, format!("{name}="));
    });
}

/// The pair of the cookie, whose attributes are exactly these.
#[track_caller]
fn attributes_are(cookie: &str, expected: &[&str]) -> String {
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    let mut attributes: Vec<_> = attributes.split("; ").collect();
    attributes.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(attributes, expected);
    pair.to_owned()
}
